// The deterministic simulation: the same seed gives the same run.

import { describe, expect, it } from 'vitest';
import { run } from './run.ts';

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
});
