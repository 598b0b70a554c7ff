// An S3 server in memory and its client: passes the same contract as the real ones, without timers, chance or I/O.
//
// `MemoryS3` is the server: what it holds outlives any client, so a simulated crash loses nothing that was acknowledged.
// `connect` gives the ObjectStore port. It answers as AWS does, or with the quirks of its cousins; upload ids are counted, time comes
// from `now`. It faults never: whoever wants faults wraps the port.

import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type Failure, type FailureCode, failureOf } from '../../src/machines/failure.ts';
import { partNumber, type UploadId, uploadId } from '../../src/machines/ids.ts';
import type { CompleteCondition, ObjectTarget } from '../../src/machines/stream-record.ts';
import type {
  CallOptions,
  CompleteRequest,
  CopyPartRequest,
  ListedUpload,
  ObjectHead,
  ObjectStore,
  PartBody,
  StoreCapabilities,
  UploadPartRequest,
} from '../../src/ports/object-store.ts';
import type { Outcome } from '../../src/ports/outcome.ts';

export interface StoredObject {
  readonly head: ObjectHead;
  readonly contentType: string;
  readonly pieces: readonly Uint8Array[];
}

interface StoredPart {
  readonly bytes: Uint8Array;
  readonly etag: string;
  readonly crc32: string;
}

interface StoredUpload {
  readonly target: ObjectTarget;
  readonly id: UploadId;
  readonly initiatedAtMs: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly contentType: string;
  readonly parts: Map<number, StoredPart>;
}

/** Where providers differ in what they answer (measured; see `what differs` in the contract suite). */
export interface S3Quirks {
  /** Complete of an upload that was completed so before: AWS and Ceph repeat their answer, MinIO knows it no more. */
  readonly repeatsComplete: boolean;
  /** Ceph: the first answer to Complete has an empty ETag. */
  readonly emptyFirstEtag: boolean;
  /** Ceph: Complete of an upload that is gone is a 500, which says nothing of what became of it. */
  readonly goneCompleteIs500: boolean;
  /** MinIO: the condition of a Complete is looked at before its upload is. */
  readonly conditionFirst: boolean;
  /** Swift: ListParts of a completed upload still lists its parts. */
  readonly listsCompleted: boolean;
  /** It cannot copy parts. */
  readonly copiesNothing: boolean;
  /** MinIO after a restart: no unfinished upload is listed. */
  readonly listsNoUploads: boolean;
}

const AS_AWS: S3Quirks = {
  repeatsComplete: true,
  emptyFirstEtag: false,
  goneCompleteIs500: false,
  conditionFirst: false,
  listsCompleted: false,
  listsNoUploads: false,
  copiesNothing: false,
};

export interface MemoryS3Options {
  readonly buckets: readonly string[];
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly minPartBytes?: number;
  readonly capabilities?: Partial<StoreCapabilities>;
  readonly quirks?: Partial<S3Quirks>;
}

/** What a call refuses with; `answer` makes it an Outcome. */
class Refusal extends Error {
  readonly failure: Failure;

  constructor(failure: FailureCode | Failure) {
    super();
    this.failure = typeof failure === 'string' ? failureOf(failure, failure) : failure;
  }
}

const hex = (n: number): string => n.toString(16).padStart(8, '0');
const md5 = (...pieces: readonly Uint8Array[]): string => {
  const hash = createHash('md5');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
};

export class MemoryS3 {
  readonly capabilities: StoreCapabilities;
  readonly objects = new Map<string, Map<string, StoredObject>>();
  readonly uploads = new Map<UploadId, StoredUpload>();
  readonly #finished = new Map<
    UploadId,
    { readonly asked: string; readonly etag: string; readonly upload: StoredUpload }
  >();
  readonly quirks: S3Quirks;
  readonly #now: () => number;
  readonly #minPartBytes: number;
  #uploadsOpened = 0;

  constructor({ buckets, now, minPartBytes = 5 * 1024 * 1024, capabilities, quirks }: MemoryS3Options) {
    this.quirks = { ...AS_AWS, ...quirks };
    for (const bucket of buckets) this.objects.set(bucket, new Map());
    this.#now = now;
    this.#minPartBytes = minPartBytes;
    this.capabilities = {
      checksum: 'crc32',
      checksumsInComplete: true,
      conditionalComplete: true,
      requiresEqualParts: false,
      maxUploadAgeMs: null,
      ...capabilities,
    };
  }

  bucket(name: string): Map<string, StoredObject> {
    const bucket = this.objects.get(name);
    if (!bucket) throw new Refusal('s3_no_such_bucket');
    return bucket;
  }

  upload(target: ObjectTarget, id: UploadId): StoredUpload {
    this.bucket(target.bucket);
    const upload = this.uploads.get(id);
    const isSame = upload?.target.bucket === target.bucket && upload.target.key === target.key;
    if (!upload || !isSame || !this.isOpen(upload)) throw new Refusal('upload_not_found');
    return upload;
  }

