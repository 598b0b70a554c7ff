// Whoever is woken by an alert, or reads a code in the status, finds what to do in docs/troubleshooting.md.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { FAILURE_CODES, failureRow } from '../../src/machines/failure.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const HEADINGS = [...read('docs/troubleshooting.md').matchAll(/^## (.+)$/gm)].map(([, heading = '']) => heading);
/** As GitHub makes it of a heading of one word. */
const ANCHORS = HEADINGS.map((heading) => `docs/troubleshooting.md#${heading.toLowerCase()}`);

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert: string; readonly annotations: { readonly runbook: string } }[];
  }[];
}
const { groups } = parse(read('deploy/prometheus/alerts.yaml')) as Rules;
const ALERTS = groups.flatMap(({ rules }) => rules);
const CURABLE = FAILURE_CODES.filter((code) => failureRow(code).cure !== 'nobody needed');

describe('docs/troubleshooting.md', () => {
  test.each(ALERTS.map(({ alert, annotations }) => [alert, annotations.runbook] as const))(
    'has the section that %s names',
    (alert, runbook) => {
      expect(HEADINGS).toContain(alert);
      expect(ANCHORS).toContain(runbook);
    },
  );

  test.each(CURABLE)('has a section for %s', (code) => {
    expect(HEADINGS).toContain(code);
  });

  test('has no section of a code or an alert that is no more', () => {
    const known = new Set<string>([...CURABLE, ...ALERTS.map(({ alert }) => alert)]);
    const named = HEADINGS.filter((heading) => /^([a-z0-9]+(_[a-z0-9]+)+|Tailrace\w+|bug)$/.test(heading));
    expect(named.filter((heading) => !known.has(heading))).toEqual([]);
    expect(named.length).toBe(known.size);
  });
});
