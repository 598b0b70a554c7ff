// reconcile: the file first, S3 where it may have changed; nothing is believed from memory.

import { describe, expect, it } from 'vitest';
import { completeUpload } from '../../../src/actors/effects/complete-upload.ts';
import { reconcile } from '../../../src/actors/effects/reconcile.ts';
import { failureOf } from '../../../src/machines/failure.ts';
import { heldOf } from '../../../src/machines/part-ledger.ts';
import { freshMemory } from '../../../src/machines/stream.context.ts';
import type { ReconcileInput } from '../../../src/machines/stream.effects.ts';
import type { Completion, StreamMemory } from '../../../src/machines/stream-record.ts';
import { bytes, createStage, expectOutcome, PART_BYTES, PLAN, runEffect, type Stage } from '../stage.ts';
import {
  aFile,
  anUpload,
  anUploadedFile,
  owed,
  sendParts,
  type Uploaded,
  unavailable,
  withStore,
} from './effect-stage.ts';

const memoryOf = (stage: Stage, { file, upload, freeze, parts }: Uploaded): StreamMemory => ({
  ...freshMemory(file, stage.clock.nowMs()),
  target: upload.target,
  upload: { ...upload, condition: { kind: 'absent' }, openedAtMs: 0, expiresAtMs: null },
  parts: heldOf(Array.from({ length: parts }, (_, at) => at + 1)),
  sentEndBytes: freeze.sizeBytes,
  freeze,
});

const inputOf = (uploaded: Uploaded, memory: StreamMemory, more: Partial<ReconcileInput> = {}): ReconcileInput => ({
  ...owed(uploaded.file),
  ...{ cameFrom: 'active.waiting', mustRecall: false, mustAskS3: false, memory, seen: uploaded.freeze },
  ...more,
});

const evidenceOf = async (stage: Stage, input: ReconcileInput, world = stage.world) =>
  expectOutcome(await runEffect(stage, reconcile(world), input), 'stream.reconciled').evidence;

const complete = (stage: Stage, { file, upload, freeze, parts }: Uploaded) =>
  runEffect(stage, completeUpload(stage.world), {
    ...owed(file),
    ...{ upload, freeze, partCount: parts, condition: { kind: 'absent' as const }, overrideWriter: false },
  });

describe('what it asks', () => {
  it('a stream that only grew: the file alone', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    const world = withStore(stage.world, {
      listParts: () => Promise.reject(new Error('asked')),
      headObject: () => Promise.reject(new Error('asked')),
    });
    const evidence = await evidenceOf(stage, inputOf(uploaded, memoryOf(stage, uploaded)), world);
    expect(evidence).toMatchObject({
      upload: 'unasked',
      object: 'unasked',
      stat: { sizeBytes: uploaded.freeze.sizeBytes },
    });
  });

  it('before the first S3 work after a start: what S3 lists', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    const evidence = await evidenceOf(stage, inputOf(uploaded, memoryOf(stage, uploaded), { mustAskS3: true }));
    expect(evidence).toMatchObject({ upload: 'listed', parts: { contiguous: 3 } });
  });

  it('F5 R2: after a doubtful Complete the object comes first', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    await complete(stage, uploaded);
    const world = withStore(stage.world, { listParts: () => Promise.reject(new Error('asked')) });
    const input = inputOf(uploaded, memoryOf(stage, uploaded), { cameFrom: 'finalizing.completing' });
    expect(await evidenceOf(stage, input, world)).toMatchObject({ object: 'ours' });
  });

  it('a doubt that was recorded is asked about from whatever state', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    await complete(stage, uploaded);
    const memory = { ...memoryOf(stage, uploaded), completeDoubtUntilMs: 5 };
    expect(await evidenceOf(stage, inputOf(uploaded, memory))).toMatchObject({ object: 'ours' });
  });
});

describe('what S3 lists replaces the ledger', () => {
  it('F50 a part that is recorded and not listed is not held', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    [...stage.s3.uploads.values()][0]?.parts.delete(2);
    const input = inputOf(uploaded, memoryOf(stage, uploaded), { mustAskS3: true });
    expect((await evidenceOf(stage, input)).parts).toEqual({ contiguous: 1, ahead: [3] });
    const rows = await stage.world.writeAhead.rows(uploaded.file.streamId, uploaded.upload.uploadId);
    expect(rows.ok && [...rows.value.keys()]).toEqual([1, 3]);
  });

  it("F3 A2: a part that is listed and not recorded is held if its bytes are the file's", async () => {
    const stage = await createStage();
    const file = await aFile(stage, bytes(4 * PART_BYTES));
    const upload = await anUpload(stage, file);
    await sendParts(stage, file, upload, [1, 2, 3]);
    stage.files.write(file.path, 'patched', PART_BYTES + 5);
    await stage.restart();
    const stat = await stage.world.files.stat(file);
    if (!stat.ok) throw new Error();
    const uploaded = { file, upload, freeze: stat.value, parts: 0 };
    const input = inputOf(uploaded, memoryOf(stage, uploaded), { mustAskS3: true });
    expect((await evidenceOf(stage, input)).parts).toEqual({ contiguous: 1, ahead: [3] });
  });

  it('A1: recorded parts are not read again', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    stage.files.fault = (operation) => (operation === 'read' ? failureOf('bug', 'the file was read') : null);
    const input = inputOf(uploaded, memoryOf(stage, uploaded), { mustAskS3: true });
    expect((await evidenceOf(stage, input)).parts?.contiguous).toBe(3);
  });

  it('A3: a listed part of another length than planned is not held', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    await stage.restart();
    const { upload } = uploaded;
    const part = bytes(17);
    const hash = stage.world.hasher.start();
    hash.update(part);
    const { crc32 } = hash.digest();
    const request = { ...upload, partNumber: 2 as never, body: { kind: 'bytes' as const, bytes: part }, crc32 };
    await stage.world.store.uploadPart(request);
    const input = inputOf(uploaded, memoryOf(stage, uploaded), { mustAskS3: true });
    expect((await evidenceOf(stage, input)).parts).toEqual({ contiguous: 1, ahead: [3] });
  });
});

