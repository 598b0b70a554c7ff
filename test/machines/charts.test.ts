// The files that are generated from the machines and the failure table, against what a reader finds in docs.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { allCharts, chartFiles } from '../../tools/charts/chart-files.ts';
import { allRows } from '../../tools/charts/chart-model.ts';
import { FAILURES_FILE, failuresText } from '../../tools/failures-docs.ts';

const folder = join(import.meta.dirname, '..', '..', 'docs', 'statecharts');

describe('docs/statecharts', async () => {
  const files = await chartFiles();

  test('holds a page and a picture for every machine, and nothing else', async () => {
    expect((await readdir(folder)).sort()).toEqual([...files.keys()].sort());
  });

  test.each([...files])('%s is what the machines say (npm run charts)', async (name, text) => {
    expect(await readFile(join(folder, name), 'utf8')).toBe(text);
  });

  test('has one row in a table for every transition of every machine', () => {
    const pages = new Map([...files].filter(([name]) => name.endsWith('.md')));
    const rows = [...pages.values()].join('\n').match(/^\| (at once|`[^`]+`) \| .*\|.*\|.*\|.*\|$/gm) ?? [];
    expect(rows).toHaveLength(allCharts().flatMap(allRows).length);
  });

  test.each(allCharts().map((chart) => [chart.id, chart] as const))(
    'shows every state of %s in its first picture, addressable by its name',
    (id, chart) => {
      const name = `${id.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}.svg`;
      const shown = [...(files.get(name) ?? '').matchAll(/data-state="([^"]+)"/g)].map((match) => match[1]);
      expect(shown.sort()).toEqual(
        chart.states
          .map((state) => state.path)
          .filter((path) => path !== '')
          .sort(),
      );
    },
  );
});

test('docs/failures.md is what the failure table says (npm run failures)', async () => {
  expect(await readFile(FAILURES_FILE, 'utf8')).toBe(failuresText());
});
