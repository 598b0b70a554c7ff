// Memory and places for parts in flight, over all streams: at most `concurrency` parts, at most `bufferBytes` of their bytes.
//
// U1. A slot's buffer is used again only when its attempt got an answer; otherwise the socket may still read from it, and it
//     is left to the collector.
// U2. First come first served, one slot at a time per caller: a stream with a long backlog does not starve the others.
// U3. A part too large for a buffer gets a slot without one and is streamed from the file.
// U4. No more buffers are kept than parts can be in flight, the longest unused go first: parts grow with their file, and each size
//     that is outgrown would leave its buffers behind until the whole memory is taken.
// U5. A tail gets a buffer as whole parts of its place have: one of its own would drive out one of theirs, which stays in memory
//     until the collector comes by, and it is in no hurry with what lies outside of its heap.

import { Permits } from './permits.ts';

export interface UploadSlot {
  /** Exactly as long as asked for; null: stream it. */
  readonly buffer: Uint8Array<ArrayBuffer> | null;
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
/** Parts of plans are whole MiB: larger buffers have such sizes too, so that each fits the next part of its kind. */
const LARGE_UNIT_BYTES = 1024 * 1024;

const unitsOf = (bytes: number): number => Math.ceil(bytes / UNIT_BYTES);

/** What a buffer for a part really takes. A buffer is lent again only to parts of its own capacity: permits count all of it. */
function capacityFor(partBytes: number): number {
  const unit = partBytes > LARGE_UNIT_BYTES ? LARGE_UNIT_BYTES : UNIT_BYTES;
  return Math.max(1, Math.ceil(partBytes / unit)) * unit;
}

export class UploadSlots {
  readonly #places: Permits;
  readonly #units: Permits;
  readonly #largestBytes: number;
  readonly #totalBytes: number;
  readonly #concurrency: number;
  /** The longest unused first. */
  readonly #idle: ArrayBuffer[] = [];
  #allocatedBytes = 0;
  #taken = 0;

  constructor(options: UploadSlotsOptions) {
    this.#concurrency = options.concurrency;
    this.#places = new Permits(options.concurrency);
    this.#units = new Permits(Math.floor(options.bufferBytes / UNIT_BYTES));
    this.#largestBytes = options.bufferBytes * LARGEST_BUFFER_SHARE;
    this.#totalBytes = options.bufferBytes;
  }

  /** Parts in flight now. */
  get inFlight(): number {
    return this.#taken;
  }

  /** Memory kept for later parts. */
  get idleBytes(): number {
    return this.#idle.reduce((sum, buffer) => sum + buffer.byteLength, 0);
  }

  /**
   * @param plannedBytes of a whole part in its place
   * @returns null: `signal` fired while waiting
   */
  async take(partBytes: number, signal: AbortSignal, plannedBytes = partBytes): Promise<UploadSlot | null> {
    const givePlace = await this.#places.take(1, signal);
    if (!givePlace) return null;
    const capacity = [plannedBytes, partBytes].map(capacityFor).find((bytes) => bytes <= this.#largestBytes);
    const giveUnits = capacity === undefined ? () => {} : await this.#units.take(unitsOf(capacity), signal);
    if (!giveUnits) {
      givePlace();
      return null;
    }
    this.#taken += 1;
    const buffer = capacity === undefined ? null : this.#lend(partBytes, capacity);
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

  #lend(bytes: number, capacity: number): Uint8Array<ArrayBuffer> {
    const at = this.#idle.findIndex((buffer) => buffer.byteLength === capacity);
    const [found] = at >= 0 ? this.#idle.splice(at, 1) : [];
    if (found) return new Uint8Array(found, 0, bytes);
    while (this.#idle.length > 0 && this.#isFullFor(capacity)) {
      this.#allocatedBytes -= this.#idle.shift()?.byteLength ?? 0;
    }
    this.#allocatedBytes += capacity;
    return new Uint8Array(new ArrayBuffer(capacity), 0, bytes);
  }

  /** The part that asks is counted among the taken already. */
  #isFullFor(capacity: number): boolean {
    return this.#allocatedBytes + capacity > this.#totalBytes || this.#idle.length + this.#taken > this.#concurrency;
  }

  #giveBack({ buffer }: Uint8Array<ArrayBuffer>, reusable: boolean): void {
    if (reusable && this.#allocatedBytes <= this.#totalBytes) this.#idle.push(buffer);
    else this.#allocatedBytes -= buffer.byteLength;
  }
}
