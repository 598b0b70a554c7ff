// openUpload: reserves the object's key and opens an upload for it. Owed by `active.opening` and `finalizing.opening`; waits
// for the journal.
//
// The reservation is the intent: it is durable before Create is sent. Killed between Create and its record: the key was
// reserved already, so the uploads listed for exactly this key are looked at, and the one that holds the file's parts is
// adopted; an empty one that our own intent may have opened is aborted. Safe to run twice for that reason. The same look finds
// what a lost STATE_DIR forgot: the upload on its way, or the finished object.
// O1. A key that this stream reserved before comes first, also after a rename: what an earlier intent left is found there.
// O2. What a former process sent may arrive until `lateArrivalMs` after our start: only then is the key looked at for its past.
// O3. A key is used only if nothing is there, or only our own object (then Complete is conditional on it), or the user said
//     `overwrite`. A foreign object is never looked away from.

import { failureOf } from '../../machines/failure.ts';
import { birthMs } from '../../machines/file-identity.ts';
import { keyBytes, keyVariant, MAX_KEY_BYTES, MAX_KEY_VARIANTS, objectKey } from '../../machines/object-key.ts';
import { NO_PARTS } from '../../machines/part-ledger.ts';
import { roomyPlan } from '../../machines/part-plan.ts';
import type { OpenUploadInput } from '../../machines/stream.effects.ts';
import type { StreamEvent } from '../../machines/stream.events.ts';
import type {
  CompleteCondition,
  Completion,
  LeftUpload,
  ObjectTarget,
  UploadMemory,
} from '../../machines/stream-record.ts';
import type { ObjectHead, StoreCapabilities } from '../../ports/object-store.ts';
import type { Outcome } from '../../ports/outcome.ts';
import { effect, type Run } from '../effect.ts';
import { maySend } from '../lease.ts';
import type { World } from '../world.ts';
import { adoptObject } from './adopt-object.ts';
import { type AdoptedUpload, adoptUpload, leftAs } from './adopt-upload.ts';
import { failed } from './failing.ts';
import { generationOf, isOfStream, objectMetadata, receiptKeysOf } from './object-metadata.ts';

interface Place {
  readonly target: ObjectTarget;
  readonly condition: CompleteCondition;
  /** Our own object there. */
  readonly ours: ObjectHead | null;
  /** The key was ours before this effect began: an upload may have been opened for it. */
  readonly reservedBefore: boolean;
  /** Keys that were ours before, and are another's object by now. */
  readonly formerKeys: readonly ObjectTarget[];
}

export const openUpload = effect<OpenUploadInput>(
  { name: 'openUpload', waitsForJournal: true },
  async (input, run, world) => {
    const capabilities = await world.probe.capabilities();
    if (!capabilities.ok) return failed(capabilities.failure, run.now());
    const found = await findPlace(input, run, world);
    if (!found.ok) return failed(found.failure, run.now());
    const place = found.value;
    const generation = Math.max(input.generation, place.ours ? generationOf(place.ours) + 1 : 1);
    const past = await lookForPast(input, place, run, world);
    if (!past.ok) return failed(past.failure, run.now());
    const { object, upload, left } = past.value;
    if (object) return { type: 'object.adopted', completion: object, atMs: run.now() };
    const opening = { input, place, generation, left, capabilities: capabilities.value };
    if (upload) return opened(opening, upload, upload, run);
    if (run.signal.aborted) return failed(STOPPED, run.now());
    const lease = maySend(world, input.file.folder);
    if (!lease.ok) return failed(lease.failure, run.now());
    const created = await world.store.createUpload({
      target: place.target,
      metadata: objectMetadata(input.streamId, generation),
    });
    if (!created.ok) return failed(created.failure, run.now());
    const plan = roomyPlan(input.settings.plan, input.sizeBytes, input.settings.maxParts);
    return opened(opening, { ...created.value, plan, openedAtMs: run.now() }, NOTHING_HELD, run);
  },
);

