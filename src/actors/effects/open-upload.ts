// openUpload: reserves the object's key and opens an upload for it. Owed by `active.opening` and `finalizing.opening`; waits
// for the journal.
//
// The reservation is the intent: it is durable before Create is sent. Killed between Create and its record: the key was
// reserved already, so the uploads listed for exactly this key are looked at, and the one that holds the file's parts is
// adopted; an empty one that our own intent may have opened is aborted. Safe to run twice for that reason.
// O1. A key is used only if nothing is there, or only our own object (then Complete is conditional on it), or the user said
//     `overwrite`. A foreign object is never looked away from.

import { failureOf } from '../../machines/failure.ts';
import { keyBytes, keyVariant, MAX_KEY_BYTES, MAX_KEY_VARIANTS, objectKey } from '../../machines/object-key.ts';
import { NO_PARTS } from '../../machines/part-ledger.ts';
import type { OpenUploadInput } from '../../machines/stream.effects.ts';
import type { StreamEvent } from '../../machines/stream.events.ts';
import type { CompleteCondition, ObjectTarget, UploadMemory } from '../../machines/stream-record.ts';
import type { Outcome } from '../../ports/outcome.ts';
import { effect, type Run } from '../effect.ts';
import type { World } from '../world.ts';
import { adoptUpload } from './adopt-upload.ts';
import { failed } from './failing.ts';
import { isOfStream, objectMetadata } from './object-metadata.ts';

interface Place {
  readonly target: ObjectTarget;
  readonly condition: CompleteCondition;
  /** The key was ours before this effect began: an upload may have been opened for it. */
  readonly reservedBefore: boolean;
}

export const openUpload = effect<OpenUploadInput>(
  { name: 'openUpload', waitsForJournal: true },
  async (input, run, world) => {
    const capabilities = await world.probe.capabilities();
    if (!capabilities.ok) return failed(capabilities.failure, run.now());
    const place = await reservePlace(input, run, world);
    if (!place.ok) return failed(place.failure, run.now());
    if (place.value.reservedBefore) {
      const adopted = await adoptUpload(
        { file: input.file, target: place.value.target, plan: input.settings.plan, sinceMs: input.startedAtMs },
        run,
        world,
      );
      if (!adopted.ok) return failed(adopted.failure, run.now());
      if (adopted.value) {
        const { uploadId, expiresAtMs, parts, sentEndBytes } = adopted.value;
        return opened(place.value, { uploadId, expiresAtMs }, { parts, sentEndBytes }, input, run);
      }
    }
    if (run.signal.aborted)
      return failed(failureOf('s3_unavailable', 'stopped before the upload was opened'), run.now());
    const created = await world.store.createUpload({
      target: place.value.target,
      metadata: objectMetadata(input.streamId, input.generation),
    });
    if (!created.ok) return failed(created.failure, run.now());
    return opened(place.value, created.value, { parts: NO_PARTS, sentEndBytes: 0 }, input, run);
  },
);

function opened(
  place: Place,
  upload: Pick<UploadMemory, 'uploadId' | 'expiresAtMs'>,
  held: Pick<Extract<StreamEvent, { type: 'upload.opened' }>, 'parts' | 'sentEndBytes'>,
  input: OpenUploadInput,
  run: Run,
): StreamEvent {
  const memory: UploadMemory = {
    ...upload,
    plan: input.settings.plan,
    condition: place.condition,
    openedAtMs: run.now(),
  };
  return { type: 'upload.opened', target: place.target, upload: memory, ...held, atMs: run.now() };
}

async function reservePlace(input: OpenUploadInput, run: Run, world: World): Promise<Outcome<Place>> {
  const wanted = objectKey(input.settings, input.file.folder, input.file.path);
  for (let n = 1; n <= MAX_KEY_VARIANTS && !run.signal.aborted; n += 1) {
    const target = { bucket: input.settings.bucket, key: keyVariant(wanted, n) };
    if (keyBytes(target.key) > MAX_KEY_BYTES)
      return {
        ok: false,
        failure: failureOf('key_too_long', `${target.key.slice(0, 80)}… has ${keyBytes(target.key)} bytes`),
      };
    if (input.avoidKeys.includes(target.key)) continue;
    const place = await tryPlace(input, target, run, world);
    if (!place.ok || place.value) return place as Outcome<Place>;
  }
  return {
    ok: false,
    failure: failureOf('foreign_object', `${wanted} and ${MAX_KEY_VARIANTS} variants of it are taken`),
  };
}

/** null: the key is another's. */
async function tryPlace(
  input: OpenUploadInput,
  target: ObjectTarget,
  run: Run,
  world: World,
): Promise<Outcome<Place | null>> {
  const reserved = await world.journal.reserveKey(target, input.streamId);
  if (!reserved.ok) return reserved;
  if (!reserved.value.granted) return { ok: true, value: null };
  const head = await world.store.headObject(target, { signal: run.signal });
  if (!head.ok) return head;
  const place = (condition: CompleteCondition): Outcome<Place> => ({
    ok: true,
    value: { target, condition, reservedBefore: reserved.value.existed },
  });
  if (head.value === null) return place({ kind: 'absent' });
  if (isOfStream(head.value, input.streamId)) return place({ kind: 'ours', etag: head.value.etag });
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
