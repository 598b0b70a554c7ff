// Buckets, each a folder whose name was checked before it became one:
//   buckets/<name>/bucket.json                   its record
//   buckets/<name>/blobs/<random id>             bytes: one file per part or PutObject
//   buckets/<name>/objects/<hash of key>.json    an object: its key, headers, checksum, and the blobs that are its bytes
//   buckets/<name>/uploads/<id>/upload.json      an open upload, and beside it 00001.json, ... per part
//   buckets/<name>/finished/<id>.json            an upload that was completed, for the Complete that comes again
//
// What changes more than one record goes through here, in an order that a kill cannot spoil. Complete is the one case: the
// rename of the object's record is the moment; killed right after it, the upload's folder is still there, but the object
// names the upload that made it, and the next start finishes the rest.

import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { BlobStore, type Piece } from './blob-store.ts';
import type { Disk } from './disk.ts';
import { S3Error } from './errors.ts';
import { KeyLocks } from './key-locks.ts';
import { type ObjectRecord, ObjectStore } from './object-store.ts';
import { type FinishedUpload, type OpenUpload, type PartRecord, UploadStore } from './upload-store.ts';

const BUCKET_FILE = 'bucket.json';
type BucketRecord = { readonly name: string; readonly createdAtMs: number };

export class Bucket {
  readonly name: string;
  readonly createdAtMs: number;
  readonly blobs: BlobStore;
  readonly objects: ObjectStore;
  readonly uploads: UploadStore;
  readonly #locks = new KeyLocks();
  #isRemoved = false;

  private constructor(disk: Disk, folder: string, record: BucketRecord) {
    this.name = record.name;
    this.createdAtMs = record.createdAtMs;
    this.blobs = new BlobStore(disk, path.join(folder, 'blobs'));
    this.objects = new ObjectStore(disk, path.join(folder, 'objects'));
    this.uploads = new UploadStore(disk, path.join(folder, 'uploads'), path.join(folder, 'finished'));
  }

  static async load(disk: Disk, folder: string): Promise<Bucket> {
    const bucket = new Bucket(disk, folder, await disk.readRecord<BucketRecord>(path.join(folder, BUCKET_FILE)));
    await bucket.objects.load();
    await bucket.uploads.load();
    await bucket.#finishInterrupted();
    const named = new Set<string>();
    for (const { pieces } of bucket.objects.all()) for (const { blob } of pieces) named.add(blob);
    for (const { parts } of bucket.uploads.sorted()) for (const { blob } of parts.values()) named.add(blob);
    await bucket.blobs.sweep((blob) => named.has(blob));
    return bucket;
  }

