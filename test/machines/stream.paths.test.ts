// Every transition of the stream's chart, walked along generated paths, against the table that people wrote; and each path cut at each
// step: what the journal holds then, given to a new actor, ends as its uncut twin does. One file, because the walk takes seconds.

import { describe, expect, test } from 'vitest';
import { streamMachine } from '../../src/machines/stream.machine.ts';
import { isFinal } from '../../src/machines/stream-status.ts';
import { allRows, chartOf } from '../../tools/charts/chart-model.ts';
import { differencesFrom, rowsIn } from './expected-rows.ts';
import { keyOf } from './machine-walk.ts';
import { STREAM_ROWS } from './stream.rows.ts';
import { type Cut, cutsOf, finishRestored, finishUncut, worldsAt } from './stream-cut.ts';
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

const takenPaths = [...walked.taken.values()].map(({ path }) => path).filter((path) => !path.isUnlikely);
const paths = [...walked.statePaths, ...takenPaths];

/** Paths share their beginnings: one cut for each moment that differs. */
function differentCuts(): ReadonlyMap<string, readonly Cut[]> {
  const known = new Set<string>();
  const byState = new Map<string, Cut[]>();
  for (const cut of paths.flatMap(cutsOf)) {
    const text = JSON.stringify([cut.state, cut.context, cut.record]);
    if (known.has(text) || isFinal(cut.state)) continue;
    known.add(text);
    byState.set(cut.state, [...(byState.get(cut.state) ?? []), cut]);
  }
  return byState;
}

const cuts = differentCuts();
const told = (cut: Cut): string =>
  `${cut.path.from}: ${cut.path.events
    .slice(0, cut.after)
    .map((event) => event.type)
    .join(', ')}`;

describe('a stream whose process dies ends as its twin that lives on', () => {
  test.each([...cuts])('cut in %s', (_, inState) => {
    for (const cut of inState) {
      for (const [name, world] of worldsAt(cut)) {
        const uncut = finishUncut(cut, world());
        expect({ cut: told(cut), name, ...(finishRestored(cut, world()) as object) }).toEqual({
          cut: told(cut),
          name,
          ...(uncut as object),
        });
        expect(uncut).toHaveProperty('state');
      }
    }
  });
});
