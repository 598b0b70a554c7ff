// What the journal and its thread say to each other. Every request has an id and gets exactly one reply with the same id,
// in the order of the requests; a thread that ends owes no replies any more.

import type { StreamId, UploadId } from '../machines/ids.ts';
import type { LedgerRow } from '../machines/part-ledger.ts';
import type { ObjectTarget } from '../machines/stream-record.ts';
import type { StreamSave } from '../ports/journal.ts';
import type { Outcome } from '../ports/outcome.ts';

/** A row of the table `streams`; its record is JSON text, which the caller reads (`sqlite-journal-rows.ts`). */
export interface RecordRow {
  readonly id: string;
  readonly rev: number;
  readonly fence: number;
  readonly record: string;
}

/** Each operation: what goes in, what comes out. */
export interface JournalOperations {
  open: { input: null; output: null };
  load: { input: null; output: readonly RecordRow[] };
  record: { input: StreamId; output: RecordRow | null };
  rows: { input: { readonly id: StreamId; readonly uploadId: UploadId }; output: readonly LedgerRow[] };
  save: { input: readonly StreamSave[]; output: null };
  reserveKey: {
    input: { readonly target: ObjectTarget; readonly id: StreamId };
    output: { readonly granted: boolean; readonly existed: boolean };
  };
  reservedKeys: { input: StreamId; output: readonly ObjectTarget[] };
  forget: { input: StreamId; output: null };
  close: { input: null; output: null };
}
export type JournalOperation = keyof JournalOperations;

export interface JournalRequest {
  readonly requestId: number;
  readonly operation: JournalOperation;
  readonly input: unknown;
}

export interface JournalReply {
  readonly requestId: number;
  readonly outcome: Outcome<unknown>;
}

/** What the thread is started with. */
export interface JournalThreadData {
  readonly stateDir: string;
}