  async #finishInterrupted(): Promise<void> {
    for (const { uploadId, key } of this.uploads.sorted()) {
      const object = this.objects.get(key);
      const finished = this.uploads.finished(uploadId, key) ?? (object && finishedBy(object));
      if (finished?.uploadId === uploadId) await this.uploads.finish(finished);
    }
  }

  /** One turn at a time per key, for its object and its uploads. @throws S3Error NoSuchBucket if it went meanwhile */
  async turn<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    return this.#locks.run(key, async () => {
      if (this.#isRemoved) throw new S3Error('NoSuchBucket', undefined, { BucketName: this.name });
      return work();
    });
  }

  /**
   * Streams a body to disk; `name` then writes the record that names it. Refused (S3Error), the bytes go at once: nothing
   * names them. After any other failure a record might: the next start knows.
   */
  async receive<Result>(chunks: AsyncIterable<Buffer>, name: (piece: Piece) => Promise<Result>): Promise<Result> {
    const piece = await this.blobs.write(chunks);
    try {
      return await name(piece);
    } catch (error) {
      if (error instanceof S3Error) await this.blobs.retire([piece]);
      throw error;
    }
  }

  /** Within the key's turn. */
  async putObject(record: ObjectRecord): Promise<void> {
    const before = this.objects.get(record.key);
    await this.objects.put(record);
    if (before !== undefined) await this.blobs.retire(before.pieces);
  }

  /** Within the key's turn. */
  async deleteObject(object: ObjectRecord): Promise<void> {
    await this.objects.remove(object.key);
    await this.blobs.retire(object.pieces);
  }

  /** Within the key's turn. */
  async putPart(upload: OpenUpload, part: PartRecord): Promise<void> {
    const before = await this.uploads.putPart(upload.uploadId, upload.key, part);
    if (before !== undefined) await this.blobs.retire([before]);
  }

  /**
   * Within the key's turn. The object takes over the blobs that it lists; those of other parts go.
   * @param remains its parts can still be listed
   */
  async completeUpload(upload: OpenUpload, object: ObjectRecord, remains: boolean): Promise<FinishedUpload> {
    const plain = finishedBy(object);
    if (plain === null) throw new Error('an object of an upload names that upload');
    const { parts, ...record } = upload;
    const finished = remains ? { ...plain, remains: { ...record, listed: [...parts.values()] } } : plain;
    const before = this.objects.get(object.key);
    await this.objects.put(object);
    // Killed here: the object is there, the upload's folder too; #finishInterrupted goes on from here.
    await this.uploads.finish(finished);
    const kept = new Set(object.pieces.map(({ blob }) => blob));
    await this.blobs.retire([...upload.parts.values()].filter(({ blob }) => !kept.has(blob)));
    if (before !== undefined) await this.blobs.retire(before.pieces);
    return finished;
  }

  /** Within the key's turn. */
  async abortUpload(upload: OpenUpload): Promise<void> {
    const pieces: Piece[] = [...upload.parts.values()];
    await this.uploads.remove(upload.uploadId);
    await this.blobs.retire(pieces);
  }

  /** Ends open uploads that `isOver` says are: a lifecycle rule, or an operator. @returns how many */
  async endUploads(isOver: (upload: OpenUpload) => boolean): Promise<number> {
    let ended = 0;
    for (const { uploadId, key } of [...this.uploads.all()].filter(isOver)) {
      await this.turn(key, async () => {
        const upload = this.uploads.find(uploadId, key);
        if (upload === undefined) return;
        await this.abortUpload(upload);
        ended += 1;
      });
    }
    return ended;
  }

  /** From here on nobody gets a turn. Open uploads do not keep a bucket, as at AWS. @throws S3Error BucketNotEmpty */
  close(): void {
    if (this.objects.count > 0 || this.#locks.isBusy) throw new S3Error('BucketNotEmpty');
    this.#isRemoved = true;
  }
}

function finishedBy(object: ObjectRecord): FinishedUpload | null {
  const { madeBy, key, etag, checksum } = object;
  return madeBy && { ...madeBy, key, etag, checksum };
}

export class BucketStore {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #buckets = new Map<string, Bucket>();
  readonly #locks = new KeyLocks();

  constructor(disk: Disk) {
    this.#disk = disk;
    this.#folder = path.join(disk.folder, 'buckets');
  }

  async load(): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    for (const name of await readdir(this.#folder)) {
      this.#buckets.set(name, await Bucket.load(this.#disk, path.join(this.#folder, name)));
    }
  }

  /** @throws S3Error NoSuchBucket */
  get(name: string): Bucket {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) throw new S3Error('NoSuchBucket', undefined, { BucketName: name });
    return bucket;
  }

  sorted(): readonly Bucket[] {
    return [...this.#buckets.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @throws S3Error InvalidBucketName, BucketAlreadyOwnedByYou */
  async create(name: string, createdAtMs: number): Promise<void> {
    if (!isBucketName(name)) throw new S3Error('InvalidBucketName', undefined, { BucketName: name });
    await this.#locks.run(name, async () => {
      if (this.#buckets.has(name)) throw new S3Error('BucketAlreadyOwnedByYou', undefined, { BucketName: name });
      const temporary = this.#disk.temporaryPath();
      await mkdir(temporary);
      const record: BucketRecord = { name, createdAtMs };
      await this.#disk.writeRecord(path.join(temporary, BUCKET_FILE), record);
      await this.#disk.move(temporary, this.#place(name));
      this.#buckets.set(name, await Bucket.load(this.#disk, this.#place(name)));
    });
  }

  /** @throws S3Error NoSuchBucket, BucketNotEmpty */
  async remove(name: string): Promise<void> {
    await this.#locks.run(name, async () => {
      this.get(name).close();
      this.#buckets.delete(name);
      await this.#disk.removeFolder(this.#place(name));
    });
  }

  all(): Iterable<Bucket> {
    return this.#buckets.values();
  }

  has(name: string): boolean {
    return this.#buckets.has(name);
  }

  #place(name: string): string {
    return path.join(this.#folder, name);
  }
}

/** AWS' rules: 3 to 63 of a-z, 0-9, dot and hyphen, letter or digit at both ends, no two dots in a row. */
function isBucketName(name: string): boolean {
  return /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) && !name.includes('..');
}
