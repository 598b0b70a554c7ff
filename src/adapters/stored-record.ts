// A stored record as text and back: the one place where the journal and the registry agree on its shape.
//
// Reading trusts nothing: text that is no JSON, of an unknown schema version, or of the wrong shape is `null`, and the store
// reports the id as unreadable (the stream is then rebuilt from the file and S3). Fields that we don't know are kept as they are.
// A new schema version adds a pure function from the former shape here; the former's records stay under test/fixtures/records.
// JSON escapes lone surrogates, so paths that are no UTF-8 survive in stores that hold UTF-8 only.

import { z } from 'zod';
import { FAILURE_CODES, type Failure } from '../machines/failure.ts';
import type { FileIdentity, Freeze } from '../machines/file-identity.ts';
import type { PartsHeld } from '../machines/part-ledger.ts';
import {
  type Completion,
  type FinalizeReason,
  type LeftUpload,
  type ObjectTarget,
  RECORD_SCHEMA_VERSION,
  type StoredRecord,
  type StreamMemory,
  type StreamRecord,
  type UploadMemory,
  type Wishes,
} from '../machines/stream-record.ts';

/** One schema for each field of T: a field added to a record's type and forgotten here does not compile. */
type FieldsOf<T> = { readonly [K in keyof Required<T>]: z.ZodType };

/** The words of a union type, all of them: one added to the type and forgotten here does not compile. */
const oneOf = <T extends string>(words: Readonly<Record<T, true>>) => z.enum(Object.keys(words) as T[]);

const count = z.number().int().min(0);
const text = z.string();
/** Nanoseconds as decimal text; negative before 1970. */
const decimal = z.string().regex(/^-?\d+$/);

const identity = z.object({ inode: text, birthNs: text } satisfies FieldsOf<FileIdentity>);
const freeze = z.object({
  identity,
  sizeBytes: count,
  mtimeNs: decimal,
  ctimeNs: decimal,
} satisfies FieldsOf<Freeze>);
const target = z.object({ bucket: text, key: text } satisfies FieldsOf<ObjectTarget>);
const failure = z.object({
  code: z.string().refine((code) => (FAILURE_CODES as readonly string[]).includes(code)),
  detail: text,
  retryAfterMs: z.number().optional(),
  answered: z.boolean().optional(),
  during: text.optional(),
  owed: text.optional(),
} satisfies FieldsOf<Failure>);
const plan = z.discriminatedUnion('kind', [
  z.object({
    version: z.literal(1),
    kind: z.literal('growing'),
    firstPartBytes: z.number().int().min(1),
    growthDivisor: z.number().int().min(1),
  }),
  z.object({ version: z.literal(1), kind: z.literal('uniform'), firstPartBytes: z.number().int().min(1) }),
]);
const condition = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('absent') }),
  z.object({ kind: z.literal('ours'), etag: text }),
  z.object({ kind: z.literal('any') }),
]);
const upload = z.object({
  uploadId: text,
  plan,
  condition,
  openedAtMs: z.number(),
  expiresAtMs: z.number().nullable(),
} satisfies FieldsOf<UploadMemory>);
const completion = z.object({
  target,
  generation: count,
  etag: text,
  sizeBytes: count,
  crc32: text,
  plan,
  digest: text,
  freeze,
  completedAtMs: z.number(),
  provenBy: z.array(text),
} satisfies FieldsOf<Completion>);
const leftUpload = z.object({
  target,
  uploadId: text,
  parts: count,
  sentEndBytes: count,
  why: oneOf<LeftUpload['why']>({
    truncated: true,
    foreign_object: true,
    excess_parts: true,
    unmatched: true,
    rolled_over: true,
  }),
} satisfies FieldsOf<LeftUpload>);
const partsHeld = z.object({ contiguous: count, ahead: z.array(count) } satisfies FieldsOf<PartsHeld>);

const finalizeReason = oneOf<FinalizeReason>({
  writer_closed: true,
  idle: true,
  idle_writer_unknown: true,
  operator: true,
});

const wishes = z.object({ finalize: z.boolean(), abort: z.boolean() } satisfies FieldsOf<Wishes>);

const memory = z.object({
  folder: text,
  path: text,
  identity,
  startedAtMs: z.number(),
  generation: count,
  freshKey: z.boolean(),
  target: target.nullable(),
  upload: upload.nullable(),
  parts: partsHeld,
  sentEndBytes: count,
  freeze: freeze.nullable(),
  finalizeReason: finalizeReason.nullable(),
  completeDoubtUntilMs: z.number().nullable(),
  completeRefusal: failure.nullable(),
  completion: completion.nullable(),
  failure: failure.nullable(),
  wishes,
  reopenings: count,
  leftUploads: z.array(leftUpload),
} satisfies FieldsOf<StreamMemory>);

const streamRecord = z.object({
  schemaVersion: z.literal(RECORD_SCHEMA_VERSION),
  streamId: text.min(1),
  state: text.min(1),
  memory,
  seen: freeze.nullable(),
  lastActivityMs: z.number(),
} satisfies FieldsOf<StreamRecord>);

const stored = z.object({ rev: count, fence: count, record: streamRecord } satisfies FieldsOf<StoredRecord>);

/** The record in `json`, or null when this version cannot read it. */
export function readRecord(json: string): StreamRecord | null {
  const value = parse(json);
  // The value itself is returned, not the schema's copy of it: unknown fields are not ours to drop.
  return streamRecord.safeParse(value).success ? (value as StreamRecord) : null;
}

/** A record with its revision and fence in one JSON text; `schemaVersion` is repeated on top, where readers of Redis look. */
export const writeStored = (value: StoredRecord): string =>
  JSON.stringify({
    schemaVersion: value.record.schemaVersion,
    rev: value.rev,
    fence: value.fence,
    record: value.record,
  });

/** What `writeStored` wrote, or null when this version cannot read it. */
export function readStored(json: string): StoredRecord | null {
  const value = parse(json);
  if (!stored.safeParse(value).success) return null;
  const { record, rev, fence } = value as StoredRecord;
  return { record, rev, fence };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
