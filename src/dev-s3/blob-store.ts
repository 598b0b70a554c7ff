// Blobs: the bytes of parts and objects, each written once under a random name and never changed.
//
// A blob means nothing until a record names it. So bytes may be written straight to their place: killed meanwhile, they are
// named by nobody, and swept at the next start. A blob that lost its record is removed as soon as nobody reads it any more:
// a download goes on undisturbed while its object is replaced or deleted.

import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ByteRange } from './byte-range.ts';
import type { Disk } from './disk.ts';

/** A run of an object's bytes: a whole blob. */
export type Piece = { readonly blob: string; readonly sizeBytes: number };

/** Bytes that can be read once. Whoever gets it must release it, read or not. */
export type BlobReading = {
  readonly sizeBytes: number;
  chunks(): AsyncGenerator<Buffer>;
  release(): void;
};

export class BlobStore {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #readers = new Map<string, number>();
  readonly #retired = new Set<string>();

  constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
  }

  /** When this resolves, the bytes are on disk (synced, if that is on). If it fails, nothing is left. */
  async write(chunks: AsyncIterable<Uint8Array>): Promise<Piece> {
    const blob = randomUUID();
    const place = this.#place(blob);
    try {
      const file = await open(place, 'wx');
      const sink = file.createWriteStream({ flush: this.#disk.isSynced });
      await pipeline(chunks, sink);
      await this.#disk.syncFolder(this.#folder);
      return { blob, sizeBytes: sink.bytesWritten };
    } catch (error) {
      await rm(place, { force: true });
      throw error;
    }
  }

  /** The bytes of a range of the pieces one after the other. The pieces stay until it is released. */
  read(pieces: readonly Piece[], range: ByteRange): BlobReading {
    const slices = slicesOf(pieces, range);
    for (const { blob } of slices) this.#readers.set(blob, (this.#readers.get(blob) ?? 0) + 1);
    let isReleased = false;
    return {
      sizeBytes: slices.reduce((sum, slice) => sum + slice.last - slice.first + 1, 0),
      chunks: () => this.#chunksOf(slices),
      release: () => {
        if (isReleased) return;
        isReleased = true;
        for (const { blob } of slices) this.#leave(blob);
      },
    };
  }

  async *#chunksOf(slices: readonly Slice[]): AsyncGenerator<Buffer> {
    for (const { blob, first, last } of slices) {
      yield* createReadStream(this.#place(blob), { start: first, end: last });
    }
  }

  /** No record names these any more. */
  async retire(pieces: readonly Piece[]): Promise<void> {
    for (const { blob } of pieces) {
      if (this.#readers.has(blob)) this.#retired.add(blob);
      else await rm(this.#place(blob), { force: true });
    }
  }

  #leave(blob: string): void {
    const readers = (this.#readers.get(blob) ?? 1) - 1;
    if (readers > 0) {
      this.#readers.set(blob, readers);
      return;
    }
    this.#readers.delete(blob);
    // If this is cut short, the next start sweeps it.
    if (this.#retired.delete(blob)) rm(this.#place(blob), { force: true }).catch(() => undefined);
  }

  /** At start: removes the blobs that no record names. */
  async sweep(isNamed: (blob: string) => boolean): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    for (const blob of await readdir(this.#folder)) {
      if (!isNamed(blob)) await rm(this.#place(blob), { force: true });
    }
  }

  #place(blob: string): string {
    return path.join(this.#folder, blob);
  }
}

type Slice = { readonly blob: string } & ByteRange;

function slicesOf(pieces: readonly Piece[], { first, last }: ByteRange): Slice[] {
  const slices: Slice[] = [];
  let offset = 0;
  for (const { blob, sizeBytes } of pieces) {
    const from = Math.max(first - offset, 0);
    const to = Math.min(last - offset, sizeBytes - 1);
    if (from <= to) slices.push({ blob, first: from, last: to });
    offset += sizeBytes;
  }
  return slices;
}
