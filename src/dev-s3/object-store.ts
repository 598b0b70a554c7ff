// The objects of one bucket: one record per key, on disk and in memory, the disk first.
//
// A key becomes a file name only as the hash of its bytes, so no key can leave the folder, collide by case, or be too
// long; the key itself is in the record. An object of a multipart upload keeps the blobs of its parts: its record lists
// them. So completing costs as much as writing that list, and reading streams across the blobs.

import { createHash } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Piece } from './blob-store.ts';
import type { Checksum } from './checksums.ts';
import type { Disk } from './disk.ts';
import { compareUtf8 } from './listing.ts';

export type ObjectRecord = {
  readonly key: string;
  readonly sizeBytes: number;
  /** Without quotes. */
  readonly etag: string;
  readonly lastModifiedMs: number;
  /** Headers that come back with the object: Content-Type and the like, x-amz-meta-*. */
  readonly headers: Readonly<Record<string, string>>;
  readonly checksum: Checksum | null;
  readonly pieces: readonly Piece[];
  /** The upload that made it, and by which parts: with this record alone an interrupted Complete is finished. */
  readonly madeBy: { readonly uploadId: string; readonly partsFingerprint: string } | null;
};

export class ObjectStore {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #records = new Map<string, ObjectRecord>();
  #sortedKeys: readonly string[] | null = null;

  constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
  }

  async load(): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    for (const name of await readdir(this.#folder)) {
      const record = await this.#disk.readRecord<ObjectRecord>(path.join(this.#folder, name));
      this.#records.set(record.key, record);
    }
  }

  get count(): number {
    return this.#records.size;
  }

  get(key: string): ObjectRecord | undefined {
    return this.#records.get(key);
  }

  all(): Iterable<ObjectRecord> {
    return this.#records.values();
  }

  sortedKeys(): readonly string[] {
    this.#sortedKeys ??= [...this.#records.keys()].sort(compareUtf8);
    return this.#sortedKeys;
  }

  /** Within the key's turn. The rename in here is the moment from which on the object is the new one. */
  async put(record: ObjectRecord): Promise<void> {
    await this.#disk.writeRecord(this.#place(record.key), record);
    if (!this.#records.has(record.key)) this.#sortedKeys = null;
    this.#records.set(record.key, record);
  }

  /** Within the key's turn. */
  async remove(key: string): Promise<void> {
    await this.#disk.removeFile(this.#place(key));
    this.#records.delete(key);
    this.#sortedKeys = null;
  }

  #place(key: string): string {
    return path.join(this.#folder, `${createHash('sha256').update(key).digest('hex')}.json`);
  }
}
