// The deterministic simulation: the same seed gives the same run, and what once broke a promise does not any more. Many runs:
// `slice.test.ts`.

import { describe, expect, it } from 'vitest';
import { REGRESSION_SEEDS } from './regression-seeds.ts';
import { run } from './run.ts';

const FEW_RUNS = 100;
const LONG_MS = 120_000;

describe('simulation', () => {
  it.each([1, 2, 3, 4])('gives the same run for the same seed, to the byte of its log: seed %i', async (seed) => {
    const [first, second] = [await run(seed), await run(seed)];
    expect(second.world.log.lines()).toEqual(first.world.log.lines());
    expect(first.world.log.events.length).toBeGreaterThan(100);
  });

  it('gives another run for another seed', async () => {
    const [first, second] = [await run(1), await run(2)];
    expect(second.world.log.lines()).not.toEqual(first.world.log.lines());
  });

  it.each(REGRESSION_SEEDS)('breaks no promise where it once did: seed $seed, $what', async ({ seed }) => {
    expect((await run(seed)).violations).toEqual([]);
  });

  it(
    `breaks no promise in the first ${FEW_RUNS} runs`,
    async () => {
      for (let seed = 1; seed <= FEW_RUNS; seed += 1) expect((await run(seed)).violations, `seed ${seed}`).toEqual([]);
    },
    LONG_MS,
  );
});
