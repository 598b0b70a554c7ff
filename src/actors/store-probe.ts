// What the object store can do, asked once before the first upload opens. A store that refuses is asked again with the next
// stream that wants one: so wrong credentials or a missing bucket park streams with their real cause, and are cured by themselves.

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