const STOPPED = failureOf('s3_unavailable', 'stopped before the upload was opened');
const NOTHING_HELD = { parts: NO_PARTS, sentEndBytes: 0 };

/** What a former process, or a former STATE_DIR, left for this key: the finished object, or an upload on its way. */
interface Past {
  readonly object: Completion | null;
  readonly upload: AdoptedUpload | null;
  /** Our own, with parts, that are not gone on with. */
  readonly left: readonly LeftUpload[];
}
const NO_PAST: Past = { object: null, upload: null, left: [] };

async function lookForPast(input: OpenUploadInput, place: Place, run: Run, world: World): Promise<Outcome<Past>> {
  const { file, settings } = input;
  const { plan } = settings;
  const { leftUploadIds } = input;
  if (place.ours && place.ours.etag !== input.provenEtag) {
    const object = await adoptObject({ file, head: place.ours, target: place.target, plan }, run, world);
    if (!object.ok) return object;
    if (object.value) return { ok: true, value: { ...NO_PAST, object: object.value } };
  }
  if (!mayHavePast(input, place, world)) return { ok: true, value: NO_PAST };
  await world.clock.waitUntil(world.carrying.sinceMs + settings.lateArrivalMs, run.signal);
  const left: LeftUpload[] = [];
  for (const target of place.formerKeys) {
    const found = await adoptUpload({ file, target, plan, leftUploadIds, ownSinceMs: input.startedAtMs }, run, world);
    // Where the file is gone, the intent may have been for any of its keys: all are looked at.
    if (!found.ok && found.failure.code !== 'source_gone') return found;
    if (found.ok) left.push(...found.value.others, ...(found.value.best ? [leftAs(target, found.value.best)] : []));
  }
  const ownSinceMs = place.reservedBefore ? input.startedAtMs : null;
  const found = await adoptUpload({ file, target: place.target, plan, leftUploadIds, ownSinceMs }, run, world);
  if (!found.ok) return found;
  return { ok: true, value: { object: null, upload: found.value.best, left: [...left, ...found.value.others] } };
}

interface Opening extends Pick<Past, 'left'> {
  readonly capabilities: StoreCapabilities;
  readonly input: OpenUploadInput;
  readonly place: Place;
  readonly generation: number;
}

function opened(
  { input, place, generation, left, capabilities }: Opening,
  found: Pick<UploadMemory, 'uploadId' | 'expiresAtMs' | 'plan' | 'openedAtMs'>,
  { parts, sentEndBytes }: Pick<AdoptedUpload, 'parts' | 'sentEndBytes'>,
  run: Run,
): StreamEvent {
  const { uploadId, plan, openedAtMs } = found;
  const maxUploadAgeMs = input.settings.maxUploadAgeMs ?? capabilities.maxUploadAgeMs;
  const expiresAtMs = earliest(found.expiresAtMs, openedAtMs, maxUploadAgeMs);
  const upload: UploadMemory = { uploadId, expiresAtMs, plan, condition: place.condition, openedAtMs };
  const { target } = place;
  return { type: 'upload.opened', target, upload, parts, sentEndBytes, generation, left, atMs: run.now() };
}

/** What the server says of this upload, and what is known of the provider, whichever is earlier. */
function earliest(expiresAtMs: number | null, openedAtMs: number, maxUploadAgeMs: number | null): number | null {
  const byAgeMs = maxUploadAgeMs === null ? null : openedAtMs + maxUploadAgeMs;
  return expiresAtMs === null || byAgeMs === null ? (expiresAtMs ?? byAgeMs) : Math.min(expiresAtMs, byAgeMs);
}

const mayHavePast = ({ file }: OpenUploadInput, place: Place, world: World): boolean =>
  place.reservedBefore || place.formerKeys.length > 0 || birthMs(file.identity) < world.carrying.sinceMs;

