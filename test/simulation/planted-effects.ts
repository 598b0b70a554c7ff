// Effects with mistakes in them, for the planted bugs.

import { digestOfParts } from '../../src/actors/content-digest.ts';
import { effect, type Run } from '../../src/actors/effect.ts';
import { hashRange } from '../../src/actors/range-reading.ts';
import type { World } from '../../src/actors/world.ts';
import { freezeOf } from '../../src/machines/file-identity.ts';
import { partCount, rangeWithin } from '../../src/machines/part-plan.ts';
import type {
  CheckPartsInput,
  DisposeSourceInput,
  ProbeObjectInput,
  ProveObjectInput,
  ReconcileInput,
  VerifySourceInput,
} from '../../src/machines/stream.effects.ts';
import type { StreamEvent } from '../../src/machines/stream.events.ts';

const looks = (name: string) => ({ name, waitsForJournal: false });

/** Believes the ledger: every part that was ever acknowledged is there. */
export const checkNothing = effect<CheckPartsInput>(looks('checkParts'), async (_, run) => ({
  type: 'parts.checked',
  wrong: [],
  excess: [],
  atMs: run.now(),
}));

/** Only what was never sent is sent; nothing is read again. */
export const skipTheVerifyPass = effect<VerifySourceInput>(looks('verifySource'), (input, run, world) =>
  takeItAsItIs(input, run, world),
);

/** The first pass is right; after parts were sent again the file is taken as it is by then. */
export const forgetTheFreeze = effect<VerifySourceInput>(looks('verifySource'), (input, run, world) =>
  input.verifiedFreeze ? takeItAsItIs(input, run, world) : readItAll(input, run, world),
);

async function takeItAsItIs(input: VerifySourceInput, run: Run, world: World): Promise<StreamEvent> {
  const stat = await world.files.stat(input.file);
  if (!stat.ok) return { type: 'effect.failed', failure: stat.failure, atMs: run.now() };
  const rows = input.upload ? await world.writeAhead.rows(input.streamId, input.upload.uploadId) : null;
  const count = partCount(input.plan, stat.value.sizeBytes);
  const differing = Array.from({ length: count }, (_, at) => at + 1).filter((n) => {
    const row = rows?.ok ? rows.value.get(n) : undefined;
    return row?.sizeBytes !== rangeWithin(input.plan, n, stat.value.sizeBytes).sizeBytes;
  });
  return { type: 'source.verified', freeze: freezeOf(stat.value), differing, atMs: run.now() };
}

async function readItAll(input: VerifySourceInput, run: Run, world: World): Promise<StreamEvent> {
  const known = await takeItAsItIs(input, run, world);
  const rows = input.upload ? await world.writeAhead.rows(input.streamId, input.upload.uploadId) : null;
  if (known.type !== 'source.verified' || !rows?.ok) return known;
  const differing = new Set(known.differing);
  for (const [n, row] of rows.value) {
    const range = rangeWithin(input.plan, n, known.freeze.sizeBytes);
    const digest = await hashRange(world, input.file, range, new Uint8Array(range.sizeBytes));
    if (!digest.ok) return { type: 'effect.failed', failure: digest.failure, atMs: run.now() };
    if (range.sizeBytes > 0 && digest.value.xxh64 !== row.xxh64) differing.add(n);
  }
  return { ...known, differing: [...differing].sort((a, b) => a - b) };
}

/** Says that the object is the file, without a look at it. */
export const proveNothing = effect<ProveObjectInput>(
  looks('proveObject'),
  async ({ upload, freeze, generation, streamId }, run, world) => {
    const rows = await world.writeAhead.rows(streamId, upload.uploadId);
    const xxh64s = rows.ok ? [...rows.value.values()].map((row) => row.xxh64) : [];
    const { target, plan } = upload;
    const digest = digestOfParts(world.hasher, xxh64s);
    const atMs = run.now();
    const said = { etag: '', crc32: '', digest, completedAtMs: atMs, provenBy: [] };
    const completion = { target, generation, plan, freeze, sizeBytes: freeze.sizeBytes, ...said };
    return { type: 'object.proven', completion, atMs };
  },
);

/** Asks for the object once, before it is known whether the upload is gone. */
export const askOnce = effect<ProbeObjectInput>(looks('probeObject'), async (input, run, world) => {
  const head = await world.store.headObject(input.upload.target);
  const listed = await world.store.listParts(input.upload);
  const atMs = run.now();
  if (!head.ok) return { type: 'effect.failed', failure: head.failure, atMs };
  if (!listed.ok && listed.failure.code !== 'upload_not_found')
    return { type: 'effect.failed', failure: listed.failure, atMs };
  const isOurs = head.value?.metadata['tailrace-generation'] === String(input.generation);
  const object = isOurs ? 'ours' : head.value ? 'foreign' : 'absent';
  return { type: 'object.probed', object, upload: listed.ok ? 'listed' : 'gone', atMs };
});

/** After a restart everything is as it was recorded. */
export const believeTheRecord = effect<ReconcileInput>(looks('reconcile'), async (input, run, world) => {
  const stat = await world.files.stat(input.file);
  const stored = input.mustRecall ? await world.journal.record(input.streamId) : null;
  const recalled = stored?.ok ? (stored.value?.record ?? null) : null;
  const evidence = {
    recalled,
    stat: stat.ok ? stat.value : null,
    upload: 'unasked',
    parts: null,
    sentEndBytes: 0,
    object: 'unasked',
    content: 'unasked',
  } as const;
  return { type: 'stream.reconciled', evidence, atMs: run.now() };
});

/** Removes the file that was proven a moment ago, as it is now. */
export const removeAtOnce = effect<DisposeSourceInput>(
  { name: 'disposeSource', waitsForJournal: true },
  async ({ file }, run, world) => {
    const set = await world.disposal.setAside(file);
    if (set.ok) await world.disposal.remove(file);
    return { type: 'source.disposed', atMs: run.now() };
  },
);
