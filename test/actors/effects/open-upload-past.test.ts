// openUpload, when a former process, or a former STATE_DIR, left something for the key: it is found again, not doubled.

import { describe, expect, it } from 'vitest';
import { completeUpload } from '../../../src/actors/effects/complete-upload.ts';
import { openUpload } from '../../../src/actors/effects/open-upload.ts';
import { proveObject } from '../../../src/actors/effects/prove-object.ts';
import type { StreamEvent } from '../../../src/machines/stream.events.ts';
import { BUCKET, bytes, createStage, expectOutcome, FOLDER, PART_BYTES, runEffect, type Stage } from '../stage.ts';
import {
  aFile,
  anUpload,
  anUploadedFile,
  FILE_BYTES,
  openInput,
  owed,
  sendParts,
  unavailable,
  withStore,
} from './effect-stage.ts';

const open = (stage: Stage, input: ReturnType<typeof openInput>, world = stage.world): Promise<StreamEvent> =>
  runEffect(stage, openUpload(world), input);

const put = (stage: Stage, key: string, body: Uint8Array, metadata: Readonly<Record<string, string>> = {}) =>
  stage.world.store.putObject({
    ...{ target: { bucket: BUCKET, key }, body, contentType: 'video/x', metadata },
    condition: { kind: 'any' },
  });

const uploads = (stage: Stage) => [...stage.s3.uploads.values()].map((upload) => upload.target.key);

describe('what a former process left', () => {
  it('F1 F28 Create was executed, its answer lost: the empty upload is ended, one is open in the end', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    const { store } = stage.world;
    const world = withStore(stage.world, {
      createUpload: async (request) => {
        await store.createUpload(request);
        return unavailable({ answered: false });
      },
    });
    expect(await open(stage, openInput(stage, file), world)).toMatchObject({ type: 'effect.failed' });
    await stage.restart();
    expectOutcome(await open(stage, openInput(stage, file)), 'upload.opened');
    expect(uploads(stage)).toEqual(['take.mkv']);
  });

  it('an upload with parts of this file is gone on with: nothing is sent twice', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    const upload = await anUpload(stage, file);
    await sendParts(stage, file, upload, [1, 2]);
    await stage.restart();
    const opened = expectOutcome(await open(stage, openInput(stage, file)), 'upload.opened');
    expect(opened).toMatchObject({ upload: { uploadId: upload.uploadId }, parts: { contiguous: 2 } });
    expect(opened.sentEndBytes).toBe(2 * PART_BYTES);
    const rows = await stage.world.writeAhead.rows(file.streamId, upload.uploadId);
    expect(rows.ok && [...rows.value.keys()]).toEqual([1, 2]);
  });

  it('F44 a Complete that is executed after our start: the object is adopted, no upload is opened beside it', async () => {
    const stage = await createStage();
    const { file, upload, freeze, parts } = await anUploadedFile(stage);
    const { store } = stage.world;
    const late: (() => Promise<unknown>)[] = [];
    const slow = withStore(stage.world, {
      completeUpload: async (...asked) => {
        late.push(() => store.completeUpload(...asked));
        return unavailable({ answered: false });
      },
    });
    const complete = { ...owed(file), upload, freeze, partCount: parts, overrideWriter: false };
    await runEffect(stage, completeUpload(slow), { ...complete, condition: { kind: 'absent' } });
    await stage.restart();
    const world = withStore(stage.world, {
      headObject: async (...asked) => {
        const seen = await store.headObject(...asked);
        await late.pop()?.();
        return seen;
      },
    });
    expectOutcome(await open(stage, openInput(stage, file), world), 'object.adopted');
    expect(uploads(stage)).toEqual([]);
  });

  it('is found at the last of its keys, also when the file is gone and an earlier key became another one', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    const { journal, store } = stage.world;
    for (const key of ['take.mkv', 'take~2.mkv']) await journal.reserveKey({ bucket: BUCKET, key }, file.streamId);
    await put(stage, 'take.mkv', bytes(10, 7));
    await store.createUpload({ target: { bucket: BUCKET, key: 'take~2.mkv' }, metadata: {} });
    await stage.restart();
    stage.files.unlink(file.path);
    expect(await open(stage, openInput(stage, file))).toMatchObject({ failure: { code: 'source_gone' } });
    expect(uploads(stage)).toEqual([]);
  });

  it("F63 a part whose bytes are not the file's any more is not adopted", async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    const upload = await anUpload(stage, file);
    await sendParts(stage, file, upload, [1, 2]);
    stage.files.write(file.path, 'patched header', 0);
    await stage.restart();
    const opened = expectOutcome(await open(stage, openInput(stage, file)), 'upload.opened');
    expect(opened.parts).toEqual({ contiguous: 0, ahead: [2] });
  });

  it('of several, the one with the most matching parts', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    for (const numbers of [[1], [1, 2], [2]]) {
      const created = await stage.world.store.createUpload({
        target: { bucket: BUCKET, key: 'take.mkv' },
        metadata: {},
      });
      if (!created.ok) throw new Error();
      const upload = {
        target: { bucket: BUCKET, key: 'take.mkv' },
        uploadId: created.value.uploadId,
        plan: stage.options.settings.plan,
      };
      await sendParts(stage, file, upload, numbers);
    }
    await stage.restart();
    const opened = expectOutcome(await open(stage, openInput(stage, file)), 'upload.opened');
    expect(opened.parts.contiguous).toBe(2);
    expect(uploads(stage)).toHaveLength(3);
  });

  it('uploads for keys that only begin alike, or without a part of this file, are left alone', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    const { store } = stage.world;
    await stage.world.journal.reserveKey({ bucket: BUCKET, key: 'take.mkv' }, file.streamId);
    for (const key of ['take.mkv.bak', 'take.mkv']) {
      const created = await store.createUpload({ target: { bucket: BUCKET, key }, metadata: {} });
      if (!created.ok) throw new Error();
      const strange = await aFile(stage, bytes(PART_BYTES, 99), `${FOLDER}/strange`);
      await sendParts(
        stage,
        strange,
        { target: { bucket: BUCKET, key }, uploadId: created.value.uploadId, plan: stage.options.settings.plan },
        [1],
      );
    }
    const opened = expectOutcome(await open(stage, openInput(stage, file)), 'upload.opened');
    expect(opened.parts.contiguous).toBe(0);
    expect(uploads(stage).sort()).toEqual(['take.mkv', 'take.mkv', 'take.mkv.bak']);
  });

  it("an empty upload from before the stream began is somebody else's", async () => {
    const stage = await createStage();
    const target = { bucket: BUCKET, key: 'take.mkv' };
    await stage.world.store.createUpload({ target, metadata: {} });
    stage.clock.advanceMs(3_600_000);
    const file = await aFile(stage);
    await stage.world.journal.reserveKey(target, file.streamId);
    await open(stage, openInput(stage, file));
    expect(uploads(stage)).toEqual(['take.mkv', 'take.mkv']);
  });

  it('a list that cannot be had opens nothing: a second upload would be an orphan', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    await anUpload(stage, file);
    await stage.restart();
    const world = withStore(stage.world, { listUploads: async () => unavailable() });
    expect(await open(stage, openInput(stage, file), world)).toMatchObject({ type: 'effect.failed' });
    expect(uploads(stage)).toHaveLength(1);
  });
});