describe('an upload that is gone', () => {
  it('was completed by us when the object says so, and lost otherwise', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    const input = inputOf(uploaded, memoryOf(stage, uploaded), { mustAskS3: true });
    await stage.world.store.abortUpload(uploaded.upload);
    expect(await evidenceOf(stage, input)).toMatchObject({ upload: 'gone', object: 'not_ours' });

    const again = await createStage();
    const done = await anUploadedFile(again);
    await complete(again, done);
    const asked = inputOf(done, memoryOf(again, done), { mustAskS3: true, cameFrom: 'finalizing.completing' });
    expect(await evidenceOf(again, asked)).toMatchObject({ object: 'ours' });
  });

  it('is gone also where its parts are still listed, when it was refused by name', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    const memory = { ...memoryOf(stage, uploaded), failure: failureOf('upload_not_found', 'NoSuchUpload') };
    const input = inputOf(uploaded, memory, { mustAskS3: true });
    expect(await evidenceOf(stage, input)).toMatchObject({ upload: 'gone', object: 'not_ours' });
  });

  it('says nothing of a freeze that was taken since: no Complete can be under way for it', async () => {
    const stage = await createStage();
    const done = await anUploadedFile(stage);
    await complete(stage, done);
    const input = inputOf(done, memoryOf(stage, done), { mustAskS3: true, cameFrom: 'finalizing.resending' });
    expect(await evidenceOf(stage, input)).toMatchObject({ upload: 'gone', object: 'not_ours' });
  });

  it('R1: a server that does not answer says nothing', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    const input = inputOf(uploaded, memoryOf(stage, uploaded), { cameFrom: 'finalizing.completing' });
    for (const change of [{ headObject: async () => unavailable() }, { listParts: async () => unavailable() }]) {
      const outcome = await runEffect(stage, reconcile(withStore(stage.world, change)), input);
      expect(outcome).toMatchObject({ type: 'effect.failed', failure: { code: 's3_unavailable' } });
    }
  });
});

describe('the file', () => {
  it('that is gone is told as gone; one that cannot be read now is not', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    const input = inputOf(uploaded, memoryOf(stage, uploaded));
    stage.files.fault = () => failureOf('source_permission_denied', 'EACCES');
    expect(await runEffect(stage, reconcile(stage.world), input)).toMatchObject({ type: 'effect.failed' });
    stage.files.fault = () => null;
    await stage.world.files.release(uploaded.file.streamId);
    stage.files.unlink(uploaded.file.path);
    expect((await evidenceOf(stage, input)).stat).toBeNull();
  });

  async function proven(stage: Stage): Promise<{ uploaded: Uploaded; memory: StreamMemory }> {
    const uploaded = await anUploadedFile(stage);
    const { proveObject } = await import('../../../src/actors/effects/prove-object.ts');
    await complete(stage, uploaded);
    const { file, upload, freeze } = uploaded;
    const outcome = await runEffect(stage, proveObject(stage.world), { ...owed(file), upload, freeze, generation: 1 });
    const completion: Completion = expectOutcome(outcome, 'object.proven').completion;
    return { uploaded, memory: { ...freshMemory(file, 0), target: upload.target, completion } };
  }

  it('whose times alone changed since its proof is compared by its bytes', async () => {
    const stage = await createStage();
    const { uploaded, memory } = await proven(stage);
    const input = inputOf(uploaded, memory, { cameFrom: 's3_completed.done' });
    expect((await evidenceOf(stage, input)).content).toBe('unasked');
    stage.files.link(uploaded.file.path, `${uploaded.file.folder}/linked`);
    expect((await evidenceOf(stage, input)).content).toBe('same');
    stage.files.write(uploaded.file.path, 'edit', 3);
    expect((await evidenceOf(stage, input)).content).toBe('different');
    stage.files.append(uploaded.file.path, 'more');
    expect((await evidenceOf(stage, input)).content).toBe('different');
  });
});

it('a stream that comes back is recalled from the journal', async () => {
  const stage = await createStage();
  const uploaded = await anUploadedFile(stage);
  const memory = { ...memoryOf(stage, uploaded), generation: 4 };
  const record = {
    ...{ schemaVersion: 1 as const, streamId: uploaded.file.streamId, state: 's3_completed.done', memory },
    ...{ seen: null, lastActivityMs: 0 },
  };
  stage.world.writeAhead.offer(record, null);
  await stage.world.writeAhead.settled(uploaded.file.streamId);
  const input = inputOf(uploaded, freshMemory(uploaded.file, 0), { cameFrom: null, mustRecall: true });
  expect((await evidenceOf(stage, input)).recalled?.memory.generation).toBe(4);
  expect(PLAN.version).toBe(1);
});
