// Our own object, found at the key of a stream that nothing is remembered of: if it provably is the file, nothing is sent again.
// Not an effect of its own: a step of openUpload.
//
// Proof is the ETag that the file's parts give by the plan (MD5 of their MD5s), with the file the same before and after reading. An
// upload may have been given larger parts than the settings say: how many the ETag counts tells which.
// An object of another plan, or whose ETag is no MD5, cannot be compared: it is replaced by the file, on condition that it is still there.

import { combineAllCrc32 } from '../../machines/crc32-combine.ts';
import { type FileRef, freezeOf, sameStat } from '../../machines/file-identity.ts';
import { type PartPlan, planWithParts } from '../../machines/part-plan.ts';
import type { Completion, ObjectTarget } from '../../machines/stream-record.ts';
import type { ObjectHead } from '../../ports/object-store.ts';
import type { Outcome } from '../../ports/outcome.ts';
import { digestOfParts } from '../content-digest.ts';
import type { Run } from '../effect.ts';
import type { World } from '../world.ts';
import { generationOf } from './object-metadata.ts';
import { etagOfParts } from './own-object.ts';
import { rowsFromFile } from './rows-from-file.ts';

interface Found {
  readonly file: FileRef;
  readonly head: ObjectHead;
  readonly target: ObjectTarget;
  readonly plan: PartPlan;
}

/** An ETag of a multipart upload ends in it. */
const PART_COUNT = /-(\d+)$/;

/** null: the object is not provably this file. */
export async function adoptObject(found: Found, run: Run, world: World): Promise<Outcome<Completion | null>> {
  const { file, head, target } = found;
  const before = await world.files.stat(file);
  if (!before.ok) return before;
  const count = Number(PART_COUNT.exec(head.etag)?.[1]);
  const plan = count > 0 ? planWithParts(found.plan, head.sizeBytes, count) : null;
  if (!plan || before.value.sizeBytes !== head.sizeBytes) return { ok: true, value: null };
  const { sizeBytes, lastModifiedMs: uploadedAtMs } = head;
  const rows = await rowsFromFile({ file, plan, sizeBytes, uploadedAtMs }, run, world);
  if (!rows.ok) return rows.failure.code === 'source_changed' ? { ok: true, value: null } : rows;
  const after = await world.files.stat(file);
  if (!after.ok) return after;
  const etag = etagOfParts(rows.value, world);
  if (etag !== head.etag || !sameStat(before.value, after.value)) return { ok: true, value: null };
  const completion: Completion = {
    target,
    generation: generationOf(head),
    etag,
    sizeBytes: head.sizeBytes,
    crc32: combineAllCrc32(rows.value),
    plan,
    digest: digestOfParts(
      world.hasher,
      rows.value.map((row) => row.xxh64),
    ),
    freeze: freezeOf(after.value),
    completedAtMs: head.lastModifiedMs,
    provenBy: ['metadata', 'size', 'etag of the parts, computed from the file'],
  };
  return { ok: true, value: completion };
}
