// What tests of effects begin with: a file, an upload for it, and its parts, made by the effects themselves.

import { completeUpload } from '../../../src/actors/effects/complete-upload.ts';
import { openUpload } from '../../../src/actors/effects/open-upload.ts';
import { proveObject } from '../../../src/actors/effects/prove-object.ts';
import { uploadParts } from '../../../src/actors/effects/upload-parts.ts';
import { verifySource } from '../../../src/actors/effects/verify-source.ts';
import type { World } from '../../../src/actors/world.ts';
import { type Failure, failureOf } from '../../../src/machines/failure.ts';
import type { FileRef, Freeze } from '../../../src/machines/file-identity.ts';
import { heldOf } from '../../../src/machines/part-ledger.ts';
import { partCount } from '../../../src/machines/part-plan.ts';
import type {
  OpenUploadInput,
  PublishReceiptInput,
  UploadRef,
  VerifySourceInput,
} from '../../../src/machines/stream.effects.ts';
import type { ObjectStore } from '../../../src/ports/object-store.ts';
import { bytes, expectOutcome, FOLDER, PART_BYTES, PLAN, runEffect, type Stage } from '../stage.ts';

export const PATH = `${FOLDER}/take.mkv`;
/** Two whole parts and a tail. */
export const FILE_BYTES = 2 * PART_BYTES + 300;

export const owed = (file: FileRef) => ({ streamId: file.streamId, file, notBeforeMs: 0 });

export async function aFile(stage: Stage, content = bytes(FILE_BYTES), path = PATH): Promise<FileRef> {
  stage.files.write(path, content);
  return await stage.fileRef(path);
}

export const openInput = (stage: Stage, file: FileRef, more: Partial<OpenUploadInput> = {}): OpenUploadInput => ({
  ...owed(file),
  settings: stage.options.settings,
  generation: 1,
  startedAtMs: stage.clock.nowMs(),
  provenEtag: null,
  sizeBytes: 0,
  leftUploadIds: [],
  avoidKeys: [],
  ...more,
});

export async function anUpload(stage: Stage, file: FileRef, more: Partial<OpenUploadInput> = {}): Promise<UploadRef> {
  const opened = expectOutcome(
    await runEffect(stage, openUpload(stage.world), openInput(stage, file, more)),
    'upload.opened',
  );
  return { target: opened.target, uploadId: opened.upload.uploadId, plan: opened.upload.plan };
}

export async function sendParts(
  stage: Stage,
  file: FileRef,
  upload: UploadRef,
  numbers: readonly number[],
  frozenBytes: number | null = null,
): Promise<void> {
  const settled = expectOutcome(
    await runEffect(stage, uploadParts(stage.world), { ...owed(file), upload, former: null, numbers, frozenBytes }),
    'parts.settled',
  );
  if (settled.failure) throw new Error(settled.failure.detail);
}

export const verifyInput = (
  file: FileRef,
  upload: UploadRef | null,
  more: Partial<VerifySourceInput> = {},
): VerifySourceInput => ({
  ...owed(file),
  upload,
  plan: PLAN,
  held: heldOf([]),
  verifiedFreeze: null,
  mode: 'full',
  maxParts: 10_000,
  ...more,
});

export interface Uploaded {
  readonly file: FileRef;
  readonly upload: UploadRef;
  readonly freeze: Freeze;
  readonly parts: number;
}

/** A file whose every byte was sent and verified: what is owed before Complete. */
export async function anUploadedFile(stage: Stage, content = bytes(FILE_BYTES)): Promise<Uploaded> {
  const file = await aFile(stage, content);
  const upload = await anUpload(stage, file);
  const parts = partCount(PLAN, content.length);
  await sendParts(
    stage,
    file,
    upload,
    Array.from({ length: parts }, (_, at) => at + 1),
    content.length,
  );
  const verified = expectOutcome(
    await runEffect(stage, verifySource(stage.world), verifyInput(file, upload)),
    'source.verified',
  );
  if (verified.differing.length > 0) throw new Error(`parts ${verified.differing} differ`);
  return { file, upload, freeze: verified.freeze, parts };
}

/** A file whose object was proven: what is owed before its receipt. */
export async function proven(stage: Stage): Promise<PublishReceiptInput> {
  const { file, upload, freeze, parts } = await anUploadedFile(stage);
  await runEffect(stage, completeUpload(stage.world), {
    ...{ ...owed(file), upload, freeze, partCount: parts, overrideWriter: false },
    condition: { kind: 'absent' },
  });
  const outcome = await runEffect(stage, proveObject(stage.world), { ...owed(file), upload, freeze, generation: 1 });
  const { completion } = expectOutcome(outcome, 'object.proven');
  return { ...owed(file), upload, completion, finalizeReason: 'idle', startedAtMs: 0, verified: 'full' };
}

export const receipt = (stage: Stage, key: string) => JSON.parse(Buffer.from(stage.objectBytes(key) ?? []).toString());

/** The world with a store that does something else at some methods. */
export const withStore = (world: World, changes: Partial<ObjectStore>): World => ({
  ...world,
  store: { ...world.store, ...changes },
});

export const unavailable = (more: Partial<Failure> = {}): { readonly ok: false; readonly failure: Failure } => ({
  ok: false,
  failure: failureOf('s3_unavailable', 'the connection was reset', more),
});
