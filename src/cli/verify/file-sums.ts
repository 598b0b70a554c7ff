// One pass over the file for everything that S3's metadata can be compared with: CRC32 and MD5 of the whole, and for each layout the MD5
// of each part and the ETag that they give.

import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { PartLayout } from './part-layout.ts';

export interface LayoutSums {
  readonly layout: PartLayout;
  readonly etag: string;
  /** MD5 of each part, in order. */
  readonly md5s: readonly string[];
}

export interface FileSums {
  readonly crc32: string;
  /** Null when it was not asked for. */
  readonly md5: string | null;
  readonly layouts: readonly LayoutSums[];
}

/** MD5 takes 7 ms for this many: a signal is heard in between. */
const PIECE_BYTES = 4 * 2 ** 20;

/** Null: the file ended before `sizeBytes`. `told` hears how many bytes were read. */
export async function sumFile(
  file: FileHandle,
  sizeBytes: number,
  layouts: readonly PartLayout[],
  wholeMd5: boolean,
  told: (bytes: number) => void,
): Promise<FileSums | null> {
  const md5 = wholeMd5 ? createHash('md5') : null;
  const running = layouts.map((layout) => new RunningEtag(layout));
  const scratch = Buffer.alloc(Math.min(PIECE_BYTES, sizeBytes));
  let crc = 0;
  for (let offset = 0; offset < sizeBytes; ) {
    const { bytesRead } = await file.read(scratch, 0, Math.min(scratch.length, sizeBytes - offset), offset);
    if (bytesRead === 0) return null;
    const piece = scratch.subarray(0, bytesRead);
    crc = crc32(piece, crc);
    md5?.update(piece);
    for (const each of running) each.add(piece);
    offset += bytesRead;
    told(offset);
  }
  return {
    crc32: crc.toString(16).padStart(8, '0'),
    md5: md5?.digest('hex') ?? null,
    layouts: running.map((each) => each.sums()),
  };
}

class RunningEtag {
  readonly #layout: PartLayout;
  readonly #md5s: string[] = [];
  #part: Hash = createHash('md5');
  #offset = 0;

  constructor(layout: PartLayout) {
    this.#layout = layout;
  }

  add(piece: Uint8Array): void {
    for (let at = 0; at < piece.length; ) {
      const end = this.#layout.ends[this.#md5s.length] ?? Number.POSITIVE_INFINITY;
      const taken = piece.subarray(at, at + Math.min(piece.length - at, end - this.#offset));
      this.#part.update(taken);
      at += taken.length;
      this.#offset += taken.length;
      if (this.#offset < end) continue;
      this.#md5s.push(this.#part.digest('hex'));
      this.#part = createHash('md5');
    }
  }

  sums(): LayoutSums {
    const whole = createHash('md5');
    for (const md5 of this.#md5s) whole.update(Buffer.from(md5, 'hex'));
    return { layout: this.#layout, etag: `${whole.digest('hex')}-${this.#md5s.length}`, md5s: this.#md5s };
  }
}
