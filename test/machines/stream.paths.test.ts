// Every transition of the stream's chart, walked along generated paths, against the table that people wrote.

import { describe, expect, test } from 'vitest';
import { streamMachine } from '../../src/machines/stream.machine.ts';
import { allRows, chartOf } from '../../tools/charts/chart-model.ts';
import { differencesFrom, rowsIn } from './expected-rows.ts';
import { keyOf } from './machine-walk.ts';
import { STREAM_ROWS } from './stream.rows.ts';
import { walkStream } from './stream-walk.ts';

const walked = walkStream();
const keys = allRows(chartOf(streamMachine)).map(keyOf);
const expected = rowsIn(STREAM_ROWS);

test('every transition of the stream is walked by a generated path', () => {
  expect(keys.filter((key) => !walked.taken.has(key))).toEqual([]);
  expect(walked.taken.size).toBe(keys.length);
});

test('the table names every transition of the stream once, and no other', () => {
  expect(expected.map((row) => row.key).sort()).toEqual([...keys].sort());
});

test('no path of truthful facts enters a state without what its work needs', () => {
  expect(walked.broken.map((path) => [path.from, ...path.events.map((event) => event.type)])).toEqual([]);
});

describe('each transition leads where the table says, and owes what it says', () => {
  test.each(expected)('$key -> $next', (row) => {
    const taken = walked.taken.get(row.key);
    expect(taken?.steps.length).toBeGreaterThan(0);
    expect(differencesFrom(row, taken?.steps ?? [])).toEqual([]);
  });
});
