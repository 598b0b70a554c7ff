// What we need of S3, in our words. One adapter method is one request (lists: all pages), sent once: no retry, no abort on
// error, nothing decided. Every method ends by a deadline of its own or when `signal` fires, whichever is first.
//
// Answers are accepted only with their required fields. A failure with `answered: false` may have been executed.
// ETags are without quotes. Checksums are lower-case hex.

import type { PartNumber, UploadId } from '../machines/ids.ts';
import type { ListedPart } from '../machines/part-ledger.ts';
import type { CompleteCondition, ObjectTarget } from '../machines/stream-record.ts';
import type { Outcome } from './outcome.ts';

export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** The bytes of a part: in memory, or opened anew for a part too large for that. */
export type PartBody =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'stream'; readonly sizeBytes: number; readonly open: () => AsyncIterable<Uint8Array> };

export interface UploadPartRequest {
  readonly target: ObjectTarget;
  readonly uploadId: UploadId;
  readonly partNumber: PartNumber;
  readonly body: PartBody;
  /** 8 hex digits of the body; sent where the server supports it. */
  readonly crc32: string;
  /** 32 hex digits; given only where `capabilities.checksum` is `md5`, and then sent as Content-MD5. */
  readonly md5?: string;
}

export interface CopyPartRequest {
  readonly target: ObjectTarget;
  readonly uploadId: UploadId;
  readonly partNumber: PartNumber;
  readonly source: { readonly target: ObjectTarget; readonly etag: string };
  readonly offset: number;
  readonly sizeBytes: number;
  /** 8 hex digits of the range. */
  readonly crc32: string;
}

export interface CompletedPart {
  readonly partNumber: PartNumber;
  readonly etag: string;
  readonly crc32: string;
}

export interface CompleteRequest {
  readonly target: ObjectTarget;
  readonly uploadId: UploadId;
  readonly parts: readonly CompletedPart[];
  readonly condition: CompleteCondition;
  readonly sizeBytes: number;
}

export interface ObjectHead {
  readonly sizeBytes: number;
  readonly etag: string;
  /** User metadata, names in lower case without `x-amz-meta-`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Whole-object CRC32 where the server stores one (`FULL_OBJECT`), or of the parts' CRC32s (`COMPOSITE`). */
  readonly crc32?: { readonly kind: 'FULL_OBJECT' | 'COMPOSITE'; readonly value: string };
  readonly lastModifiedMs: number;
}

export interface ListedUpload {
  readonly key: string;
  readonly uploadId: UploadId;
  readonly initiatedAtMs: number;
}

/** What this server can do: found by a probe at start, or given. */
export interface StoreCapabilities {
  /** `crc32`: it verifies `x-amz-checksum-crc32`; `md5`: only Content-MD5. */
  readonly checksum: 'crc32' | 'md5';
  /** Complete may carry the parts' checksums. */
  readonly checksumsInComplete: boolean;
  /** Complete honours If-None-Match and If-Match. */
  readonly conditionalComplete: boolean;
  readonly requiresEqualParts: boolean;
  readonly maxUploadAgeMs: number | null;
}

export interface ObjectStore {
  readonly capabilities: StoreCapabilities;
  /** Learns `capabilities` and that bucket and credentials work, by harmless requests. */
  probe(bucket: string, options?: CallOptions): Promise<Outcome<StoreCapabilities>>;
  createUpload(
    request: {
      readonly target: ObjectTarget;
      readonly metadata: Readonly<Record<string, string>>;
      readonly contentType?: string;
    },
    options?: CallOptions,
  ): Promise<Outcome<{ readonly uploadId: UploadId; readonly expiresAtMs: number | null }>>;
  uploadPart(request: UploadPartRequest, options?: CallOptions): Promise<Outcome<{ readonly etag: string }>>;
  /** A part out of an object, without its bytes passing through us; refused when the object is not the one of `etag`. */
  copyPart(request: CopyPartRequest, options?: CallOptions): Promise<Outcome<{ readonly etag: string }>>;
  /** All parts, all pages, ascending. A marker that does not advance is a failure. */
  listParts(
    request: { readonly target: ObjectTarget; readonly uploadId: UploadId },
    options?: CallOptions,
  ): Promise<Outcome<{ readonly parts: readonly ListedPart[]; readonly expiresAtMs: number | null }>>;
  /** Unfinished uploads whose key begins with `prefix`; all pages, until one brings nothing new. */
  listUploads(
    request: { readonly bucket: string; readonly prefix: string },
    options?: CallOptions,
  ): Promise<Outcome<readonly ListedUpload[]>>;
  /** The etag may be empty (Ceph's first answer). */
  completeUpload(request: CompleteRequest, options?: CallOptions): Promise<Outcome<{ readonly etag: string }>>;
  /** `upload_not_found` is a failure here too: the caller decides what it means. */
  abortUpload(
    request: { readonly target: ObjectTarget; readonly uploadId: UploadId },
    options?: CallOptions,
  ): Promise<Outcome<null>>;
  /** null: certainly absent (404). 403 is a failure, never absence. */
  headObject(target: ObjectTarget, options?: CallOptions): Promise<Outcome<ObjectHead | null>>;
  /** Small objects only (receipts): at most `MAX_SMALL_OBJECT_BYTES`. */
  putObject(
    request: {
      readonly target: ObjectTarget;
      readonly body: Uint8Array;
      readonly contentType: string;
      readonly metadata: Readonly<Record<string, string>>;
      readonly condition: CompleteCondition;
    },
    options?: CallOptions,
  ): Promise<Outcome<{ readonly etag: string }>>;
  /** The object's bytes (for `verify`), from `offset` on when given; null: absent. */
  getObject(
    request: { readonly target: ObjectTarget; readonly offset?: number; readonly sizeBytes?: number },
    options?: CallOptions,
  ): Promise<Outcome<AsyncIterable<Uint8Array> | null>>;
  deleteObject(target: ObjectTarget, options?: CallOptions): Promise<Outcome<null>>;
  close(): void;
}

/** Receipts of 10,000 parts are about 2 MB. */
export const MAX_SMALL_OBJECT_BYTES = 16 * 1024 * 1024;
