// abortUpload: ends an upload that holds nothing, or that the operator gave up. Owed by `finalizing.aborting`; waits for the
// journal. Safe to run twice.
//
// By itself it aborts only what holds no parts of a file without bytes; anything else goes back to the chart.

import type { AbortUploadInput, UploadRef } from '../../machines/stream.effects.ts';
import type { StreamEvent } from '../../machines/stream.events.ts';
import type { Outcome } from '../../ports/outcome.ts';
import { effect, type Run } from '../effect.ts';
import { leaseConfirmed } from '../lease.ts';
import type { World } from '../world.ts';
import { endUpload } from './end-upload.ts';
import { failed } from './failing.ts';

export const abortUpload = effect<AbortUploadInput>(
  { name: 'abortUpload', waitsForJournal: true },
  async (input, run, world) => {
    const lease = await leaseConfirmed(world, input.streamId, input.file.folder);
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
  const ended = await endUpload({ ...upload, folder: input.file.folder }, run, world, !input.byOperator);
  if (!ended.ok) return failed(ended.failure, run.now());
  return { type: ended.value === 'filled' ? 'upload.found_filled' : 'upload.aborted', atMs: run.now() };
}
