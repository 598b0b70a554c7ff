// Every planted bug is found by the checker within its number of seeds; without the checker none would be.

import { describe, expect, it } from 'vitest';
import { PLANTED_BUGS, type PlantedBug } from './planted-bugs.ts';
import { run } from './run.ts';

/** Hundreds of runs at worst, on a machine that others use too. */
const LONG_MS = 240_000;

/** The first seed whose run breaks what the bug breaks; null: none of the first `upTo`. */
async function foundBy(bug: PlantedBug, upTo: number, checks = true): Promise<number | null> {
  const { swaps, adapt, breaks } = bug;
  for (let seed = 1; seed <= upTo; seed += 1) {
    const { violations } = await run(seed, { swaps, checks, ...(adapt ? { adapt } : {}) });
    if (violations.some(({ invariant }) => invariant === breaks)) return seed;
  }
  return null;
}

describe('the checker finds', () => {
  it.each(PLANTED_BUGS)(
    '$name: $breaks within $withinSeeds seeds',
    async (bug) => {
      expect(await foundBy(bug, bug.withinSeeds)).not.toBeNull();
    },
    LONG_MS,
  );

  it('nothing, when it is turned off', async () => {
    const [obvious] = PLANTED_BUGS as readonly [PlantedBug];
    expect(await foundBy(obvious, 3)).not.toBeNull();
    expect(await foundBy(obvious, 3, false)).toBeNull();
  });
});
