// boot: what the supervisor owes before it runs: the folders' leases, every stored record, and the newer of journal and
// registry for each stream.
//
// B1. Another daemon that holds a folder's lease is named, and we do not start; a lease that nobody renews is waited for. With STANDBY
//     it is waited for without end (standby.ts), and only then the boot goes on.
// B2. A registry that does not answer stops nothing (with STANDBY it is waited for: another host may have gone on from there); one that
//     remembers more than the journal gives it back to the journal first.
// B3. A record that cannot be read is told, kept where it is, and its stream is rebuilt from the file and S3.

import { fromCallback } from 'xstate';
import { failureOf } from '../machines/failure.ts';
import { objectKey } from '../machines/object-key.ts';
import { countHeld } from '../machines/part-ledger.ts';
import { initialContext } from '../machines/stream.context.ts';
import type { ObjectTarget, StoredRecord, StreamRecord } from '../machines/stream-record.ts';
import { isFinal } from '../machines/stream-status.ts';
import type { SupervisorEvent } from '../machines/supervisor.machine.ts';
import type { Outcome } from '../ports/outcome.ts';
import type { LeaseAnswer, Registry } from '../ports/registry.ts';
import { LEASE_TTL_MS, leaseLost, noteLease } from './lease.ts';
import type { RegistryMirror } from './registry-mirror.ts';
import { viewOf } from './stream-view-of.ts';
import type { World } from './world.ts';

/** As many as the read model keeps. */
const FINISHED_SHOWN = 1_000;
/** Short against the third of LEASE_TTL_MS after which a living holder renews. */
const LEASE_LOOK_MS = 500;

export const bootLogic = (world: World, mirror: RegistryMirror | null) =>
  fromCallback<SupervisorEvent, Record<string, never>, SupervisorEvent>(({ sendBack }) => {
    const stop = new AbortController();
    void boot(world, mirror, stop.signal)
      .catch(
        (error: unknown): SupervisorEvent => ({
          type: 'daemon.refused',
          failure: failureOf('bug', String(error)),
          atMs: world.clock.nowMs(),
        }),
      )
      .then((outcome) => {
        if (!stop.signal.aborted) sendBack(outcome);
      });
    return () => stop.abort();
  });

async function boot(world: World, mirror: RegistryMirror | null, signal: AbortSignal): Promise<SupervisorEvent> {
  const stored = await world.journal.load();
  if (!stored.ok) return { type: 'daemon.refused', failure: stored.failure, atMs: world.clock.nowMs() };
  for (const { record, fence } of stored.value.records) world.writeAhead.raiseFence(record.memory.folder, fence);
  const stopped = await leasesOrElse(world, signal);
  if (stopped) return stopped;
  for (const id of stored.value.unreadable)
    world.telemetry.error('a stored record cannot be read; its stream is rebuilt from the file and S3', {
      streamId: id,
    });
  const records = new Map(stored.value.records.map((each) => [each.record.streamId, each]));
  if (world.registry) await takeNewerOrWait(world, world.registry, records, signal);
  for (const [id, each] of records) world.writeAhead.startFrom(id, each.rev);
  if (!signal.aborted) mirror?.start([...records].map(([id, each]) => [id, each.rev]));

  const all = [...records.values()].map((each) => each.record);
  const restored = all.filter((record) => !isFinal(record.state));
  const finished = all.filter((record) => isFinal(record.state));
  showFinished(world, finished);
  const known = finished.map((record) => ({
    streamId: record.streamId,
    seen: completedFreeze(record) ?? record.seen,
  }));
  world.telemetry.count('streams_recovered', restored.length);
  world.telemetry.info('records restored', { streams: restored.length, count: known.length });
  return { type: 'daemon.booted', restored, known, atMs: world.clock.nowMs() };
}

/** What needs nothing more has no actor, and is to be seen all the same: the newest, as while it ran, and whatever left an upload behind. */
function showFinished({ views, options, clock }: World, finished: readonly StreamRecord[]): void {
  const sorted = finished.toSorted((a, b) => endedAtMs(a) - endedAtMs(b));
  const firstShown = sorted.length - FINISHED_SHOWN;
  const shown = sorted.filter(({ memory }, index) => index >= firstShown || memory.leftUploads.length > 0);
  for (const record of shown) {
    const { streamId, memory } = record;
    const file = { streamId, folder: memory.folder, path: memory.path, identity: memory.identity };
    const input = { file, settings: options.settings, record, mustRecall: false, stat: null, atMs: clock.nowMs() };
    views.streamChanged(viewOf(record.state, initialContext(input)));
  }
}

const endedAtMs = ({ memory, lastActivityMs }: StreamRecord): number =>
  memory.completion?.completedAtMs ?? lastActivityMs;

const completedFreeze = ({ memory }: StoredRecord['record']) =>
  memory.completion?.generation === memory.generation ? memory.completion.freeze : null;

/** B1. null: all are ours, as far as Redis answers. */
async function leasesOrElse(world: World, signal: AbortSignal): Promise<SupervisorEvent | null> {
  const { clock, leases, options, registry } = world;
  if (!registry) return null;
  if (!options.standby) return await takeLeases(world, registry, signal);
  if (options.folders.every(({ id }) => leases.has(id))) return null;
  return { type: 'lease.awaited', detail: 'looking who carries the folders', atMs: clock.nowMs() };
}

