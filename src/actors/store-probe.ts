// What the object store can do, asked at the start and before the first upload opens. A store that refuses is asked again, with the
// next stream that wants an upload and from time to time: so wrong credentials or a missing bucket park streams with their real
// cause, and a cure is noticed by itself, also while there is no stream.

import type { Clock } from '../ports/clock.ts';
import type { ObjectStore, StoreCapabilities } from '../ports/object-store.ts';
import type { Outcome } from '../ports/outcome.ts';

export class StoreProbe {
  readonly #store: ObjectStore;
  readonly #bucket: string;
  readonly #told: (outcome: Outcome<StoreCapabilities>) => void;
  #under: Promise<Outcome<StoreCapabilities>> | null = null;
  #known: Outcome<StoreCapabilities> | null = null;

  constructor(store: ObjectStore, bucket: string, told: (outcome: Outcome<StoreCapabilities>) => void) {
    this.#store = store;
    this.#bucket = bucket;
    this.#told = told;
  }

  /** Until it is known what the store can do, or `signal` fires. */
  async ask(clock: Clock, everyMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !(await this.capabilities()).ok) await clock.waitUntil(clock.nowMs() + everyMs, signal);
  }

  async capabilities(): Promise<Outcome<StoreCapabilities>> {
    if (this.#known?.ok) return this.#known;
    this.#under ??= this.#store.probe(this.#bucket).then((outcome) => {
      this.#known = outcome;
      this.#under = null;
      this.#told(outcome);
      return outcome;
    });
    return await this.#under;
  }
}
