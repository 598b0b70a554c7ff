// What the mirror reads of the journal for the registry: all of a stream where the registry lacks something of it, and the keys that
// its record does not name.

import type { StreamId } from '../machines/ids.ts';
import { dueAtMs } from '../machines/stream-due.ts';
import type { ObjectTarget } from '../machines/stream-record.ts';
import { isFinal } from '../machines/stream-status.ts';
import type { Outcome } from '../ports/outcome.ts';
import { atRevision } from './registry-save.ts';
import type { World } from './world.ts';
import type { Saved } from './write-ahead.ts';

/** null: the journal has nothing of it (any more). What was saved until now is in it, because the mirror comes after it. */
export async function allInJournal({ journal, streams }: World, id: StreamId): Promise<Outcome<Saved | null>> {
  const stored = await journal.record(id);
  if (!stored.ok || !stored.value) return stored as Outcome<null>;
  const uploadId = stored.value.record.memory.upload?.uploadId ?? null;
  const rows = uploadId ? await journal.rows(id, uploadId) : { ok: true as const, value: [] };
  if (!rows.ok) return rows;
  const live = streams.get(id);
  const save = { stored: stored.value, uploadId, replaceRows: true, rows: rows.value };
  return { ok: true, value: { save, dueAtMs: live ? dueAtMs(live.state, live.context) : null, changes: [] } };
}

/** All that the journal has, under no lower a revision than what waited, and with what that would have told. */
export const asWaited = (all: Saved, waiting: Saved | null): Saved =>
  waiting && waiting !== all ? atRevision({ ...all, changes: waiting.changes }, waiting.save.stored.rev) : all;

/** What an upload is being opened for is in no record yet, and what is over forgets its former keys: another host must know them. */
export async function reservedBy({ journal }: World, { save }: Saved): Promise<readonly ObjectTarget[]> {
  const { streamId, state } = save.stored.record;
  if (!state.endsWith('.opening') && !isFinal(state)) return [];
  const keys = await journal.reservedKeys(streamId);
  return keys.ok ? keys.value : [];
}
