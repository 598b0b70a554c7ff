// The registry: the records' copy in Redis, for people, other hosts and consumers; and the lease of each watched folder.
// It is a notebook, not the truth: it may be away, emptied or stale at any time. Each save is one atomic compare-and-set.
// The layout (keys, statuses, sets) is part of the contract.

import type { StreamId } from '../machines/ids.ts';
import type { LedgerRow } from '../machines/part-ledger.ts';
import type { StoredRecord } from '../machines/stream-record.ts';
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

export interface RegistrySave extends StreamSave {
  readonly lease: Lease;
  /** The revision that `rows` continue; null: the stream's first save. Only looked at where rows are added to those stored. */
  readonly baseRev: number | null;
  readonly status: string;
  readonly set: string;
  /** Bytes acknowledged in the present upload. */
  readonly sentBytes: number;
  /** The actor left the supervisor: snapshot, parts and due entry go in the same step; `:meta` and the membership stay. */
  readonly final: boolean;
  /** True: the status differs from the last save, so an entry of `streams:events` is due. */
  readonly statusChanged: boolean;
  /** When the stale scan looks next, epoch ms; null: never by time. */
  readonly dueAtMs: number | null;
}

export interface Registry {
  acquireLease(folderId: string, holder: string, ttlMs: number, minFence: number): Promise<Outcome<LeaseAnswer>>;
  renewLease(lease: Lease, ttlMs: number): Promise<Outcome<LeaseAnswer>>;
  releaseLease(lease: Lease): Promise<Outcome<null>>;
  /** All records of streams that are not final, whatever folder; unreadable ones by id. */
  load(): Promise<Outcome<{ readonly records: readonly StoredRecord[]; readonly unreadable: readonly StreamId[] }>>;
  rows(id: StreamId): Promise<Outcome<readonly LedgerRow[]>>;
  save(save: RegistrySave): Promise<Outcome<SaveAnswer>>;
  /** Revisions as stored; null where absent. In the order of `ids`. */
  revisions(ids: readonly StreamId[]): Promise<Outcome<readonly (number | null)[]>>;
  forget(id: StreamId, lease: Lease): Promise<Outcome<null>>;
  /** Called at once with the present state, and at each change of it. */
  onReachable(listener: (reachable: boolean) => void): void;
  close(): Promise<void>;
}
