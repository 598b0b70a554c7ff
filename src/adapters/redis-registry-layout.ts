// What the registry's keys, hashes and entries look like in Redis. Names and fields are an API for people and other programs.
// Pure functions: nothing here talks to Redis.

import { byteOffset, partNumber, type StreamId } from '../machines/ids.ts';
import type { LedgerRow } from '../machines/part-ledger.ts';
import type { ObjectTarget } from '../machines/stream-record.ts';
import { STATUS_SETS } from '../machines/stream-status.ts';
import type { RegistrySave } from '../ports/registry.ts';

export interface RegistryKeys {
  readonly sets: readonly string[];
  readonly due: string;
  readonly events: string;
  set(name: string): string;
  lease(folderId: string): string;
  meta(id: StreamId): string;
  parts(id: StreamId): string;
  snapshot(id: StreamId): string;
}

export const registryKeys = (prefix: string): RegistryKeys => ({
  sets: STATUS_SETS.map((name) => prefix + name),
  due: `${prefix}streams:due`,
  events: `${prefix}streams:events`,
  set: (name) => prefix + name,
  lease: (folderId) => `${prefix}lease:${folderId}`,
  meta: (id) => `${prefix}stream:${id}:meta`,
  parts: (id) => `${prefix}stream:${id}:parts`,
  snapshot: (id) => `${prefix}stream:${id}:snapshot`,
});

/** Redis Cluster keeps keys with the same hash tag (the text between the first `{` and the next `}`) on one node. */
export const hasHashTag = (prefix: string): boolean => /^[^{]*\{[^}]+\}/.test(prefix);

/** Fields and values of `stream:{id}:meta`; what is not known is an empty text. */
export function metaTexts(save: RegistrySave): (string | Buffer)[] {
  const { record, rev, fence } = save.stored;
  const { memory } = record;
  const target = memory.target ?? memory.completion?.target;
  const { failure } = memory;
  return [
    ...['original_path', pathBytes(memory.path)],
    ...['s3_bucket', target?.bucket ?? ''],
    ...['s3_key', target?.key ?? ''],
    ...['s3_upload_id', save.uploadId ?? ''],
    ...['status', save.status],
    ...['failure_reason', failure ? `${failure.code}: ${failure.detail}` : ''],
    ...['started_at_utc', isoUtc(memory.startedAtMs)],
    ...['last_activity_at_utc', isoUtc(record.lastActivityMs)],
    ...['total_bytes_sent', String(save.sentBytes)],
    ...['generation', String(memory.generation)],
    ...['owner', save.lease.holder],
    ...['fence', String(fence)],
    ...['rev', String(rev)],
    ...['reserved', save.reserved.length === 0 ? '' : JSON.stringify(save.reserved)],
  ];
}

/** The keys in `reserved`; damaged ones are none. */
export function readReserved(json: string | null | undefined): readonly ObjectTarget[] {
  try {
    const value: unknown = JSON.parse(json || '[]');
    return Array.isArray(value) ? value.filter(isTarget).map(({ bucket, key }) => ({ bucket, key })) : [];
  } catch {
    return [];
  }
}

const isTarget = (value: unknown): value is ObjectTarget => {
  const { bucket, key } = (value ?? {}) as Partial<ObjectTarget>;
  return typeof bucket === 'string' && typeof key === 'string';
};

/** What may have to be told in `streams:events`: number, status, bucket, key, size and moment of each change. */
export const changeTexts = ({ changes }: RegistrySave): string[] =>
  changes.flatMap(({ seq, status, bucket, key, sizeBytes, atMs }) => [
    ...[String(seq), status, bucket, key],
    ...[String(sizeBytes), isoUtc(atMs)],
  ]);

/** Field and value of one row of `stream:{id}:parts`. */
export const partTexts = (row: LedgerRow): [string, string] => [
  String(row.partNumber),
  JSON.stringify({
    size: row.sizeBytes,
    offset: row.offset,
    etag: row.etag,
    crc32: row.crc32,
    xxh64: row.xxh64,
    uploaded_at_utc: isoUtc(row.uploadedAtMs),
  }),
];

/** A row of `stream:{id}:parts`, or null if it is damaged: the part is then a listed one without a row, and compared with the file. */
export function readPart(field: string, json: string): LedgerRow | null {
  let value: Record<string, unknown> | null;
  try {
    value = JSON.parse(json);
  } catch {
    return null;
  }
  const { size, offset, etag, crc32, xxh64, uploaded_at_utc: uploadedAt } = value ?? {};
  const number = Number(field);
  const uploadedAtMs = typeof uploadedAt === 'string' ? Date.parse(uploadedAt) : Number.NaN;
  if (!Number.isSafeInteger(number) || !Number.isSafeInteger(size) || !Number.isSafeInteger(offset)) return null;
  if (typeof etag !== 'string' || typeof crc32 !== 'string' || typeof xxh64 !== 'string') return null;
  if (Number.isNaN(uploadedAtMs)) return null;
  return {
    partNumber: partNumber(number),
    offset: byteOffset(offset as number),
    sizeBytes: size as number,
    etag,
    crc32,
    xxh64,
    uploadedAtMs,
  };
}

/** Empty for what is no moment (a damaged clock must not stop a save). */
function isoUtc(epochMs: number): string {
  const date = new Date(epochMs);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
}

/** The path as the file system has it: bytes that are no UTF-8 are lone surrogates U+DC80 to U+DCFF in our texts. */
function pathBytes(path: string): string | Buffer {
  if (path.isWellFormed()) return path;
  const pieces = Array.from(path, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code >= 0xdc80 && code <= 0xdcff ? Buffer.from([code - 0xdc00]) : Buffer.from(character);
  });
  return Buffer.concat(pieces);
}
