// The deterministic simulation: the same seed gives the same run, and no run of the slice breaks a promise.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { REGRESSION_SEEDS } from './regression-seeds.ts';
import { run } from './run.ts';

/** Runs of at least 50 steps: about 20 s on two idle cores. */
const SLICE_RUNS = 1_000;
const WORKERS = 2;
const LONG_MS = 300_000;

/** In a process of its own: on XState's production build, and beside the other one. */
async function simulate(seed: number, runs: number): Promise<{ readonly code: unknown; readonly said: string }> {
  const program = new URL('simulate.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [program, '--seed', String(seed), '--runs', String(runs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return { code, said };
}

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
    `breaks no promise in ${SLICE_RUNS} runs`,
    async () => {
      const each = SLICE_RUNS / WORKERS;
      const slices = Array.from({ length: WORKERS }, (_, n) => simulate(1 + n * each, each));
      for (const { code, said } of await Promise.all(slices)) expect(code, said).toBe(0);
    },
    LONG_MS,
  );
});
