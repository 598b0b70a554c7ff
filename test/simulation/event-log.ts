// What happened in a simulated world, in order. The same seed gives the same log, to the byte.

import type { Logged, WorldEvent } from './checker/evidence.ts';

export class EventLog {
  readonly events: Logged[] = [];
  readonly #nowMs: () => number;
  /** Hears every event as it happens: for scenarios that wait for something. */
  onEvent: ((event: Logged) => void) | null = null;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  add(event: WorldEvent): void {
    const logged = { atMs: this.#nowMs(), ...event };
    this.events.push(logged);
    this.onEvent?.(logged);
  }

  /** One line each, as long as the events: what two runs are compared by, and what `--verbose` shows. */
  lines(): string[] {
    return this.events.map((event) => JSON.stringify(event));
  }
}
