// Each generated path is cut at each step: what the journal holds then, given to a new actor, ends as its uncut twin does.

import { describe, expect, test } from 'vitest';
import { isFinal } from '../../src/machines/stream-status.ts';
import { type Cut, cutsOf, finishRestored, finishUncut, worldsAt } from './stream-cut.ts';
import { walkStream } from './stream-walk.ts';

const walked = walkStream();
const taken = [...walked.taken.values()].map(({ path }) => path).filter((path) => !path.isUnlikely);
const paths = [...walked.statePaths, ...taken];

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
