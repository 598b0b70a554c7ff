// Memory and places for parts in flight, over all streams: at most `concurrency` parts, at most `bufferBytes` of their bytes.
//
// U1. A slot's buffer is used again only when its attempt got an answer; otherwise the socket may still read from it, and it
//     is left to the collector.
// U2. First come first served, one slot at a time per caller: a stream with a long backlog does not starve the others.
// U3. A part too large for a buffer gets a slot without one and is streamed from the file.

import { Permits } from './permits.ts';

export interface UploadSlot {
  /** Exactly as long as asked for; null: stream it. */
  readonly buffer: Uint8Array | null;
  /** `reusable: false` when the attempt ended without an answer. Idempotent. */
  release(reusable: boolean): void;
}

export interface UploadSlotsOptions {
  readonly concurrency: number;
  readonly bufferBytes: number;
}

/** Parts above this share of the memory are streamed: two parts must fit beside each other, or uploads would take turns. */
const LARGEST_BUFFER_SHARE = 0.5;
/** Memory is counted in these units, so that permits stay small numbers. */
const UNIT_BYTES = 64 * 1024;

const unitsOf = (bytes: number): number => Math.ceil(bytes / UNIT_BYTES);

export class UploadSlots {
  readonly #places: Permits;
  readonly #units: Permits;
  readonly #largestBytes: number;
  readonly #totalBytes: number;
  readonly #idle: Uint8Array[] = [];
  #allocatedBytes = 0;
  #taken = 0;

  constructor(options: UploadSlotsOptions) {
    this.#places = new Permits(options.concurrency);
    this.#units = new Permits(unitsOf(options.bufferBytes));
    this.#largestBytes = options.bufferBytes * LARGEST_BUFFER_SHARE;
    this.#totalBytes = options.bufferBytes;
  }

  /** Parts in flight now. */
  get inFlight(): number {
    return this.#taken;
  }

  /** null: `signal` fired while waiting. */
  async take(partBytes: number, signal: AbortSignal): Promise<UploadSlot | null> {
    const givePlace = await this.#places.take(1, signal);
    if (!givePlace) return null;
    const buffered = partBytes <= this.#largestBytes;
    const giveUnits = buffered ? await this.#units.take(unitsOf(partBytes), signal) : () => {};
    if (!giveUnits) {
      givePlace();
      return null;
    }
    this.#taken += 1;
    const buffer = buffered ? this.#lend(partBytes) : null;
    let held = true;
    return {
      buffer,
      release: (reusable) => {
        if (!held) return;
        held = false;
        this.#taken -= 1;
        if (buffer) this.#giveBack(buffer, reusable);
        giveUnits();
        givePlace();
      },
    };
  }

  #lend(bytes: number): Uint8Array {
    const at = this.#idle.findIndex(
      (buffer) => buffer.buffer.byteLength >= bytes && buffer.buffer.byteLength < bytes * 2,
    );
    const [found] = at >= 0 ? this.#idle.splice(at, 1) : [];
    if (found) return new Uint8Array(found.buffer, 0, bytes);
    while (this.#allocatedBytes + bytes > this.#totalBytes && this.#idle.length > 0) {
      this.#allocatedBytes -= this.#idle.pop()?.buffer.byteLength ?? 0;
    }
    this.#allocatedBytes += bytes;
    return new Uint8Array(bytes);
  }

  #giveBack(buffer: Uint8Array, reusable: boolean): void {
    if (reusable && this.#allocatedBytes <= this.#totalBytes) this.#idle.push(buffer);
    else this.#allocatedBytes -= buffer.buffer.byteLength;
  }
}