describe('the finished object of a stream that nothing is remembered of', () => {
  async function completed(stage: Stage) {
    const done = await anUploadedFile(stage);
    const parts = [...(await rowsOf(stage, done)).values()];
    const sent = await stage.world.store.completeUpload({
      ...done.upload,
      parts,
      condition: { kind: 'absent' },
      sizeBytes: FILE_BYTES,
    });
    if (!sent.ok) throw new Error(sent.failure.detail);
    return done;
  }
  const rowsOf = async (stage: Stage, { file, upload }: Awaited<ReturnType<typeof anUploadedFile>>) => {
    const rows = await stage.world.writeAhead.rows(file.streamId, upload.uploadId);
    return rows.ok ? rows.value : new Map();
  };

  it('F78 is adopted when it is the file: as if it had been proven, and nothing is opened', async () => {
    const stage = await createStage();
    const { file, upload, freeze } = await completed(stage);
    const proven = expectOutcome(
      await runEffect(stage, proveObject(stage.world), { ...owed(file), upload, freeze, generation: 1 }),
      'object.proven',
    );
    await stage.restart();
    const adopted = expectOutcome(await open(stage, openInput(stage, file)), 'object.adopted');
    const { digest, crc32, etag, sizeBytes, target } = proven.completion;
    expect(adopted.completion).toMatchObject({ digest, crc32, etag, sizeBytes, target, freeze, generation: 1 });
    expect(uploads(stage)).toEqual([]);
  });

  it('is adopted also when its parts were made larger than the settings say, for want of part numbers', async () => {
    const stage = await createStage();
    const { file, upload } = await completed(stage);
    await stage.restart();
    const input = openInput(stage, file);
    const plan = { ...upload.plan, firstPartBytes: upload.plan.firstPartBytes / 4 };
    const opened = await open(stage, { ...input, settings: { ...input.settings, plan } });
    expect(expectOutcome(opened, 'object.adopted').completion.plan).toEqual(upload.plan);
  });

  it('is replaced, on condition that it is still there, when the file has other bytes now', async () => {
    const stage = await createStage();
    const { file } = await completed(stage);
    stage.files.write(file.path, 'edited', 40);
    await stage.restart();
    const opened = expectOutcome(await open(stage, openInput(stage, file)), 'upload.opened');
    expect(opened).toMatchObject({ generation: 2, upload: { condition: { kind: 'ours' } } });
  });
});
