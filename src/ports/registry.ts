// The registry: the records' copy in Redis, for people, other hosts and consumers; and the lease of each watched folder.
// It is a notebook, not the truth: it may be away, emptied or stale at any time. Each save is one atomic compare-and-set.
// The layout (keys, statuses, sets) is part of the contract.

import type { StreamId } from '../machines/ids.ts';
import type { LedgerRow } from '../machines/part-ledger.ts';
import type { ObjectTarget, StoredRecord } from '../machines/stream-record.ts';
import type { StreamSave } from './journal.ts';
import type { Outcome } from './outcome.ts';

export interface Lease {
  /** Hash of the folder's inode and birth time: ownership is by folder. */
  readonly folderId: string;
  /** `INSTANCE_NAME`, pid and a random part: one per process. */
  readonly holder: string;
  readonly fence: number;
}

export type LeaseAnswer =
  | { readonly held: true; readonly lease: Lease }
  | { readonly held: false; readonly holder: string; readonly expiresInMs: number };

/** A lease as it is stored, whoever holds it. */
export interface LeaseSeen {
  /** Empty: it was released. */
  readonly holder: string;
  readonly fence: number;
  /** By the registry's clock. Moves with each renewal. */
  readonly expiresAtMs: number;
  /** Its holder runs with `STANDBY` too: without a lease that stands it does nothing that cannot be undone. */
  readonly yields: boolean;
}

/**
 * - `saved`: the stored revision was absent or lower (or it was this very save: done already);
 * - `stale`: a higher revision is stored: ours is raised above it and saved again;
 * - `gap`: nothing was written, because rows between the stored revision and these are missing (Redis was emptied or rolled back,
 *   or an earlier save never came): the save is sent again with `replaceRows`;
 * - `fenced`: the lease is another's.
 */
export type SaveAnswer =
  | { readonly answer: 'saved' }
  | { readonly answer: 'stale'; readonly rev: number; readonly fence: number }
  | { readonly answer: 'gap' }
  | { readonly answer: 'fenced'; readonly holder: string };

/** One change of status, as `streams:events` tells it. */
export interface StatusChange {
  /** Rises with every change that a daemon notes in one run, from 1 on. 0: not a noted change, but what is so at the save. */
  readonly seq: number;
  readonly status: string;
  /** Empty while there is no target. */
  readonly bucket: string;
  readonly key: string;
  readonly sizeBytes: number;
  readonly atMs: number;
}

export interface RegistrySave extends StreamSave {
  readonly lease: Lease;
  /** The revision that `rows` continue; null: the stream's first save. Only looked at where rows are added to those stored. */
  readonly baseRev: number | null;
  readonly status: string;
  readonly set: string;
  /** Bytes acknowledged in the present upload. */
  readonly sentBytes: number;
  /** The actor left the supervisor: snapshot, parts and due entry go in the same step; `:meta` (with the final record) and the membership stay. */
  readonly final: boolean;
  /**
   * The changes of status that no save is known to have brought over, oldest first. Each is told once, however often it is sent, and
   * only if it differs from what Redis shows and what was told before it.
   */
  readonly changes: readonly StatusChange[];
  /** Names the run of the daemon that counted the changes. */
  readonly run: string;
  /** When the stale scan looks next, epoch ms; null: never by time. */
  readonly dueAtMs: number | null;
  /** Keys that the stream reserved and that its record need not name: it opens an upload, or is over. Others: empty. */
  readonly reserved: readonly ObjectTarget[];
}

export type IsNews = (id: StreamId, stored: Pick<StoredRecord, 'rev' | 'fence'>) => boolean;

export interface Registry {
  acquireLease(folderId: string, holder: string, ttlMs: number, minFence: number): Promise<Outcome<LeaseAnswer>>;
  renewLease(lease: Lease, ttlMs: number): Promise<Outcome<LeaseAnswer>>;
  releaseLease(lease: Lease): Promise<Outcome<null>>;
  /** Changes nothing. null: nobody ever had one, or the registry was emptied. */
  lookAtLease(folderId: string): Promise<Outcome<LeaseSeen | null>>;
  /** All records, whatever folder; of the final ones those that `isNews` wants. Unreadable ones by id. */
  load(
    isNews?: IsNews,
  ): Promise<Outcome<{ readonly records: readonly StoredRecord[]; readonly unreadable: readonly StreamId[] }>>;
  rows(id: StreamId): Promise<Outcome<readonly LedgerRow[]>>;
  /** As the stream's last save named them. */
  reservedKeys(id: StreamId): Promise<Outcome<readonly ObjectTarget[]>>;
  save(save: RegistrySave): Promise<Outcome<SaveAnswer>>;
  /** Revisions as stored; null where absent, or where the set of its status has lost it. In the order of `ids`. */
  revisions(ids: readonly StreamId[]): Promise<Outcome<readonly (number | null)[]>>;
  forget(id: StreamId, lease: Lease): Promise<Outcome<null>>;
  /** Streams that are shown as over, that `isKnown` does not know, and whose file was below the folder (an absolute path). */
  strays(folder: string, isKnown: (id: StreamId) => boolean): Promise<Outcome<readonly StreamId[]>>;
  /** Called at once with the present state, and at each change of it. */
  onReachable(listener: (reachable: boolean) => void): void;
  close(): Promise<void>;
}
