// What a server must bring to be held to the object store's contract, and the words in which its tests are written.
//
// Where a real server does otherwise than AWS, that is data (`ServerDifferences`) and asserted as such: a test is never
// skipped, and a server that changes its mind is noticed.

import { createCipheriv, createHash, randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { expect } from 'vitest';
import type { FailureCode } from '../../src/machines/failure.ts';
import { partNumber, type UploadId } from '../../src/machines/ids.ts';
import type { CompleteCondition, ObjectTarget } from '../../src/machines/stream-record.ts';
import type { CompletedPart, ObjectStore, PartBody, StoreCapabilities } from '../../src/ports/object-store.ts';
import type { Outcome } from '../../src/ports/outcome.ts';

type Answer = 'success' | FailureCode;

export interface ServerDifferences {
  readonly capabilities: StoreCapabilities;
  /** The same Complete again, after it succeeded. */
  readonly reComplete: Answer;
  /** Of an upload that was aborted. */
  readonly completeOfGone: FailureCode;
  readonly partOfGone: Answer;
  readonly listOfGone: Answer;
  readonly secondAbort: Answer;
  readonly listAfterComplete: Answer;
  /** Complete that names fewer parts than were uploaded, and not the first ones only. */
  readonly completeOfSome: Answer;
  readonly completeOutOfOrder: Answer;
  readonly completeWithSmallPart: Answer;
  /** Complete that states another size, or another CRC32 of a part, than what was uploaded. */
  readonly completeOfWrongSize: Answer;
  readonly completeWithWrongChecksum: Answer;
  /** The whole object's CRC32 in HEAD. */
  readonly storedChecksum: 'FULL_OBJECT' | 'COMPOSITE' | 'none';
  readonly etagIsMd5OfParts: boolean;
  /** PutObject honours If-None-Match, If-Match. */
  readonly putIfAbsent: boolean;
  readonly putIfOurs: boolean;
  /** Complete of parts that are not the last and not of one length. */
  readonly completeWithUnequalParts: Answer;
  /** A copy out of an object that was uploaded in parts, by the ETag that HEAD tells. */
  readonly copyOfParts: Answer;
  /** Unfinished uploads below what is only the beginning of their keys. */
  readonly uploadsFoundByPrefix: boolean;
  /** Create and the list of parts tell when the upload will end. */
  readonly tellsExpiry: boolean;
  readonly wrongKey: FailureCode;
  readonly wrongSecret: FailureCode;
}

export const AS_AWS: ServerDifferences = {
  capabilities: {
    checksum: 'crc32',
    checksumsInComplete: true,
    conditionalComplete: true,
    requiresEqualParts: false,
    maxUploadAgeMs: null,
  },
  reComplete: 'success',
  completeOfGone: 'upload_not_found',
  partOfGone: 'upload_not_found',
  listOfGone: 'upload_not_found',
  secondAbort: 'upload_not_found',
  listAfterComplete: 'upload_not_found',
  completeOfSome: 'success',
  completeOutOfOrder: 'part_invalid',
  completeWithSmallPart: 'part_too_small',
  completeOfWrongSize: 's3_request_refused',
  completeWithWrongChecksum: 'part_invalid',
  storedChecksum: 'FULL_OBJECT',
  etagIsMd5OfParts: true,
  putIfAbsent: true,
  putIfOurs: true,
  completeWithUnequalParts: 'success',
  copyOfParts: 'success',
  uploadsFoundByPrefix: true,
  tellsExpiry: false,
  wrongKey: 's3_credentials_wrong',
  wrongSecret: 's3_credentials_wrong',
};

export interface ConnectOptions {
  readonly credentials?: 'right' | 'wrong key' | 'wrong secret';
  /** Entries a page of the listings; a server that knows no pages ignores it. */
  readonly pageEntries?: number;
}

export interface ObjectStoreUnderTest {
  readonly connect: (options?: ConnectOptions) => ObjectStore;
  readonly bucket: string;
  readonly minPartBytes: number;
  /** Most entries on a page of a listing; 1,000 unless said otherwise. */
  readonly maxPageEntries?: number;
  readonly differences: ServerDifferences;
  readonly cleanup: () => Promise<void>;
}

/** The bed of one contract run: a probed store, and short words for what every test does. */
export class Bed {
  readonly server: ObjectStoreUnderTest;
  readonly store: ObjectStore;
  /** Below it lies all that this run makes, so that runs on one bucket do not meet. */
  readonly prefix = `contract-${randomUUID().slice(0, 8)}/`;
  readonly #objects = new Map<string, ObjectTarget>();
  readonly #uploads = new Map<UploadId, ObjectTarget>();

  constructor(server: ObjectStoreUnderTest) {
    this.server = server;
    this.store = server.connect();
  }

  get differences(): ServerDifferences {
    return this.server.differences;
  }

  target(name: string = randomUUID()): ObjectTarget {
    const target = { bucket: this.server.bucket, key: `${this.prefix}${name}` };
    this.#objects.set(target.key, target);
    return target;
  }

  async open(target: ObjectTarget, metadata: Readonly<Record<string, string>> = {}): Promise<UploadId> {
    const { uploadId } = got(await this.store.createUpload({ target, metadata }));
    this.#uploads.set(uploadId, target);
    return uploadId;
  }

  async send(target: ObjectTarget, uploadId: UploadId, n: number, bytes: Uint8Array): Promise<CompletedPart> {
    const { etag } = got(await this.tryToSend(target, uploadId, n, bytes));
    return { partNumber: partNumber(n), etag, crc32: crc32Of(bytes) };
  }

  tryToSend(
    target: ObjectTarget,
    uploadId: UploadId,
    n: number,
    bytes: Uint8Array,
    body: PartBody = { kind: 'bytes', bytes },
  ): Promise<Outcome<{ readonly etag: string }>> {
    const digests = { crc32: crc32Of(bytes), ...(this.usesMd5 && { md5: md5Of(bytes) }) };
    return this.store.uploadPart({ target, uploadId, partNumber: partNumber(n), body, ...digests });
  }

  get usesMd5(): boolean {
    return this.differences.capabilities.checksum === 'md5';
  }

  complete(
    target: ObjectTarget,
    uploadId: UploadId,
    parts: readonly CompletedPart[],
    sizeBytes: number,
    condition: CompleteCondition = { kind: 'any' },
  ): Promise<Outcome<{ readonly etag: string }>> {
    return this.store.completeUpload({ target, uploadId, parts, sizeBytes, condition });
  }

  /** An object of one small part; its etag. */
  async uploadWhole(target: ObjectTarget, bytes: Uint8Array): Promise<string> {
    const uploadId = await this.open(target);
    const part = await this.send(target, uploadId, 1, bytes);
    got(await this.complete(target, uploadId, [part], bytes.length));
    return this.etagOf(target);
  }

  /** As HEAD tells it: the answer to Complete may have none. */
  async etagOf(target: ObjectTarget): Promise<string> {
    const head = got(await this.store.headObject(target));
    if (!head) throw new Error(`no object at ${target.key}`);
    return head.etag;
  }

  async read(target: ObjectTarget, range: { offset?: number; sizeBytes?: number } = {}): Promise<Buffer | null> {
    const body = got(await this.store.getObject({ target, ...range }));
    return body && collect(body);
  }

  /** An upload that was open, held a part, and was aborted. */
  async goneUpload(target: ObjectTarget): Promise<{ uploadId: UploadId; part: CompletedPart }> {
    const uploadId = await this.open(target);
    const part = await this.send(target, uploadId, 1, bytesOf(100, 1));
    got(await this.store.abortUpload({ target, uploadId }));
    return { uploadId, part };
  }

  /** Takes away what this run made, so that a real bucket stays clean. */
  async leave(): Promise<void> {
    for (const [uploadId, target] of this.#uploads) await this.store.abortUpload({ target, uploadId });
    for (const target of this.#objects.values()) await this.store.deleteObject(target);
    this.store.close();
    await this.server.cleanup();
  }
}

/** The value, or a test failure that says what went wrong. */
export function got<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) expect.fail(`${outcome.failure.code}: ${outcome.failure.detail}`);
  return outcome.value;
}

export const answerOf = (outcome: Outcome<unknown>): Answer => (outcome.ok ? 'success' : outcome.failure.code);

/** Bytes that look like chance and are the same for the same seed. */
export function bytesOf(sizeBytes: number, seed: number): Buffer {
  const key = createHash('md5').update(`seed ${seed}`).digest();
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}

export async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export const crc32Of = (bytes: Uint8Array): string => crc32(bytes).toString(16).padStart(8, '0');

export const md5Of = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');

/** S3's ETag of an object made of these parts. */
export function etagOfParts(parts: readonly Uint8Array[]): string {
  const md5s = parts.map((bytes) => createHash('md5').update(bytes).digest());
  return `${md5Of(Buffer.concat(md5s))}-${parts.length}`;
}
