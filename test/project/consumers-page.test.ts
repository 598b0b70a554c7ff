// Other programs are written by docs/consumers.md: it names every field and variable that they get.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { sampleNotice } from '../contracts/notifier.contract.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const PAGE = read('docs/consumers.md');
const namesIn = (source: string, pattern: RegExp): string[] =>
  [...source.matchAll(pattern)].map(([, name = '']) => name);

test.each([
  ['fields of a notice', Object.keys(sampleNotice())],
  ['variables of the command', namesIn(read('src/adapters/command-notifier.ts'), /(TAILRACE_[A-Z_]+):/g)],
  ['fields of an event', ['stream_id', 'status', 'bucket', 'key', 'size', 'at', 'told']],
  ['statuses', namesIn(read('src/machines/stream-status.ts'), /^ {2}\| '(\w+)'/gm)],
  ['outcomes that are counted', ['webhook_delivered', 'webhook_failed', 'webhook_given_up', 'webhook_dropped']],
])('docs/consumers.md names all %s', (_what, names) => {
  expect(names.length).toBeGreaterThan(3);
  expect(names.filter((name) => !PAGE.includes(`\`${name}\``))).toEqual([]);
});