  /** Whose parts ListParts lists. */
  listed(target: ObjectTarget, id: UploadId): StoredUpload {
    const finished = this.quirks.listsCompleted ? this.#finished.get(id)?.upload : undefined;
    return finished?.target.key === target.key ? finished : this.upload(target, id);
  }

  isOpen(upload: StoredUpload): boolean {
    return (this.expiresAtMs(upload) ?? Number.POSITIVE_INFINITY) > this.#now();
  }

  expiresAtMs({ initiatedAtMs }: StoredUpload): number | null {
    const { maxUploadAgeMs } = this.capabilities;
    return maxUploadAgeMs === null ? null : initiatedAtMs + maxUploadAgeMs;
  }

  open(target: ObjectTarget, metadata: Readonly<Record<string, string>>, contentType: string): StoredUpload {
    this.bucket(target.bucket);
    this.#uploadsOpened += 1;
    const id = uploadId(`upload-${this.#uploadsOpened}`);
    const upload = { target, id, initiatedAtMs: this.#now(), metadata, contentType, parts: new Map() };
    this.uploads.set(id, upload);
    return upload;
  }

  putPart(request: UploadPartRequest, bytes: Uint8Array): string {
    const upload = this.upload(request.target, request.uploadId);
    const part = { bytes, etag: md5(bytes), crc32: hex(crc32(bytes)) };
    const claimed = this.capabilities.checksum === 'crc32' ? request.crc32 === part.crc32 : true;
    if (!claimed || (request.md5 ?? part.etag) !== part.etag) throw new Refusal('part_digest_mismatch');
    upload.parts.set(request.partNumber, part);
    return part.etag;
  }

  copyPart({ source, offset, sizeBytes, ...request }: CopyPartRequest): string {
    if (this.quirks.copiesNothing) throw new Refusal('s3_request_refused');
    const object = this.bucket(source.target.bucket).get(source.target.key);
    if (!object) throw new Refusal('object_not_found');
    if (object.head.etag !== source.etag) throw new Refusal('precondition_failed');
    const bytes = Buffer.concat(object.pieces).subarray(offset, offset + sizeBytes);
    return this.putPart({ ...request, body: { kind: 'bytes', bytes }, crc32: hex(crc32(bytes)) }, bytes);
  }

  complete({ target, uploadId: id, parts, condition, sizeBytes }: CompleteRequest): string {
    const { capabilities, quirks } = this;
    const asked = parts.map((part) => `${part.partNumber}:${part.etag}`).join(' ');
    const finished = this.#finished.get(id);
    if (finished?.asked === asked && quirks.repeatsComplete) return finished.etag;
    const demanded: CompleteCondition = capabilities.conditionalComplete ? condition : { kind: 'any' };
    if (quirks.conditionFirst) this.#demand(target, demanded);
    if (quirks.goneCompleteIs500 && !this.uploads.has(id))
      throw new Refusal(failureOf('s3_unavailable', 'InternalError', { answered: false }));
    const upload = this.upload(target, id);
    const chosen = this.#chosen(upload, parts);
    const foundBytes = chosen.reduce((sum, { bytes }) => sum + bytes.length, 0);
    if (capabilities.checksumsInComplete && foundBytes !== sizeBytes) throw new Refusal('s3_request_refused');
    this.#demand(target, demanded);
    const etag = `${md5(...chosen.map((part) => Buffer.from(part.etag, 'hex')))}-${chosen.length}`;
    const pieces = chosen.map(({ bytes }) => bytes);
    this.#store(target, pieces, etag, upload.contentType, upload.metadata);
    this.uploads.delete(id);
    this.#finished.set(id, { asked, etag, upload });
    return quirks.emptyFirstEtag ? '' : etag;
  }

  #chosen(upload: StoredUpload, parts: CompleteRequest['parts']): readonly StoredPart[] {
    if (parts.length === 0) throw new Refusal('s3_request_refused');
    return parts.map((asked, index) => {
      const part = upload.parts.get(asked.partNumber);
      const isInOrder = asked.partNumber > (parts[index - 1]?.partNumber ?? 0);
      if (!part || !isInOrder || part.etag !== asked.etag) throw new Refusal('part_invalid');
      if (this.capabilities.checksumsInComplete && part.crc32 !== asked.crc32) throw new Refusal('part_invalid');
      if (index < parts.length - 1 && part.bytes.length < this.#minPartBytes) throw new Refusal('part_too_small');
      return part;
    });
  }

  #demand(target: ObjectTarget, condition: CompleteCondition): void {
    const etag = this.bucket(target.bucket).get(target.key)?.head.etag;
    const holds =
      condition.kind === 'any' || (condition.kind === 'absent' ? etag === undefined : etag === condition.etag);
    if (!holds) throw new Refusal('precondition_failed');
  }

  put(request: Parameters<ObjectStore['putObject']>[0]): string {
    this.#demand(request.target, request.condition);
    const body = Buffer.from(request.body);
    const etag = md5(body);
    this.#store(request.target, [body], etag, request.contentType, request.metadata);
    return etag;
  }

