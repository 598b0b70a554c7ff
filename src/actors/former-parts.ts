// What our own former object at an upload's key holds, part by part: what a receipt tells of it. A file that was appended to or edited
// after its object was complete need not send again what S3 has already.
//
// P1. Believed only for the very object that the receipt is of (its ETag), and used only for ranges whose both hashes are the file's.
// P2. It saves bytes, nothing more: without it, or after any failure of it, parts are sent from the file.

import type { UploadId } from '../machines/ids.ts';
import type { FormerObject } from '../machines/stream.effects.ts';
import { MAX_SMALL_OBJECT_BYTES, type ObjectStore } from '../ports/object-store.ts';
import { receiptKeysOf } from './effects/object-metadata.ts';

export interface FormerPart {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly crc32: string;
  readonly xxh64: string;
}

type Parts = ReadonlyMap<number, FormerPart>;

/** Receipts kept in memory: 10,000 parts are about 2 MB. The oldest go first, and are fetched again. */
const MAX_KEPT = 16;
const NO_PARTS: Parts = new Map();

export class FormerParts {
  readonly #store: ObjectStore;
  readonly #known = new Map<UploadId, Promise<Parts>>();

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** undefined: nothing is known of this part of the former object. */
  async part(uploadId: UploadId, former: FormerObject, partNumber: number): Promise<FormerPart | undefined> {
    const known = this.#known.get(uploadId) ?? this.#fetch(former);
    this.#keep(uploadId, known);
    return (await known).get(partNumber);
  }

  /** This server or this object cannot be copied from. */
  giveUp(uploadId: UploadId): void {
    this.#keep(uploadId, Promise.resolve(NO_PARTS));
  }

  #keep(uploadId: UploadId, parts: Promise<Parts>): void {
    this.#known.delete(uploadId);
    this.#known.set(uploadId, parts);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_KEPT && oldest !== undefined) this.#known.delete(oldest);
  }

  async #fetch({ target, etag }: FormerObject): Promise<Parts> {
    for (const key of receiptKeysOf(target.key)) {
      const receipt = await this.#read({ bucket: target.bucket, key });
      if (receipt?.['key'] === target.key && receipt['etag'] === etag) return partsIn(receipt['parts']);
    }
    return NO_PARTS;
  }

  async #read(target: FormerObject['target']): Promise<Readonly<Record<string, unknown>> | null> {
    const got = await this.#store.getObject({ target });
    if (!got.ok || !got.value) return null;
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    try {
      for await (const chunk of got.value) {
        sizeBytes += chunk.byteLength;
        if (sizeBytes > MAX_SMALL_OBJECT_BYTES) return null;
        chunks.push(chunk);
      }
      const content: unknown = JSON.parse(textOf(chunks, sizeBytes));
      return typeof content === 'object' ? (content as Record<string, unknown> | null) : null;
    } catch {
      // Cut off on the way, or no receipt of ours: P2.
      return null;
    }
  }
}

function textOf(chunks: readonly Uint8Array[], sizeBytes: number): string {
  const whole = new Uint8Array(sizeBytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return new TextDecoder().decode(whole);
}

function partsIn(listed: unknown): Parts {
  const parts = new Map<number, FormerPart>();
  for (const each of Array.isArray(listed) ? listed : []) {
    const { number, offset, size, crc32, xxh64 } = each as Record<string, unknown>;
    const isWhole = [number, offset, size].every(Number.isSafeInteger);
    if (isWhole && typeof crc32 === 'string' && typeof xxh64 === 'string')
      parts.set(number as number, { offset: offset as number, sizeBytes: size as number, crc32, xxh64 });
  }
  return parts;
}
