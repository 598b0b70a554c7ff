// How often each thing was done to a world, by name: a campaign that never met a fault proves nothing of it.

import type { Logged } from './checker/evidence.ts';

export type Counts = Readonly<Record<string, number>>;

export class Tally {
  readonly #counts = new Map<string, number>();

  note(what: string, times = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + times);
  }

  counts(): Counts {
    return Object.fromEntries(this.#counts);
  }
}

/** By name, in order. */
export function addedUp(all: readonly Counts[]): Counts {
  const sum = new Tally();
  for (const counts of all) for (const [what, times] of Object.entries(counts)) sum.note(what, times);
  return Object.fromEntries(Object.entries(sum.counts()).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What the log tells of it. */
export function injected(events: readonly Logged[]): Counts {
  const tally = new Tally();
  for (const event of events)
    if (event.kind === 'fault') tally.note(`world: ${event.what}`);
    else if (event.kind === 'file.changed') tally.note(`writer: ${event.how}`);
    else if (event.kind === 'file.disposed') tally.note(`source: ${event.how}`);
    else if (event.kind === 'daemon.ended') tally.note(`daemon: ${event.how}`);
    else if (event.kind === 'paused') tally.note('daemon: paused');
    else if (event.kind === 'wish') tally.note(`operator: ${event.wish}`);
  return tally.counts();
}
