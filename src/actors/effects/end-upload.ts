// Aborting an upload until nothing of it is left. Not an effect of its own: a step of abortUpload and clearUploads.
//
// Abort is repeatable, and may be needed more than once when a part arrives beside it.

import { failureOf } from '../../machines/failure.ts';
import type { UploadRef } from '../../machines/stream.effects.ts';
import type { Outcome } from '../../ports/outcome.ts';
import type { Run } from '../effect.ts';
import { leaseStands } from '../lease.ts';
import type { World } from '../world.ts';

/** A part that arrives beside an Abort may survive it. */
const MAX_ABORTS = 3;

type Upload = Pick<UploadRef, 'target' | 'uploadId'> & { readonly folder: string };

/** `filled`: it holds parts, and only an empty one was to be ended. */
export async function endUpload(
  upload: Upload,
  run: Run,
  world: World,
  onlyEmpty = false,
): Promise<Outcome<'ended' | 'filled'>> {
  for (let attempt = 1; attempt <= MAX_ABORTS; attempt += 1) {
    const listed = await world.store.listParts(upload, { signal: run.signal });
    if (!listed.ok && listed.failure.code === 'upload_not_found') return { ok: true, value: 'ended' };
    if (!listed.ok) return listed;
    if (onlyEmpty && listed.value.parts.length > 0) return { ok: true, value: 'filled' };
    const lease = leaseStands(world, upload.folder);
    if (!lease.ok) return lease;
    const aborted = await world.store.abortUpload(upload);
    // There is nothing to abort, whatever is still listed: Swift lists the parts of a completed upload as before.
    if (!aborted.ok && aborted.failure.code === 'upload_not_found') return { ok: true, value: 'ended' };
    if (!aborted.ok) return aborted;
  }
  const left = await world.store.listParts(upload, { signal: run.signal });
  // Swift lists an aborted upload as empty rather than as gone.
  if (!left.ok || left.value.parts.length === 0) return { ok: true, value: 'ended' };
  return { ok: false, failure: failureOf('s3_unavailable', `the upload still holds parts after ${MAX_ABORTS} aborts`) };
}
