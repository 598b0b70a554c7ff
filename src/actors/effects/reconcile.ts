// reconcile: what is true of this stream? The file first; S3 where it may have been changed (an opening, completing, probing
// or aborting was owed) or before the first work that needs it. Owed by `recovering`.
//
// Only looks; safe at any time, also when killed in the middle of it. What S3 lists replaces the recorded ledger.
// R1. 403 and 5xx are "unknown", never "absent": the state is entered again later.
// R2. After a doubtful Complete the object is asked for first: some servers list an upload that is already completed.

import { type FileStat, sameStat } from '../../machines/file-identity.ts';
import { owedBy } from '../../machines/stream.context.ts';
import type { ReconcileInput } from '../../machines/stream.effects.ts';
import type { Evidence } from '../../machines/stream.events.ts';
import type { StreamMemory, StreamRecord } from '../../machines/stream-record.ts';
import type { Outcome } from '../../ports/outcome.ts';
import { adoptListed } from '../adoption.ts';
import { digestOfFile } from '../content-digest.ts';
import { effect, type Run } from '../effect.ts';
import type { World } from '../world.ts';
import { failed } from './failing.ts';
import { isOwnObject } from './own-object.ts';

/** States whose work changes S3 in a way that a lost answer hides. */
const CHANGES_S3: readonly string[] = [
  'active.opening',
  'finalizing.opening',
  'finalizing.completing',
  'finalizing.probing',
  'finalizing.proving',
  'finalizing.aborting',
];
const MAY_HAVE_COMPLETED: readonly string[] = ['finalizing.completing', 'finalizing.probing', 'finalizing.proving'];

type S3Evidence = Pick<Evidence, 'upload' | 'parts' | 'sentEndBytes' | 'object'>;
interface Remembered {
  readonly memory: StreamMemory;
  readonly cameFrom: string | null;
  readonly recalled: StreamRecord | null;
}

const NOT_OURS = { ok: true, value: false } as const;
const NOT_ASKED: S3Evidence = { upload: 'unasked', parts: null, sentEndBytes: 0, object: 'unasked' };

export const reconcile = effect<ReconcileInput>(
  { name: 'reconcile', waitsForJournal: false },
  async (input, run, world) => {
    const remembered = await remember(input, world);
    if (!remembered.ok) return failed(remembered.failure, run.now());
    const stat = await statOrGone(input, world);
    if (!stat.ok) return failed(stat.failure, run.now());
    const permit = await world.lookers.take(1, run.signal);
    try {
      const s3 = await askS3(input, remembered.value, stat.value, run, world);
      if (!s3.ok) return failed(s3.failure, run.now());
      const content = await compareContent(input, remembered.value.memory, stat.value, run, world);
      if (!content.ok) return failed(content.failure, run.now());
      const evidence: Evidence = {
        recalled: remembered.value.recalled,
        stat: stat.value,
        ...s3.value,
        content: content.value,
      };
      return { type: 'stream.reconciled', evidence, atMs: run.now() };
    } finally {
      permit?.();
    }
  },
);

async function remember(input: ReconcileInput, world: World): Promise<Outcome<Remembered>> {
  if (!input.mustRecall) return { ok: true, value: { memory: input.memory, cameFrom: input.cameFrom, recalled: null } };
  const stored = await world.journal.record(input.streamId);
  if (!stored.ok) return stored;
  if (!stored.value) return { ok: true, value: { memory: input.memory, cameFrom: null, recalled: null } };
  world.writeAhead.startFrom(input.streamId, stored.value.rev);
  const { record } = stored.value;
  return { ok: true, value: { memory: record.memory, cameFrom: owedBy(record), recalled: record } };
}

async function statOrGone(input: ReconcileInput, world: World): Promise<Outcome<FileStat | null>> {
  const stat = await world.files.stat(input.file);
  if (!stat.ok && stat.failure.code === 'source_gone') return { ok: true, value: null };
  return stat;
}

