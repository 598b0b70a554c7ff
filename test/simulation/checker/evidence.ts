// What the checker reads: plain data that any bed (simulation, real servers) can gather. What was at the end, and what happened
// on the way, in order.

import type { FileIdentity } from '../../../src/machines/file-identity.ts';
import type { StreamId } from '../../../src/machines/ids.ts';
import type { Completion, LeftUpload, StreamRecord } from '../../../src/machines/stream-record.ts';

/** Everything but the times, which a rename changes. */
export interface FileState {
  readonly streamId: StreamId;
  readonly identity: FileIdentity;
  readonly path: string;
  readonly sizeBytes: number;
  readonly mtimeNs: string;
  readonly ctimeNs: string;
  /** Of the whole content. */
  readonly digest: string;
}

export interface ObjectState {
  readonly key: string;
  readonly sizeBytes: number;
  readonly digest: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface OpenUpload {
  readonly key: string;
  readonly uploadId: string;
  readonly parts: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A stream as Redis shows it. */
export interface RegistryState {
  readonly streamId: StreamId;
  readonly status: string;
  readonly sets: readonly string[];
  readonly rows: number;
  readonly hasSnapshot: boolean;
}

export type S3Operation =
  | 'probe'
  | 'createUpload'
  | 'uploadPart'
  | 'copyPart'
  | 'listParts'
  | 'listUploads'
  | 'completeUpload'
  | 'abortUpload'
  | 'headObject'
  | 'putObject'
  | 'getObject'
  | 'deleteObject';

/** One request to S3. `sent` comes first; `executed` or `lost` says what became of it; `answered` what was heard of it. */
export type S3Event =
  | {
      readonly kind: 's3.sent';
      readonly request: number;
      readonly daemon: string;
      readonly operation: S3Operation;
      readonly key: string;
      readonly uploadId: string | null;
      readonly partNumber: number | null;
      readonly sizeBytes: number;
    }
  | {
      readonly kind: 's3.executed';
      readonly request: number;
      /** `ok`, or the failure's code. */
      readonly outcome: string;
      /** Of the part or the object stored. */
      readonly digest: string | null;
      /** That an aborted or completed upload held; that a part replaced the very same bytes (1) or not (0). */
      readonly held: number;
      /** Opened by Create; else null. */
      readonly uploadId: string | null;
      readonly metadata: Readonly<Record<string, string>> | null;
    }
  | { readonly kind: 's3.lost'; readonly request: number }
  | { readonly kind: 's3.answered'; readonly request: number; readonly outcome: string; readonly answered: boolean };

export type WorldEvent =
  | S3Event
  /** A file as it is after a change. */
  | { readonly kind: 'file.changed'; readonly how: string; readonly file: FileState }
  /** Its last name is gone. */
  | { readonly kind: 'file.unlinked'; readonly streamId: StreamId }
  /** A daemon removed it or moved it out of the folder, because it was asked to. As it was just before. */
  | { readonly kind: 'file.disposed'; readonly how: 'removed' | 'moved'; readonly file: FileState }
  | { readonly kind: 'writer'; readonly streamId: StreamId; readonly isOpen: boolean }
  | { readonly kind: 'daemon.started'; readonly daemon: string; readonly remembers: boolean }
  /** SIGSTOP, and SIGCONT after so long. */
  | { readonly kind: 'paused'; readonly daemon: string; readonly ms: number }
  /** It cannot reach Redis for so long; others can. */
  | { readonly kind: 'cut_off'; readonly daemon: string; readonly ms: number }
  | { readonly kind: 'daemon.ended'; readonly daemon: string; readonly how: 'killed' | 'stopped' | 'broken' }
  /** A stream moved. */
  | {
      readonly kind: 'stream';
      readonly daemon: string;
      readonly streamId: StreamId;
      readonly state: string;
      readonly status: string;
      readonly generation: number;
      readonly uploadId: string | null;
      readonly completion: Completion | null;
      /** Its code. */
      readonly failure: string | null;
      readonly left: readonly LeftUpload[];
    }
  | {
      readonly kind: 'log';
      readonly daemon: string;
      readonly level: 'warn' | 'error';
      readonly message: string;
      readonly detail: string;
    }
  | { readonly kind: 'lease'; readonly daemon: string; readonly fence: number }
  | {
      readonly kind: 'registry.saved';
      readonly daemon: string;
      readonly streamId: StreamId;
      readonly fence: number;
      readonly rev: number;
    }
  | { readonly kind: 'journal'; readonly daemon: string; readonly streamId: StreamId; readonly state: string }
  /** Something that was done to the world: for whoever reads the log, and for what the checker has to allow. */
  | { readonly kind: 'fault'; readonly what: Fault; readonly detail: string }
  | { readonly kind: 'wish'; readonly streamId: StreamId; readonly wish: 'finalize' | 'retry' | 'abort' }
  | { readonly kind: 'phase'; readonly phase: 'faults' | 'calm' | 'over' };

export type Fault =
  | 'state_dir_lost'
  | 'state_dir_rolled_back'
  | 'record_damaged'
  | 'journal_refuses'
  | 'journal_slow'
  | 'journal_shut'
  | 'registry_emptied'
  | 'registry_rolled_back'
  | 'registry_away'
  | 'registry_back'
  | 'registry_refuses'
  | 'registry_slow'
  | 'registry_replies_lost'
  | 's3_weather'
  | 'upload_aborted_outside'
  | 'object_deleted'
  | 'foreign_put'
  | 'clock_jumped'
  | 'files_unreadable';

export type Logged = WorldEvent & { readonly atMs: number };

export interface Evidence {
  readonly events: readonly Logged[];
  /** Files that have a name. */
  readonly files: readonly FileState[];
  readonly objects: readonly ObjectState[];
  readonly uploads: readonly OpenUpload[];
  /** What the journal holds. */
  readonly records: readonly StreamRecord[];
  /** Ledger rows that the journal holds, by stream. */
  readonly journalRows: ReadonlyMap<StreamId, number>;
  /** null: there is no registry. */
  readonly registry: readonly RegistryState[] | null;
  /** Streams that were still on their way when the time was up: state by id. */
  readonly unfinished: ReadonlyMap<StreamId, string>;
  /** Timers of the daemon at rest. */
  readonly timers: number;
  /** It asked without end while no time passed. */
  readonly ranWild: boolean;
  /** Requests that will still be executed. */
  readonly pendingRequests: number;
  readonly limits: { readonly partsInFlight: number; readonly partsInFlightPerUpload: number };
  /** Whether it can be seen who writes. */
  readonly seesWriters: boolean;
  /** The server lists unfinished uploads. */
  readonly listsUploads: boolean;
  /** The server refuses conditional requests that do not hold. */
  readonly conditionalComplete: boolean;
}

export type Invariant = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8' | 'I9';

export interface Violation {
  readonly invariant: Invariant;
  readonly sentence: string;
}