/** O2. A former process' Complete may be among what arrives late: where no object was, it is looked for again. */
async function findPlace(input: OpenUploadInput, run: Run, world: World): Promise<Outcome<Place>> {
  const settledMs = world.carrying.sinceMs + input.settings.lateArrivalMs;
  const isEarly = run.now() < settledMs;
  const first = await reservePlace(input, run, world);
  if (!first.ok || !isEarly || first.value.ours || !mayHavePast(input, first.value, world)) return first;
  await world.clock.waitUntil(settledMs, run.signal);
  const again = await reservePlace(input, run, world);
  return again.ok ? { ok: true, value: { ...again.value, reservedBefore: first.value.reservedBefore } } : again;
}

async function reservePlace(input: OpenUploadInput, run: Run, world: World): Promise<Outcome<Place>> {
  const wanted = objectKey(input.settings, input.file.folder, input.file.path);
  const reserved = await reservedForObjects(input, world);
  if (!reserved.ok) return reserved;
  const formerKeys: ObjectTarget[] = [];
  for (const target of reserved.value) {
    const place = await tryPlace(input, target, run, world);
    if (!place.ok) return place;
    if (place.value) return { ok: true, value: { ...place.value, formerKeys } };
    formerKeys.push(target);
  }
  for (let n = 1; n <= MAX_KEY_VARIANTS && !run.signal.aborted; n += 1) {
    const target = { bucket: input.settings.bucket, key: keyVariant(wanted, n) };
    if (keyBytes(target.key) > MAX_KEY_BYTES)
      return {
        ok: false,
        failure: failureOf('key_too_long', `${target.key.slice(0, 80)}… has ${keyBytes(target.key)} bytes`),
      };
    if (input.avoidKeys.includes(target.key)) continue;
    const place = await tryPlace(input, target, run, world);
    if (!place.ok) return place;
    if (place.value) return { ok: true, value: { ...place.value, formerKeys } };
  }
  return {
    ok: false,
    failure: failureOf('foreign_object', `${wanted} and ${MAX_KEY_VARIANTS} variants of it are taken`),
  };
}

/** O1. Receipts have keys of their own, made of their object's. */
async function reservedForObjects(input: OpenUploadInput, world: World): Promise<Outcome<readonly ObjectTarget[]>> {
  const all = await world.journal.reservedKeys(input.streamId);
  if (!all.ok) return all;
  const keys = all.value.map((target) => target.key);
  const receipts = new Set(keys.flatMap(receiptKeysOf));
  const value = all.value.filter(
    ({ bucket, key }) => bucket === input.settings.bucket && !receipts.has(key) && !input.avoidKeys.includes(key),
  );
  return { ok: true, value };
}

/** null: the key is another's. */
async function tryPlace(
  input: OpenUploadInput,
  target: ObjectTarget,
  run: Run,
  world: World,
): Promise<Outcome<Omit<Place, 'formerKeys'> | null>> {
  const reserved = await world.journal.reserveKey(target, input.streamId);
  if (!reserved.ok) return reserved;
  if (!reserved.value.granted) return { ok: true, value: null };
  const head = await world.store.headObject(target, { signal: run.signal });
  if (!head.ok) return head;
  const place = (condition: CompleteCondition, ours: ObjectHead | null = null): Outcome<Omit<Place, 'formerKeys'>> => ({
    ok: true,
    value: { target, condition, ours, reservedBefore: reserved.value.existed },
  });
  if (head.value === null) return place({ kind: 'absent' });
  if (isOfStream(head.value, input.streamId)) return place({ kind: 'ours', etag: head.value.etag }, head.value);
  switch (input.settings.onExisting) {
    case 'overwrite':
      return place({ kind: 'any' });
    case 'rename':
      return { ok: true, value: null };
    case 'fail':
      return {
        ok: false,
        failure: failureOf('foreign_object', `${target.bucket}/${target.key} exists and is not this stream's`),
      };
  }
}
