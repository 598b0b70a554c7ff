// The journal: the embedded store of records, ledgers and reserved keys (`STATE_DIR`). It is the write-ahead: an effect that
// cannot be undone waits until the journal holds the snapshot that owes it, and for nothing else.
//
// A resolved `save` is durable. Writes never block the event loop. Only one process can have a journal open.

import type { StreamId, UploadId } from '../machines/ids.ts';
import type { LedgerRow } from '../machines/part-ledger.ts';
import type { ObjectTarget, StoredRecord } from '../machines/stream-record.ts';
import type { Outcome } from './outcome.ts';

/** One stream's newest record, and what happened to its ledger since the last save. Applied in one step. */
export interface StreamSave {
  readonly stored: StoredRecord;
  /** Upload that the ledger belongs to. Rows of any other upload of the stream are dropped in the same step; null drops all. */
  readonly uploadId: UploadId | null;
  /** True: `rows` is the whole ledger; the rows before are dropped. False: `rows` are added or replace those of the same number. */
  readonly replaceRows: boolean;
  readonly rows: readonly LedgerRow[];
}

export interface Journal {
  /** Every record, final ones included. Unreadable ones are reported by id, never thrown away. */
  load(): Promise<Outcome<{ readonly records: readonly StoredRecord[]; readonly unreadable: readonly StreamId[] }>>;
  record(id: StreamId): Promise<Outcome<StoredRecord | null>>;
  /** Ledger rows of this upload, ascending by part number. */
  rows(id: StreamId, uploadId: UploadId): Promise<Outcome<readonly LedgerRow[]>>;
  /** All in one transaction. */
  save(saves: readonly StreamSave[]): Promise<Outcome<null>>;
  /**
   * Gives the key to the stream unless another stream has it. Durable when resolved: it is the intent of an upload.
   * `existed`: the stream had this key already (an earlier process may have opened an upload for it).
   */
  reserveKey(
    target: ObjectTarget,
    id: StreamId,
  ): Promise<Outcome<{ readonly granted: boolean; readonly existed: boolean }>>;
  reservedKeys(id: StreamId): Promise<Outcome<readonly ObjectTarget[]>>;
  /** Drops the record, its rows and its keys. */
  forget(id: StreamId): Promise<Outcome<null>>;
  close(): Promise<void>;
}