  #store(
    target: ObjectTarget,
    pieces: readonly Uint8Array[],
    etag: string,
    contentType: string,
    metadata: Readonly<Record<string, string>>,
  ): void {
    const head: ObjectHead = {
      sizeBytes: pieces.reduce((sum, piece) => sum + piece.length, 0),
      etag,
      metadata,
      // S3 keeps no fractions of a second.
      lastModifiedMs: Math.floor(this.#now() / 1000) * 1000,
      ...(this.capabilities.checksum === 'crc32' && {
        crc32: { kind: 'FULL_OBJECT', value: hex(pieces.reduce((sum, piece) => crc32(piece, sum), 0)) },
      }),
    };
    this.bucket(target.bucket).set(target.key, { head, contentType, pieces });
  }

  connect({ credentials = 'right' }: { readonly credentials?: 'right' | 'wrong' } = {}): ObjectStore {
    return connect(this, credentials);
  }
}

function connect(server: MemoryS3, credentials: 'right' | 'wrong'): ObjectStore {
  const answer = async <T>(options: CallOptions | undefined, work: () => T | Promise<T>): Promise<Outcome<T>> => {
    try {
      if (options?.signal?.aborted) throw new Refusal('s3_unavailable');
      if (credentials === 'wrong') throw new Refusal('s3_credentials_wrong');
      return { ok: true, value: await work() };
    } catch (error) {
      if (error instanceof Refusal) return { ok: false, failure: error.failure };
      throw error;
    }
  };
  return {
    capabilities: server.capabilities,
    probe: (bucket, options) => answer(options, () => server.bucket(bucket) && server.capabilities),
    createUpload: ({ target, metadata, contentType = 'application/octet-stream' }, options) =>
      answer(options, () => {
        const upload = server.open(target, metadata, contentType);
        return { uploadId: upload.id, expiresAtMs: server.expiresAtMs(upload) };
      }),
    uploadPart: (request, options) =>
      answer(options, async () => {
        const bytes = await bytesOf(request.body);
        return { etag: server.putPart(request, bytes) };
      }),
    copyPart: (request, options) => answer(options, () => ({ etag: server.copyPart(request) })),
    listParts: ({ target, uploadId: id }, options) =>
      answer(options, () => {
        const upload = server.listed(target, id);
        const numbers = [...upload.parts].sort(([a], [b]) => a - b);
        const parts = numbers.map(([n, { bytes, etag, crc32: sum }]) => ({
          partNumber: partNumber(n),
          sizeBytes: bytes.length,
          etag,
          ...(server.capabilities.checksum === 'crc32' && { crc32: sum }),
        }));
        return { parts, expiresAtMs: server.expiresAtMs(upload) };
      }),
    listUploads: ({ bucket, prefix }, options) =>
      answer(options, () => {
        server.bucket(bucket);
        if (server.quirks.listsNoUploads) return [];
        const open = [...server.uploads.values()].filter((upload) => server.isOpen(upload));
        const found = open.filter(({ target }) => target.bucket === bucket && target.key.startsWith(prefix));
        return found.map(
          ({ target, id, initiatedAtMs }): ListedUpload => ({ key: target.key, uploadId: id, initiatedAtMs }),
        );
      }),
    completeUpload: (request, options) => answer(options, () => ({ etag: server.complete(request) })),
    abortUpload: ({ target, uploadId: id }, options) =>
      answer(options, () => {
        server.uploads.delete(server.upload(target, id).id);
        return null;
      }),
    headObject: ({ bucket, key }, options) =>
      // A HEAD has no body to name a missing bucket in.
      answer(options, () => server.objects.get(bucket)?.get(key)?.head ?? null),
    putObject: (request, options) => answer(options, () => ({ etag: server.put(request) })),
    getObject: ({ target, offset = 0, sizeBytes }, options) =>
      answer(options, () => {
        const object = server.bucket(target.bucket).get(target.key);
        return object ? slices(object.pieces, offset, sizeBytes ?? Number.POSITIVE_INFINITY) : null;
      }),
    deleteObject: ({ bucket, key }, options) =>
      answer(options, () => {
        server.bucket(bucket).delete(key);
        return null;
      }),
    close: () => undefined,
  };
}

/** A copy: the caller goes on using its buffers. */
async function bytesOf(body: PartBody): Promise<Uint8Array> {
  if (body.kind === 'bytes') return Buffer.from(body.bytes);
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of body.open()) pieces.push(Buffer.from(piece));
  } catch (error) {
    throw new Refusal((error as { failure?: Failure }).failure ?? 'source_read_error');
  }
  const bytes = Buffer.concat(pieces);
  if (bytes.length !== body.sizeBytes) throw new Refusal('source_read_error');
  return bytes;
}

async function* slices(pieces: readonly Uint8Array[], offset: number, sizeBytes: number): AsyncGenerator<Uint8Array> {
  let start = 0;
  for (const piece of pieces) {
    const from = Math.max(offset - start, 0);
    const to = Math.min(offset + sizeBytes - start, piece.length);
    if (from < to) yield piece.subarray(from, to);
    start += piece.length;
  }
}
