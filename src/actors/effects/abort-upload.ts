// abortUpload: ends an upload that holds nothing, or that the operator gave up. Owed by `finalizing.aborting`; waits for the
// journal. Abort is repeatable, and may be needed more than once when a part arrives beside it.
//
// By itself it aborts only what holds no parts of a file without bytes; anything else goes back to the chart.

import { failureOf } from '../../machines/failure.ts';
import type { AbortUploadInput, UploadRef } from '../../machines/stream.effects.ts';
import type { StreamEvent } from '../../machines/stream.events.ts';
import type { Outcome } from '../../ports/outcome.ts';
import { effect, type Run } from '../effect.ts';
import { leaseStands } from '../lease.ts';
import type { World } from '../world.ts';
import { failed } from './failing.ts';

/** A part that arrives beside an Abort may survive it. */
const MAX_ABORTS = 3;

export const abortUpload = effect<AbortUploadInput>(
  { name: 'abortUpload', waitsForJournal: true },
  async (input, run, world) => {
    const lease = leaseStands(world, input.file.folder);
    if (!lease.ok) return failed(lease.failure, run.now());
    const filled = input.byOperator ? NO_BYTES : await holdsBytes(input, world);
    if (!filled.ok) return failed(filled.failure, run.now());
    if (filled.value) return { type: 'upload.found_filled', atMs: run.now() };
    return input.upload ? await abort(input, input.upload, run, world) : { type: 'upload.aborted', atMs: run.now() };
  },
);

const NO_BYTES = { ok: true, value: false } as const;

/** A file that cannot be looked at may hold bytes; one that is gone holds none. */
async function holdsBytes(input: AbortUploadInput, world: World): Promise<Outcome<boolean>> {
  const stat = await world.files.stat(input.file);
  if (stat.ok) return { ok: true, value: stat.value.sizeBytes > 0 };
  return stat.failure.code === 'source_gone' ? NO_BYTES : stat;
}

async function abort(input: AbortUploadInput, upload: UploadRef, run: Run, world: World): Promise<StreamEvent> {
  for (let attempt = 1; attempt <= MAX_ABORTS; attempt += 1) {
    const listed = await world.store.listParts(upload, { signal: run.signal });
    if (!listed.ok && listed.failure.code === 'upload_not_found') return { type: 'upload.aborted', atMs: run.now() };
    if (!listed.ok) return failed(listed.failure, run.now());
    if (!input.byOperator && listed.value.parts.length > 0) return { type: 'upload.found_filled', atMs: run.now() };
    const aborted = await world.store.abortUpload(upload);
    if (!aborted.ok && aborted.failure.code !== 'upload_not_found') return failed(aborted.failure, run.now());
  }
  const left = await world.store.listParts(upload, { signal: run.signal });
  // Swift lists an aborted upload as empty rather than as gone.
  if (!left.ok || left.value.parts.length === 0) return { type: 'upload.aborted', atMs: run.now() };
  return failed(failureOf('s3_unavailable', `the upload still holds parts after ${MAX_ABORTS} aborts`), run.now());
}
