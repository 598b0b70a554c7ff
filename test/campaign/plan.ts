// What is drawn: how each life of a daemon ends, and what is lost with it. A seed gives the same draws; what the daemon is doing at that
// moment is the machine's to say.

import type { Random } from '../simulation/random.ts';
import { CRASH_POINTS } from './crash-points.ts';
import type { Trip } from './victim.ts';

export type Ending =
  /** Counted from the start of the process: mostly before it listens. */
  | { readonly kind: 'booting'; readonly afterMs: number }
  /** Counted from when it listens. */
  | { readonly kind: 'running'; readonly afterMs: number }
  | { readonly kind: 'draining'; readonly afterMs: number; readonly thenMs: number }
  | { readonly kind: 'point'; readonly trip: Trip; readonly afterMs: number };

/** Parts of a former life may arrive for 5 s: before that nothing is completed or opened. */
const LONG_MS = [5_500, 9_000] as const;

export function drawEnding(random: Random): Ending {
  const afterMs = random.between(0, 2_500);
  return random.weighted<() => Ending>([
    [30, () => ({ kind: 'booting', afterMs: random.between(0, 900) })],
    [25, () => ({ kind: 'running', afterMs })],
    [8, () => ({ kind: 'running', afterMs: random.between(...LONG_MS) })],
    [12, () => ({ kind: 'draining', afterMs, thenMs: random.between(0, 400) })],
    [25, () => ({ kind: 'point', trip: drawTrip(random), afterMs: random.between(...LONG_MS) })],
  ])();
}

const drawTrip = (random: Random): Trip => ({
  point: random.pick(CRASH_POINTS),
  skip: random.weighted<number>([
    [5, 0],
    [3, random.between(1, 3)],
    [2, random.between(4, 20)],
  ]),
});

export type Loss = 'state_dir' | 'redis';
const LOSS_CHANCE = 1 / 20;

export const drawLoss = (random: Random): Loss | null =>
  random.chance(LOSS_CHANCE) ? random.pick<Loss>(['state_dir', 'redis']) : null;
