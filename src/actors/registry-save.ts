// What the mirror makes of the journal's saves: one that waits and one that comes after it are one, and each is told to Redis
// with what people look for. Pure.

import { isFinal, setOf, statusOf } from '../machines/stream-status.ts';
import type { StreamSave } from '../ports/journal.ts';
import type { Lease, RegistrySave } from '../ports/registry.ts';
import type { Saved } from './write-ahead.ts';

/** The newer record with the rows of both, as far as they are of the newer one's upload; under the higher of the revisions. */
export function mergedSaves(older: Saved, newer: Saved): Saved {
  const rev = Math.max(older.save.stored.rev, newer.save.stored.rev);
  return atRevision({ ...newer, save: withRowsOf(older.save, newer.save) }, rev);
}

function withRowsOf(older: StreamSave, newer: StreamSave): StreamSave {
  if (newer.replaceRows || older.uploadId !== newer.uploadId) return newer;
  const byNumber = new Map([...older.rows, ...newer.rows].map((row) => [row.partNumber, row]));
  return { ...newer, replaceRows: older.replaceRows, rows: [...byNumber.values()] };
}

/** The same save under this revision, or its own if that is higher. */
export const atRevision = ({ save, dueAtMs }: Saved, rev: number): Saved => ({
  dueAtMs,
  save: { ...save, stored: { ...save.stored, rev: Math.max(save.stored.rev, rev) } },
});

export const statusIn = ({ stored: { record } }: StreamSave): string => statusOf(record.state, record.memory.failure);

export interface Mirrored {
  readonly lease: Lease;
  /** The newest revision that the registry is known to hold; null: none. */
  readonly baseRev: number | null;
  /** Of the last save that the registry took; undefined: not known. */
  readonly lastStatus: string | undefined;
}

export function registrySave({ save, dueAtMs }: Saved, { lease, baseRev, lastStatus }: Mirrored): RegistrySave {
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
    statusChanged: lastStatus !== status,
    dueAtMs,
  };
}
