// Everything a stream can hear: facts (past tense) about the file and the world, outcomes of the effects it owes, and an
// operator's wishes (verbs). All are plain JSON and carry the time at which they were observed.

import type { Failure } from './failure.ts';
import type { FileStat, Freeze } from './file-identity.ts';
import type { ByteOffset, PartNumber } from './ids.ts';
import type { PartsHeld } from './part-ledger.ts';
import type { Completion, LeftUpload, ObjectTarget, StreamRecord, UploadMemory } from './stream-record.ts';

/** `unknown`: not being allowed to look is never "none". */
export type WriterPresence = 'open' | 'none' | 'unknown';

/** What `reconcile` found. Nothing in it is memory: each field was looked at, or says `unasked`. */
export interface Evidence {
  /** The record, when it had to be fetched from the journal (a stream that had left comes back). */
  readonly recalled: StreamRecord | null;
  /** null: the bytes cannot be read any more. */
  readonly stat: FileStat | null;
  readonly upload: 'none' | 'unasked' | 'listed' | 'gone';
  /** Parts that S3 lists and that provably hold the file's bytes, or the ledger's. Only with `listed`. */
  readonly parts: PartsHeld | null;
  readonly sentEndBytes: number;
  /** Asked when the upload is gone or its completion was in doubt. */
  readonly object: 'unasked' | 'ours' | 'not_ours';
  /** Asked when the file's times differ from those of a proven object of the same size. */
  readonly content: 'unasked' | 'same' | 'different';
}

export type StreamFact =
  | { readonly type: 'file.observed'; readonly stat: FileStat; readonly path: string; readonly atMs: number }
  | { readonly type: 'writer.observed'; readonly presence: WriterPresence; readonly atMs: number }
  /** We no longer hold the file open; it had no name any more. */
  | { readonly type: 'file.let_go'; readonly atMs: number }
  | { readonly type: 'stream.due'; readonly atMs: number };

export type StreamWish =
  | { readonly type: 'operator.finalize'; readonly atMs: number }
  | { readonly type: 'operator.retry'; readonly atMs: number }
  | { readonly type: 'operator.abort'; readonly atMs: number };

export type StreamOutcome =
  | { readonly type: 'stream.reconciled'; readonly evidence: Evidence; readonly atMs: number }
  | {
      readonly type: 'upload.opened';
      readonly target: ObjectTarget;
      readonly upload: UploadMemory;
      readonly parts: PartsHeld;
      readonly sentEndBytes: number;
      /** Higher than asked for when our own older object was found at the key of a stream that remembers nothing. */
      readonly generation: number;
      /** Found on the way: our own, with parts, and not gone on with. */
      readonly left?: readonly LeftUpload[];
      readonly atMs: number;
    }
  /** The key holds our own object, and it provably is the file: nothing is sent again. */
  | { readonly type: 'object.adopted'; readonly completion: Completion; readonly atMs: number }
  | {
      readonly type: 'part.uploaded';
      readonly partNumber: PartNumber;
      readonly offset: ByteOffset;
      readonly sizeBytes: number;
      readonly atMs: number;
    }
  /** Nothing is in flight any more. `failure`: the first one, null when all went. `unanswered`: some attempt may still arrive at the server. */
  | {
      readonly type: 'parts.settled';
      readonly failure: Failure | null;
      readonly unanswered: boolean;
      readonly stat: FileStat | null;
      readonly atMs: number;
    }
  | {
      readonly type: 'writer.checked';
      readonly stat: FileStat;
      readonly presence: WriterPresence;
      readonly atMs: number;
    }
  | {
      readonly type: 'source.verified';
      readonly freeze: Freeze;
      readonly differing: readonly number[];
      readonly atMs: number;
    }
  | { readonly type: 'source.changed'; readonly stat: FileStat; readonly atMs: number }
  | {
      readonly type: 'parts.checked';
      readonly wrong: readonly number[];
      readonly excess: readonly number[];
      readonly atMs: number;
    }
  | { readonly type: 'upload.completed'; readonly etag: string; readonly atMs: number }
  /** Complete was sent and not answered with success. Whether it was executed is for the machine to doubt. */
  | { readonly type: 'upload.completion_failed'; readonly failure: Failure; readonly atMs: number }
  | {
      readonly type: 'object.probed';
      readonly object: 'ours' | 'foreign' | 'absent';
      readonly upload: 'listed' | 'gone';
      readonly atMs: number;
    }
  | { readonly type: 'object.proven'; readonly completion: Completion; readonly atMs: number }
  /** The object is proven to be what the freeze saw, but the file has other bytes by now. */
  | {
      readonly type: 'object.superseded';
      readonly completion: Completion;
      readonly stat: FileStat;
      readonly atMs: number;
    }
  | { readonly type: 'object.mismatched'; readonly failure: Failure; readonly atMs: number }
  | { readonly type: 'upload.aborted'; readonly atMs: number }
  | { readonly type: 'upload.found_filled'; readonly atMs: number }
  | { readonly type: 'receipt.published'; readonly atMs: number }
  | { readonly type: 'uploads.cleared'; readonly atMs: number }
  /** Removed or moved as the user asked, or gone already. */
  | { readonly type: 'source.disposed'; readonly atMs: number }
  | { readonly type: 'effect.failed'; readonly failure: Failure; readonly atMs: number };

export type StreamEvent = StreamFact | StreamWish | StreamOutcome;
export type StreamEventOf<T extends StreamEvent['type']> = Extract<StreamEvent, { readonly type: T }>;
