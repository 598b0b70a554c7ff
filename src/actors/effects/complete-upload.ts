// completeUpload: sends Complete, once. Owed by `finalizing.completing`; waits for the journal.
//
// Behind the barrier the world is looked at once more: the file's stat must equal the freeze and nobody may hold it open for
// writing (unless the operator overrides that). Not safe to send twice at once: whatever is not a clear answer is doubt, and
// the chart probes before it comes back here. Killed before sending: the same state is found again, the doubt is waited out.
// Killed after: the object proves itself.

import { failureOf } from '../../machines/failure.ts';
import { sameStat } from '../../machines/file-identity.ts';
import type { LedgerRow } from '../../machines/part-ledger.ts';
import type { CompleteUploadInput } from '../../machines/stream.effects.ts';
import type { StreamEvent } from '../../machines/stream.events.ts';
import type { Outcome } from '../../ports/outcome.ts';
import { effect, type Run } from '../effect.ts';
import { leaseConfirmed, leaseStands } from '../lease.ts';
import type { World } from '../world.ts';
import { lookTwice } from './check-writer.ts';
import { failed } from './failing.ts';

export const completeUpload = effect<CompleteUploadInput>(
  { name: 'completeUpload', waitsForJournal: true },
  async (input, run, world) => {
    const presence = input.overrideWriter ? 'none' : await lookTwice(input.file, run, world);
    const rows = await world.writeAhead.rows(input.streamId, input.upload.uploadId);
    if (!rows.ok) return failed(rows.failure, run.now());
    const lease = await leaseConfirmed(world, input.streamId, input.file.folder);
    if (!lease.ok) return failed(lease.failure, run.now());
    const stat = await world.files.stat(input.file);
    if (!stat.ok) return failed(stat.failure, run.now());
    if (!sameStat(input.freeze, stat.value)) return { type: 'source.changed', stat: stat.value, atMs: run.now() };
    if (presence === 'open') return { type: 'writer.checked', stat: stat.value, presence, atMs: run.now() };
    const taken = await isTaken(input, run, world);
    if (!taken.ok) return failed(taken.failure, run.now());
    if (taken.value) return { type: 'upload.completion_failed', failure: TAKEN, atMs: run.now() };
    if (run.signal.aborted) return { type: 'source.changed', stat: stat.value, atMs: run.now() };
    return await send(input, rows.value, run, world);
  },
);

const TAKEN = failureOf('precondition_failed', 'another object was found at the key just before Complete', {
  answered: true,
});

/** Where the server takes no condition, HEAD just before is the best that can be done (`doctor` says so). */
async function isTaken({ condition, upload }: CompleteUploadInput, run: Run, world: World): Promise<Outcome<boolean>> {
  if (world.store.capabilities.conditionalComplete || condition.kind === 'any') return { ok: true, value: false };
  const head = await world.store.headObject(upload.target, { signal: run.signal });
  if (!head.ok) return head;
  const isAsExpected = condition.kind === 'absent' ? head.value === null : head.value?.etag === condition.etag;
  return { ok: true, value: !isAsExpected };
}

async function send(
  input: CompleteUploadInput,
  rows: ReadonlyMap<number, LedgerRow>,
  run: Run,
  world: World,
): Promise<StreamEvent> {
  const parts: LedgerRow[] = [];
  for (let n = 1; n <= input.partCount; n += 1) {
    const row = rows.get(n);
    if (!row) return failed(failureOf('bug', `part ${n} was checked and is not in the ledger`), run.now());
    parts.push(row);
  }
  const { target, uploadId } = input.upload;
  const lease = leaseStands(world, input.file.folder);
  if (!lease.ok) return failed(lease.failure, run.now());
  const sent = await world.store.completeUpload({
    target,
    uploadId,
    parts,
    condition: input.condition,
    sizeBytes: input.freeze.sizeBytes,
  });
  return sent.ok
    ? { type: 'upload.completed', etag: sent.value.etag, atMs: run.now() }
    : { type: 'upload.completion_failed', failure: sent.failure, atMs: run.now() };
}
