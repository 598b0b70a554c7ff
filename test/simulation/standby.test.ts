// Two hosts with STANDBY, in simulation: whoever was stopped past its lease and goes on does no harm.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import type { Swaps } from './daemon.ts';
import { runStandby } from './standby.ts';

/** The campaign of docs/registry.md is longer: `npm run simulate-standby -- --runs 1000`. */
const SLICE_RUNS = 500;
const WORKERS = 2;
/** Until a planted bug is found. */
const MOST_SEEDS = 150;
const LONG_MS = 240_000;

/** In a process of its own: on XState's production build, and beside the other one. */
async function simulate(seed: number, runs: number): Promise<{ readonly code: unknown; readonly said: string }> {
  const program = new URL('simulate-standby.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [program, '--seed', String(seed), '--runs', String(runs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return { code, said };
}

describe('F10 F11 F57 two hosts on one folder', () => {
  it(
    `break no promise in ${SLICE_RUNS} runs, whenever they are stopped past their lease and go on`,
    async () => {
      const each = SLICE_RUNS / WORKERS;
      const slices = Array.from({ length: WORKERS }, (_, n) => simulate(1 + n * each, each));
      for (const { code, said } of await Promise.all(slices)) expect(code, said).toBe(0);
    },
    LONG_MS,
  );

  it(
    'are caught when a lease is believed to stand for ever',
    async () => {
      const swaps: Swaps = {
        world({ leases, lostTo }) {
          const { set } = leases;
          leases.set = (id, lease) => set.call(leases, id, { ...lease, standsUntilMs: Number.POSITIVE_INFINITY });
          lostTo.get = () => undefined;
        },
      };
      let foundBy: number | null = null;
      for (let seed = 1; seed <= MOST_SEEDS && foundBy === null; seed += 1)
        if ((await runStandby(seed, swaps)).violations.length > 0) foundBy = seed;
      expect(foundBy).not.toBeNull();
    },
    LONG_MS,
  );
});
