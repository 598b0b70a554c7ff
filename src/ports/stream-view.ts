// What one stream looks like from outside: the row of `status`, of the API and of the page. Plain JSON without secrets, made from
// the stream's snapshot at each change; a copy to look at, never a source of decisions.

import type { FailureCode, FailureKind } from '../machines/failure.ts';
import type { StreamId, UploadId } from '../machines/ids.ts';
import type { Completion, FinalizeReason, LeftUpload } from '../machines/stream-record.ts';
import type { StreamStatus } from '../machines/stream-status.ts';
import type { WriterPresence } from './writer-check.ts';

export interface FailureView {
  readonly code: FailureCode;
  readonly kind: FailureKind;
  readonly detail: string;
  readonly hint: string;
  /** Who can cure it. */
  readonly cure: string;
}

export interface StreamView {
  readonly id: StreamId;
  /** Dotted, for example `active.waiting`. */
  readonly state: string;
  readonly status: StreamStatus;
  readonly path: string;
  readonly folder: string;
  readonly bucket: string | null;
  readonly key: string | null;
  readonly uploadId: UploadId | null;
  readonly generation: number;
  readonly sizeBytes: number;
  /** Acknowledged by S3 in the present upload. */
  readonly sentBytes: number;
  /** Bytes of the file that no proven object and no acknowledged part holds. */
  readonly atRiskBytes: number;
  readonly partsHeld: number;
  readonly startedAtMs: number;
  readonly lastActivityMs: number;
  /** `unasked`: nobody looked yet. */
  readonly writer: WriterPresence | 'unasked';
  readonly attempt: number;
  /** Epoch ms before which the owed work is not tried again; 0: none. */
  readonly notBeforeMs: number;
  readonly failure: FailureView | null;
  readonly finalizeReason: FinalizeReason | null;
  readonly completion: Completion | null;
  readonly leftUploads: readonly LeftUpload[];
}

/** `dirty`: differs from the file and is sent again. `verified`: compared with the file since it was frozen. */
export type PartState = 'sent' | 'in_flight' | 'dirty' | 'verified';

export interface PartView {
  readonly partNumber: number;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly state: PartState;
  /** These three are null until S3 has acknowledged the part and the journal has it. */
  readonly etag: string | null;
  readonly crc32: string | null;
  /** ISO 8601, UTC. */
  readonly uploadedAt: string | null;
}

export interface PartsView {
  readonly streamId: StreamId;
  readonly generation: number;
  readonly parts: readonly PartView[];
}

export interface HistoryEntry {
  readonly atMs: number;
  /** What was seen or wished; where the stream went; what it began to do; what came of that. */
  readonly kind: 'fact' | 'state' | 'effect' | 'outcome';
  readonly name: string;
  /** One line for people, often empty. Never bytes of the file, never a secret. */
  readonly detail: string;
}
