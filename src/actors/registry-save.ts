// What the mirror makes of the journal's saves: one that waits and one that comes after it are one, and each is told to Redis
// with what people look for. Pure.

import type { ObjectTarget } from '../machines/stream-record.ts';
import { isFinal, setOf, statusOf } from '../machines/stream-status.ts';
import type { StreamSave } from '../ports/journal.ts';
import type { Lease, RegistrySave } from '../ports/registry.ts';
import { joinedChanges, statusChange } from './status-changes.ts';
import type { Saved } from './write-ahead.ts';

/**
 * The newer record with the rows of both, as far as they are of the newer one's upload, and the changes of status of both; under the
 * higher of the revisions.
 */
export function mergedSaves(older: Saved, newer: Saved): Saved {
  const rev = Math.max(older.save.stored.rev, newer.save.stored.rev);
  const changes = joinedChanges(older.changes, newer.changes);
  return atRevision({ ...newer, changes, save: withRowsOf(older.save, newer.save) }, rev);
}

function withRowsOf(older: StreamSave, newer: StreamSave): StreamSave {
  if (newer.replaceRows || older.uploadId !== newer.uploadId) return newer;
  const byNumber = new Map([...older.rows, ...newer.rows].map((row) => [row.partNumber, row]));
  return { ...newer, replaceRows: older.replaceRows, rows: [...byNumber.values()] };
}

/** The same save under this revision, or its own if that is higher. */
export const atRevision = ({ save, ...more }: Saved, rev: number): Saved => ({
  ...more,
  save: { ...save, stored: { ...save.stored, rev: Math.max(save.stored.rev, rev) } },
});

export interface Mirrored {
  readonly lease: Lease;
  /** The newest revision that the registry is known to hold; null: none. */
  readonly baseRev: number | null;
  /** Names this run of the daemon. */
  readonly run: string;
  readonly nowMs: number;
  readonly reserved: readonly ObjectTarget[];
}

export function registrySave({ save, dueAtMs, changes }: Saved, mirrored: Mirrored): RegistrySave {
  const { lease, baseRev, run, nowMs, reserved } = mirrored;
  const { record } = save.stored;
  const { memory } = record;
  const status = statusOf(record.state, memory.failure);
  return {
    ...save,
    stored: { ...save.stored, fence: lease.fence },
    lease,
    baseRev,
    status,
    set: setOf(status),
    sentBytes: memory.completion?.generation === memory.generation ? memory.completion.sizeBytes : memory.sentEndBytes,
    final: isFinal(record.state),
    // Last of all what is so now: told when Redis shows something else and no change of this run says why.
    changes: changes.at(-1)?.status === status ? changes : [...changes, statusChange(record, 0, nowMs)],
    run,
    dueAtMs,
    reserved,
  };
}