async function takeLeases(world: World, registry: Registry, signal: AbortSignal): Promise<SupervisorEvent | null> {
  for (const folder of world.options.folders) {
    const { answer, askedAtMs } = await acquireOrSeeRenewed(world, registry, folder, signal);
    if (!answer.ok)
      world.telemetry.warn('Redis does not answer; going on from the journal alone', { detail: answer.failure.detail });
    else if (answer.value.held) noteLease(world, folder, answer.value.lease, askedAtMs);
    else
      return {
        type: 'daemon.refused',
        failure: leaseLost(folder.path, answer.value.holder),
        atMs: world.clock.nowMs(),
      };
  }
  return null;
}

/** A daemon that died leaves its lease behind: it runs out, while a living one renews it. */
async function acquireOrSeeRenewed(
  { clock, options, telemetry, writeAhead }: World,
  registry: Registry,
  { id, path }: World['options']['folders'][number],
  signal: AbortSignal,
): Promise<{ readonly answer: Outcome<LeaseAnswer>; readonly askedAtMs: number }> {
  let leftMs = Number.POSITIVE_INFINITY;
  for (;;) {
    const askedAtMs = clock.nowMs();
    const answer = await registry.acquireLease(id, options.holder, LEASE_TTL_MS, writeAhead.fenceOf(path));
    if (!answer.ok || answer.value.held || signal.aborted || answer.value.expiresInMs > leftMs)
      return { answer, askedAtMs };
    if (leftMs === Number.POSITIVE_INFINITY)
      telemetry.warn('another daemon took the lease of the folder; waiting to see whether it still lives', {
        detail: answer.value.holder,
      });
    leftMs = answer.value.expiresInMs;
    await clock.waitUntil(clock.nowMs() + LEASE_LOOK_MS, signal);
  }
}

/** B2. */
async function takeNewerOrWait(
  world: World,
  registry: Registry,
  records: Map<string, StoredRecord>,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const hasAll = await takeNewer(world, registry, records);
    if (hasAll || !world.options.standby || signal.aborted) return;
    await world.clock.waitUntil(world.clock.nowMs() + LEASE_LOOK_MS, signal);
  }
}

/** False: something is there that could not be taken. */
async function takeNewer(world: World, registry: Registry, records: Map<string, StoredRecord>): Promise<boolean> {
  let hasAll = true;
  const theirs = await registry.load((id, stored) => isNewer(stored, records.get(id)));
  if (!theirs.ok) return false;
  const folders = new Set(world.options.folders.map((folder) => folder.path));
  for (const candidate of theirs.value.records) {
    const { streamId, memory } = candidate.record;
    if (!folders.has(memory.folder) || !isNewer(candidate, records.get(streamId))) continue;
    const taken = withOurUpload(candidate, records.get(streamId));
    const kept = await importRecord(world, registry, taken);
    if (kept.ok) records.set(streamId, taken);
    else {
      hasAll = false;
      world.telemetry.warn('a record of the registry could not be taken over', {
        stream: streamId,
        detail: kept.failure.detail,
      });
    }
  }
  return hasAll;
}

function isNewer(theirs: Pick<StoredRecord, 'rev' | 'fence'>, ours: StoredRecord | undefined): boolean {
  if (!ours) return true;
  return theirs.fence === ours.fence ? theirs.rev > ours.rev : theirs.fence > ours.fence;
}

/** The key is on record only once its upload is open: a record that owes the opening had the file's own key, unless that was taken. */
function intentOf({ state, memory }: StreamRecord, { options }: World): ObjectTarget | null {
  const { settings } = options;
  if (!state.endsWith('.opening')) return null;
  return { bucket: settings.bucket, key: objectKey(settings, memory.folder, memory.path) };
}

/** Ours was made while Redis was away and nothing was remembered: the upload that it has is kept in sight. */
function withOurUpload(theirs: StoredRecord, ours: StoredRecord | undefined): StoredRecord {
  const { memory } = theirs.record;
  if (!ours) return theirs;
  const { upload, target, parts, sentEndBytes } = ours.record.memory;
  if (!upload || !target || upload.uploadId === memory.upload?.uploadId) return theirs;
  // What is over does not say which upload it was, only for which key.
  if (isFinal(theirs.record.state) && target.key === memory.completion?.target.key) return theirs;
  const left = { target, uploadId: upload.uploadId, parts: countHeld(parts), sentEndBytes, why: 'unmatched' } as const;
  return { ...theirs, record: { ...theirs.record, memory: { ...memory, leftUploads: [...memory.leftUploads, left] } } };
}

async function importRecord(world: World, registry: Registry, stored: StoredRecord): Promise<Outcome<null>> {
  const { streamId, memory } = stored.record;
  const uploadId = memory.upload?.uploadId ?? null;
  const rows = uploadId ? await registry.rows(streamId) : { ok: true as const, value: [] };
  if (!rows.ok) return rows;
  const named = await registry.reservedKeys(streamId);
  if (!named.ok) return named;
  const intent = named.value.length > 0 ? null : intentOf(stored.record, world);
  const known = [memory.target ?? intent, memory.completion?.target ?? null, ...named.value];
  for (const target of known.filter((each) => each !== null)) {
    const reserved = await world.journal.reserveKey(target, streamId);
    if (!reserved.ok) return reserved;
  }
  return await world.journal.save([{ stored, uploadId, replaceRows: true, rows: rows.value }]);
}
