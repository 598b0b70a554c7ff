// An upload that an earlier process opened for this key and could not record any more: found by listing exactly this key, and
// gone on with if it holds parts of this very file. Not an effect of its own: a step of openUpload.
//
// What our own intent opened and nobody recorded is never out of sight: without parts it is aborted; with parts of which none is the
// file's any more (it was rewritten meanwhile) it is told of and left alone. Where the file is gone and nothing can be compared, it is
// taken over, so that it is shown and kept.

import type { FileRef } from '../../machines/file-identity.ts';
import type { UploadId } from '../../machines/ids.ts';
import { countHeld, type ListedPart } from '../../machines/part-ledger.ts';
import { MIN_PART_BYTES, type PartPlan } from '../../machines/part-plan.ts';
import type { LeftUpload, ObjectTarget, UploadMemory } from '../../machines/stream-record.ts';
import type { ListedUpload } from '../../ports/object-store.ts';
import type { Outcome } from '../../ports/outcome.ts';
import { type Adopted, adoptListed, summed } from '../adoption.ts';
import type { Run } from '../effect.ts';
import { leaseStands } from '../lease.ts';
import type { World } from '../world.ts';

interface Wanted {
  readonly file: FileRef;
  readonly target: ObjectTarget;
  readonly plan: PartPlan;
  /** An empty upload opened since then (epoch ms) is our own lost intent; null: none can be. */
  readonly ownSinceMs: number | null;
  /** Known, and not gone on with. */
  readonly leftUploadIds: readonly UploadId[];
}

/** The server's clock and ours, also before ours was set: S3 refuses requests whose clock is further off. */
const CLOCKS_DIFFER_MS = 15 * 60_000;

/** `listed`: parts that it holds, whatever their bytes. */
export type AdoptedUpload = Adopted &
  Pick<UploadMemory, 'uploadId' | 'expiresAtMs' | 'plan' | 'openedAtMs'> & { readonly listed: number };

export interface FoundUploads {
  /** null: none holds a part of this file. */
  readonly best: AdoptedUpload | null;
  /** Opened by our own intent, with parts, and not gone on with. */
  readonly others: readonly LeftUpload[];
}

export async function adoptUpload(wanted: Wanted, run: Run, world: World): Promise<Outcome<FoundUploads>> {
  const stat = await world.files.stat(wanted.file);
  if (!stat.ok && stat.failure.code !== 'source_gone') return stat;
  const fileBytes = stat.ok ? stat.value.sizeBytes : null;
  const listed = await world.store.listUploads(
    { bucket: wanted.target.bucket, prefix: wanted.target.key },
    { signal: run.signal },
  );
  if (!listed.ok) return listed;
  let best: AdoptedUpload | null = null;
  const own: LeftUpload[] = [];
  for (const upload of listed.value.filter((candidate) => isCandidate(wanted, candidate))) {
    const compared = await compareUpload(wanted, upload, fileBytes, run, world);
    if (!compared.ok) return compared;
    const found = compared.value;
    if (!found) continue;
    const isOwn = isOurIntent(wanted, upload);
    const held = countHeld(found.parts);
    if (held > (best ? countHeld(best.parts) : 0) || (isOwn && fileBytes === null)) best = found;
    if (isOwn) own.push(leftAs(wanted.target, found));
  }
  if (!best && !stat.ok) return stat;
  if (best) world.writeAhead.replaceRows(wanted.file.streamId, best.uploadId, best.rows);
  return { ok: true, value: { best, others: own.filter((each) => each.uploadId !== best?.uploadId) } };
}

const isCandidate = ({ target, leftUploadIds }: Wanted, { key, uploadId }: ListedUpload): boolean =>
  key === target.key && !leftUploadIds.includes(uploadId);

export const leftAs = (target: ObjectTarget, { uploadId, listed, sentEndBytes }: AdoptedUpload): LeftUpload => ({
  target,
  uploadId,
  parts: listed,
  sentEndBytes,
  why: 'unmatched',
});

async function compareUpload(
  wanted: Wanted,
  upload: ListedUpload,
  fileBytes: number | null,
  run: Run,
  world: World,
): Promise<Outcome<AdoptedUpload | null>> {
  const parts = await world.store.listParts(
    { target: wanted.target, uploadId: upload.uploadId },
    { signal: run.signal },
  );
  if (!parts.ok) return parts.failure.code === 'upload_not_found' ? { ok: true, value: null } : parts;
  if (parts.value.parts.length === 0)
    return isOurIntent(wanted, upload) ? await endEmpty(wanted, upload, world) : { ok: true, value: null };
  const plan = planReadOff(wanted.plan, parts.value.parts);
  const { uploadId, initiatedAtMs: openedAtMs } = upload;
  const found = { uploadId, openedAtMs, plan, expiresAtMs: parts.value.expiresAtMs, listed: parts.value.parts.length };
  if (fileBytes === null) return { ok: true, value: { ...summed([]), ...found } };
  const adopted = await adoptListed(
    { file: wanted.file, plan, fileBytes, listed: parts.value.parts, rows: new Map() },
    world,
    run.signal,
  );
  if (!adopted.ok) return adopted;
  return { ok: true, value: { ...adopted.value, ...found } };
}

/** Without a record the plan is read off the listed parts: another one may have been set, or larger parts were needed. */
function planReadOff(plan: PartPlan, parts: readonly ListedPart[]): PartPlan {
  const first = parts.find((part) => part.partNumber === 1);
  const isWhole = parts.length > 1 && first !== undefined;
  const isPossible = isWhole && first.sizeBytes >= Math.min(plan.firstPartBytes, MIN_PART_BYTES);
  return isPossible ? { ...plan, firstPartBytes: first.sizeBytes } : plan;
}

const isOurIntent = ({ ownSinceMs }: Wanted, { initiatedAtMs }: ListedUpload): boolean =>
  ownSinceMs !== null && initiatedAtMs + CLOCKS_DIFFER_MS >= ownSinceMs;

/** The key was reserved for us before this upload was opened, and it never got a part: it is our own intent that lost its answer. */
async function endEmpty(wanted: Wanted, upload: ListedUpload, world: World): Promise<Outcome<null>> {
  const lease = leaseStands(world, wanted.file.folder);
  if (!lease.ok) return lease;
  const aborted = await world.store.abortUpload({ target: wanted.target, uploadId: upload.uploadId });
  return aborted.ok || aborted.failure.code === 'upload_not_found' ? { ok: true, value: null } : aborted;
}
