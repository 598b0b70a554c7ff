// Places for whole-file reads, each with its scratch memory: at most so many at once, first come first served.
//
// R1. A scratch belongs to its reader until the reading is over, and is then lent again. Made anew for each read it would be
//     garbage outside of the heap, which the collector is in no hurry to give back: fifty small streams held 150 MB.

import { Permits } from './permits.ts';
import { PIECE_BYTES } from './range-reading.ts';

export class ReadingPlaces {
  readonly #permits: Permits;
  readonly #scratchBytes: number;
  readonly #idle: Uint8Array[] = [];

  constructor(places: number, scratchBytes = PIECE_BYTES) {
    this.#permits = new Permits(places);
    this.#scratchBytes = scratchBytes;
  }

  /** Resolves as `read` does, which gets scratch memory; without a place when `signal` fired first: nothing is read then. */
  async through<T>(signal: AbortSignal, read: (scratch: Uint8Array) => Promise<T>): Promise<T> {
    const giveBack = await this.#permits.take(1, signal);
    const scratch = this.#idle.pop() ?? new Uint8Array(this.#scratchBytes);
    try {
      return await read(scratch);
    } finally {
      if (giveBack) this.#idle.push(scratch);
      giveBack?.();
    }
  }
}
