// What is remembered of a stream: the part of its context that survives the process, as plain JSON with a schema version.
//
// The record says what is owed (`state`) and what was known when it was saved (`memory`). It is a hint, never a proof: every
// restored stream enters `recovering` and believes only the file and S3. Ledger rows are kept beside it, not in it.

import type { Failure } from './failure.ts';
import type { FileIdentity, Freeze } from './file-identity.ts';
import type { StreamId, UploadId } from './ids.ts';
import type { PartsHeld } from './part-ledger.ts';
import type { PartPlan } from './part-plan.ts';

export const RECORD_SCHEMA_VERSION = 1;

/** Where the object goes. Fixed and reserved when the upload opens. */
export interface ObjectTarget {
  readonly bucket: string;
  readonly key: string;
}

/**
 * What Complete demands of the key: `absent` (If-None-Match: *), our own last object unchanged (If-Match), or nothing
 * (the user chose `overwrite`).
 */
export type CompleteCondition =
  | { readonly kind: 'absent' }
  | { readonly kind: 'ours'; readonly etag: string }
  | { readonly kind: 'any' };

export interface UploadMemory {
  readonly uploadId: UploadId;
  readonly plan: PartPlan;
  readonly condition: CompleteCondition;
  readonly openedAtMs: number;
  /** When the provider said that it will abort the upload by itself (AbortDate); null where it did not say. */
  readonly expiresAtMs: number | null;
}

export type FinalizeReason = 'writer_closed' | 'idle' | 'idle_writer_unknown' | 'operator';

/** The last proven object of this stream. */
export interface Completion {
  readonly target: ObjectTarget;
  readonly generation: number;
  readonly etag: string;
  readonly sizeBytes: number;
  /** Of the whole object, 8 hex digits. */
  readonly crc32: string;
  /** Plan and digest of the parts' XXH64s: enough to tell later whether the file still has these bytes. */
  readonly plan: PartPlan;
  readonly digest: string;
  readonly freeze: Freeze;
  readonly completedAtMs: number;
  /** How the object was proven: words of the receipt. */
  readonly provenBy: readonly string[];
}

/**
 * An upload that holds parts and that this stream does not go on with. Only `abort` or `gc` ends it. `unmatched`: opened by an intent
 * whose record was lost, and the file holds none of its parts any more. `rolled_over`: before it grew too old or ran out of part numbers
 * the stream went on in another upload, from the file's first byte; it is aborted once the object is proven.
 */
export interface LeftUpload {
  readonly target: ObjectTarget;
  readonly uploadId: UploadId;
  readonly parts: number;
  /** End of the furthest part that S3 acknowledged. */
  readonly sentEndBytes: number;
  readonly why: 'truncated' | 'foreign_object' | 'excess_parts' | 'unmatched' | 'rolled_over';
}

export interface Wishes {
  readonly finalize: boolean;
  readonly abort: boolean;
}

export const NO_WISHES: Wishes = { finalize: false, abort: false };

export interface StreamMemory {
  readonly folder: string;
  readonly path: string;
  readonly identity: FileIdentity;
  readonly startedAtMs: number;
  /** 1 for the first upload of the stream. */
  readonly generation: number;
  /** True when the next upload must not go to the former key (after a truncation). */
  readonly freshKey: boolean;
  readonly target: ObjectTarget | null;
  readonly upload: UploadMemory | null;
  readonly parts: PartsHeld;
  /** End of the furthest part that S3 acknowledged in this upload. A file shorter than that was truncated. */
  readonly sentEndBytes: number;
  /** The stat that the last verify pass held for; null until one succeeded. */
  readonly freeze: Freeze | null;
  readonly finalizeReason: FinalizeReason | null;
  /** Not null: a Complete may be under way, and no second one is sent before this moment (epoch ms). */
  readonly completeDoubtUntilMs: number | null;
  /** Complete was refused by name; null again as soon as it is known what became of the upload. */
  readonly completeRefusal: Failure | null;
  readonly completion: Completion | null;
  readonly failure: Failure | null;
  /** Of the operator, until they are fulfilled: a wish that was accepted survives a crash. */
  readonly wishes: Wishes;
  /** How often a writer was seen to open the file again after closing it: each gives up on the short grace. */
  readonly reopenings: number;
  readonly leftUploads: readonly LeftUpload[];
}

export interface StreamRecord {
  readonly schemaVersion: typeof RECORD_SCHEMA_VERSION;
  readonly streamId: StreamId;
  /** Dotted state, for example `active.waiting`; never `recovering`. */
  readonly state: string;
  readonly memory: StreamMemory;
  /** The file as last seen when the record was saved, and when it was last seen to change (epoch ms). */
  readonly seen: Freeze | null;
  readonly lastActivityMs: number;
}

/** A record as a store keeps it. `rev` counts the saves of one stream; `fence` counts the daemons that ran for its folder. */
export interface StoredRecord {
  readonly record: StreamRecord;
  readonly rev: number;
  readonly fence: number;
}
