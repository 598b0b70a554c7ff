// The multipart uploads of one bucket: a folder per open upload with a record of its own and one per part, and a record
// per finished upload, so that a repeated Complete gets the same answer.
//
// The disk first, then memory. An upload appears and vanishes by one rename of its folder; a part by one of its record.
// Ids begin with the time of their making, so their order is the order of initiation, as listings want it.

import { randomBytes } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Checksum, ChecksumAlgorithm, ChecksumType } from './checksums.ts';
import type { Disk } from './disk.ts';
import { S3Error } from './errors.ts';
import { MAX_FINISHED_UPLOADS } from './limits.ts';
import { compareUtf8 } from './listing.ts';

export type UploadRecord = {
  readonly uploadId: string;
  readonly key: string;
  readonly initiatedAtMs: number;
  /** What the object will carry: Content-Type and the like, x-amz-meta-*. */
  readonly headers: Readonly<Record<string, string>>;
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly type: ChecksumType } | null;
};
export type PartRecord = {
  readonly partNumber: number;
  readonly blob: string;
  readonly sizeBytes: number;
  /** MD5 in hex, without quotes. */
  readonly etag: string;
  readonly lastModifiedMs: number;
  /** Of the upload's algorithm; of the part's own choice, if the upload was opened without. */
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly value: string } | null;
};
export type FinishedUpload = {
  readonly uploadId: string;
  readonly key: string;
  readonly etag: string;
  readonly checksum: Checksum | null;
  readonly partsFingerprint: string;
  /** Where ListParts still answers after Complete: the upload as it was. */
  readonly remains?: UploadRecord & { readonly listed: readonly PartRecord[] };
};
export type OpenUpload = UploadRecord & { readonly parts: ReadonlyMap<number, PartRecord> };

const UPLOAD_FILE = 'upload.json';
/** Hexadecimal digits that milliseconds since 1970 need until the year 10,000. */
const TIME_DIGITS = 12;

export class UploadStore {
  readonly #disk: Disk;
  readonly #openFolder: string;
  readonly #finishedFolder: string;
  readonly #open = new Map<string, UploadRecord & { readonly parts: Map<number, PartRecord> }>();
  /** In the order of forgetting: that of finishing, after a start that of initiation. */
  readonly #finished = new Map<string, FinishedUpload>();

  constructor(disk: Disk, openFolder: string, finishedFolder: string) {
    this.#disk = disk;
    this.#openFolder = openFolder;
    this.#finishedFolder = finishedFolder;
  }

  async load(): Promise<void> {
    await mkdir(this.#openFolder, { recursive: true });
    await mkdir(this.#finishedFolder, { recursive: true });
    for (const name of (await readdir(this.#finishedFolder)).sort()) {
      const finished = await this.#disk.readRecord<FinishedUpload>(path.join(this.#finishedFolder, name));
      this.#finished.set(finished.uploadId, finished);
    }
    for (const uploadId of await readdir(this.#openFolder)) await this.#loadOpen(path.join(this.#openFolder, uploadId));
  }

  async #loadOpen(folder: string): Promise<void> {
    const upload = await this.#disk.readRecord<UploadRecord>(path.join(folder, UPLOAD_FILE));
    const parts = new Map<number, PartRecord>();
    for (const name of await readdir(folder)) {
      if (name === UPLOAD_FILE) continue;
      const part = await this.#disk.readRecord<PartRecord>(path.join(folder, name));
      parts.set(part.partNumber, part);
    }
    this.#open.set(upload.uploadId, { ...upload, parts });
  }

  async create(wanted: Omit<UploadRecord, 'uploadId'>): Promise<UploadRecord> {
    const time = wanted.initiatedAtMs.toString(16).padStart(TIME_DIGITS, '0');
    const upload: UploadRecord = { ...wanted, uploadId: `${time}${randomBytes(16).toString('hex')}` };
    const temporary = this.#disk.temporaryPath();
    await mkdir(temporary);
    await this.#disk.writeRecord(path.join(temporary, UPLOAD_FILE), upload);
    await this.#disk.move(temporary, this.#folderOf(upload.uploadId));
    this.#open.set(upload.uploadId, { ...upload, parts: new Map() });
    return upload;
  }

  /** undefined: never there, of another key, aborted, or completed */
  find(uploadId: string, key: string): OpenUpload | undefined {
    const upload = this.#open.get(uploadId);
    return upload?.key === key ? upload : undefined;
  }

  /** @throws S3Error NoSuchUpload */
  get(uploadId: string, key: string): OpenUpload {
    const upload = this.find(uploadId, key);
    if (upload === undefined) throw new S3Error('NoSuchUpload', undefined, { UploadId: uploadId });
    return upload;
  }

  all(): Iterable<OpenUpload> {
    return this.#open.values();
  }

  finished(uploadId: string, key: string): FinishedUpload | undefined {
    const finished = this.#finished.get(uploadId);
    return finished?.key === key ? finished : undefined;
  }

  /** Sorted by key, then by initiation. */
  sorted(): readonly OpenUpload[] {
    return [...this.#open.values()].sort((a, b) => compareUtf8(a.key, b.key) || compareUtf8(a.uploadId, b.uploadId));
  }

  /** Within the key's turn. @returns the part that had this number before */
  async putPart(uploadId: string, key: string, part: PartRecord): Promise<PartRecord | undefined> {
    this.get(uploadId, key);
    const name = `${String(part.partNumber).padStart(5, '0')}.json`;
    await this.#disk.writeRecord(path.join(this.#folderOf(uploadId), name), part);
    const parts = this.#open.get(uploadId)?.parts;
    const before = parts?.get(part.partNumber);
    parts?.set(part.partNumber, part);
    return before;
  }

  /** Within the key's turn, right after the object's record was renamed to its place. */
  async finish(finished: FinishedUpload): Promise<void> {
    this.#open.delete(finished.uploadId);
    this.#finished.set(finished.uploadId, finished);
    await this.#disk.writeRecord(this.#finishedPlace(finished.uploadId), finished);
    await this.#disk.removeFolder(this.#folderOf(finished.uploadId));
    await this.#forgetOldest();
  }

  async #forgetOldest(): Promise<void> {
    for (const uploadId of this.#finished.keys()) {
      if (this.#finished.size <= MAX_FINISHED_UPLOADS) return;
      this.#finished.delete(uploadId);
      await this.#disk.removeFile(this.#finishedPlace(uploadId));
    }
  }

  /** Within the key's turn. */
  async remove(uploadId: string): Promise<void> {
    await this.#disk.removeFolder(this.#folderOf(uploadId));
    this.#open.delete(uploadId);
  }

  #folderOf(uploadId: string): string {
    return path.join(this.#openFolder, uploadId);
  }

  #finishedPlace(uploadId: string): string {
    return path.join(this.#finishedFolder, `${uploadId}.json`);
  }
}