async function askS3(
  input: ReconcileInput,
  known: Remembered,
  stat: FileStat | null,
  run: Run,
  world: World,
): Promise<Outcome<S3Evidence>> {
  const { memory } = known;
  if (!memory.upload || !memory.target) return { ok: true, value: { ...NOT_ASKED, upload: 'none' } };
  const isProven = memory.completion?.generation === memory.generation;
  const owedS3 = known.cameFrom !== null && CHANGES_S3.includes(known.cameFrom);
  if (isProven || (!input.mustAskS3 && !owedS3 && memory.completeDoubtUntilMs === null))
    return { ok: true, value: NOT_ASKED };
  const mayBeComplete =
    memory.completeDoubtUntilMs !== null || (known.cameFrom !== null && MAY_HAVE_COMPLETED.includes(known.cameFrom));
  if (mayBeComplete) {
    const ours = await objectIsOurs(input, memory, run, world);
    if (!ours.ok) return ours;
    if (ours.value) return { ok: true, value: { ...NOT_ASKED, object: 'ours' } };
  }
  return await listAndAdopt({ ...input, memory, stat, mayBeComplete }, run, world);
}

interface Asked extends ReconcileInput {
  readonly stat: FileStat | null;
  /** Only then the object can be what the freeze saw; else it is looked at, byte by byte, before the file is sent anew. */
  readonly mayBeComplete: boolean;
}

async function listAndAdopt(input: Asked, run: Run, world: World): Promise<Outcome<S3Evidence>> {
  const { memory, stat, mayBeComplete } = input;
  const { upload, target } = memory;
  if (!upload || !target) return { ok: true, value: NOT_ASKED };
  const listed = await world.store.listParts({ target, uploadId: upload.uploadId }, { signal: run.signal });
  // Swift lists the parts of a completed upload as before: the part or Complete that it refused knows better.
  const isDisowned = memory.failure?.code === 'upload_not_found';
  if (listed.ok ? isDisowned : listed.failure.code === 'upload_not_found') {
    const ours = mayBeComplete ? await objectIsOurs(input, memory, run, world) : NOT_OURS;
    return ours.ok
      ? { ok: true, value: { ...NOT_ASKED, upload: 'gone', object: ours.value ? 'ours' : 'not_ours' } }
      : ours;
  }
  if (!listed.ok) return listed;
  const rows = await world.writeAhead.rows(input.streamId, upload.uploadId);
  if (!rows.ok) return rows;
  const adopted = await adoptListed(
    {
      file: input.file,
      plan: upload.plan,
      fileBytes: stat?.sizeBytes ?? 0,
      listed: listed.value.parts,
      rows: rows.value,
    },
    world,
    run.signal,
  );
  if (!adopted.ok) return adopted;
  world.writeAhead.replaceRows(input.streamId, upload.uploadId, adopted.value.rows);
  const { parts, sentEndBytes } = adopted.value;
  return { ok: true, value: { ...NOT_ASKED, upload: 'listed', parts, sentEndBytes } };
}

/** An object can be ours only as the freeze saw the file: without one, nothing can be said of it. */
async function objectIsOurs(
  input: ReconcileInput,
  memory: StreamMemory,
  run: Run,
  world: World,
): Promise<Outcome<boolean>> {
  if (!memory.target || !memory.freeze || !memory.upload) return { ok: true, value: false };
  const head = await world.store.headObject(memory.target, { signal: run.signal });
  if (!head.ok) return head;
  if (!head.value) return { ok: true, value: false };
  const { uploadId } = memory.upload;
  const { sizeBytes } = memory.freeze;
  return await isOwnObject(
    { streamId: input.streamId, uploadId, generation: memory.generation, sizeBytes },
    head.value,
    world,
  );
}

/** Only the times of a proven file changed: have its bytes? */
async function compareContent(
  input: ReconcileInput,
  memory: StreamMemory,
  stat: FileStat | null,
  run: Run,
  world: World,
): Promise<Outcome<Evidence['content']>> {
  const { completion } = memory;
  if (!completion || !stat || completion.generation !== memory.generation || sameStat(completion.freeze, stat))
    return { ok: true, value: 'unasked' };
  if (completion.sizeBytes !== stat.sizeBytes) return { ok: true, value: 'different' };
  const digest = await digestOfFile(world, input.file, completion.plan, stat, run.signal);
  if (!digest.ok) return digest.failure.code === 'source_changed' ? { ok: true, value: 'different' } : digest;
  const after = await world.files.stat(input.file);
  if (!after.ok) return after;
  return { ok: true, value: digest.value === completion.digest && sameStat(stat, after.value) ? 'same' : 'different' };
}
