// openUpload: a reserved key, an upload for it; what a former process left for the key is found again.

import { describe, expect, it } from 'vitest';
import { openUpload } from '../../../src/actors/effects/open-upload.ts';
import { proveObject } from '../../../src/actors/effects/prove-object.ts';
import type { StreamEvent } from '../../../src/machines/stream.events.ts';
import {
  BUCKET,
  bytes,
  createStage,
  expectOutcome,
  FOLDER,
  PART_BYTES,
  runEffect,
  type Stage,
  startEffect,
} from '../stage.ts';
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

describe('the key', () => {
  it('is that of the path, reserved before the upload opens, and demanded to be absent', async () => {
    const stage = await createStage();
    const file = await aFile(stage, undefined, `${FOLDER}/day 1/take.mkv`);
    const order: string[] = [];
    const { store, journal } = stage.world;
    const world = {
      ...withStore(stage.world, {
        createUpload: (request) => {
          order.push('create');
          return store.createUpload(request);
        },
      }),
      journal: Object.assign(Object.create(journal), {
        reserveKey: async (...args: Parameters<typeof journal.reserveKey>) => {
          const answer = await journal.reserveKey(...args);
          order.push('reserved');
          return answer;
        },
      }),
    };
    const opened = expectOutcome(await open(stage, openInput(stage, file), world), 'upload.opened');
    expect(opened).toMatchObject({
      target: { bucket: BUCKET, key: 'day 1/take.mkv' },
      upload: { condition: { kind: 'absent' } },
      parts: { contiguous: 0, ahead: [] },
      generation: 1,
    });
    expect(order).toEqual(['reserved', 'create']);
  });

  it("that another stream has is not taken: the next name is, until the first one's word stands no more", async () => {
    const stage = await createStage();
    const [one, two] = [await aFile(stage), await aFile(stage, undefined, `${FOLDER}/other.mkv`)];
    await anUpload(stage, one);
    stage.files.rename(two.path, `${FOLDER}/moved`);
    const renamed = { ...two, path: one.path };
    const opened = expectOutcome(await open(stage, openInput(stage, renamed)), 'upload.opened');
    expect(opened.target.key).toBe('take~2.mkv');
  });

  it('of an upload that was left behind is not used again', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    const opened = expectOutcome(
      await open(stage, openInput(stage, file, { avoidKeys: ['take.mkv'] })),
      'upload.opened',
    );
    expect(opened.target.key).toBe('take~2.mkv');
  });

  it('longer than S3 allows is refused, nothing is opened', async () => {
    const stage = await createStage({ settings: { keyPrefix: 'x'.repeat(1_020) } });
    const file = await aFile(stage);
    const outcome = await open(stage, openInput(stage, file));
    expect(outcome).toMatchObject({ type: 'effect.failed', failure: { code: 'key_too_long' } });
    expect(uploads(stage)).toEqual([]);
  });
});

describe('O1: an object is there already', () => {
  it.each([
    ['rename', { type: 'upload.opened', target: { key: 'take~2.mkv' }, upload: { condition: { kind: 'absent' } } }],
    ['overwrite', { type: 'upload.opened', target: { key: 'take.mkv' }, upload: { condition: { kind: 'any' } } }],
    ['fail', { type: 'effect.failed', failure: { code: 'foreign_object' } }],
  ] as const)('a foreign one, S3_ON_EXISTING=%s', async (onExisting, expected) => {
    const stage = await createStage({ settings: { onExisting } });
    const file = await aFile(stage);
    await put(stage, 'take.mkv', bytes(5));
    expect(await open(stage, openInput(stage, file))).toMatchObject(expected);
    expect(stage.objectBytes('take.mkv')).toEqual(Buffer.from(bytes(5)));
  });

  it("another stream's object is foreign too", async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    await put(stage, 'take.mkv', bytes(5), { 'tailrace-stream': 'f'.repeat(32), 'tailrace-generation': '1' });
    expect(await open(stage, openInput(stage, file))).toMatchObject({ target: { key: 'take~2.mkv' } });
  });

  it('our own of an earlier generation: the same key, on condition that it is still that one', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    const metadata = { 'tailrace-stream': file.streamId, 'tailrace-generation': '1' };
    const old = await put(stage, 'take.mkv', bytes(5), metadata);
    const input = openInput(stage, file, { generation: 2, remembersNothing: false });
    expect(await open(stage, input)).toMatchObject({
      ...{ type: 'upload.opened', generation: 2, target: { key: 'take.mkv' } },
      upload: { condition: { kind: 'ours', etag: old.ok ? old.value.etag : '' } },
    });
  });

  it('403 is not absence: nothing is opened', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    const world = withStore(stage.world, { headObject: async () => unavailable() });
    expect(await open(stage, openInput(stage, file), world)).toMatchObject({ type: 'effect.failed' });
    expect(uploads(stage)).toEqual([]);
  });
});

describe('what a former process left', () => {
  it('Create was executed, its answer lost: the empty upload is ended, one is open in the end', async () => {
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

  it("a part whose bytes are not the file's any more is not adopted", async () => {
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

  it('is adopted when it is the file: as if it had been proven, and nothing is opened', async () => {
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

  it('is replaced, on condition that it is still there, when the file has other bytes now', async () => {
    const stage = await createStage();
    const { file } = await completed(stage);
    stage.files.write(file.path, 'edited', 40);
    await stage.restart();
    const opened = expectOutcome(await open(stage, openInput(stage, file)), 'upload.opened');
    expect(opened).toMatchObject({ generation: 2, upload: { condition: { kind: 'ours' } } });
  });
});

it('tells why nothing can be opened when the store refuses', async () => {
  const stage = await createStage({ settings: { bucket: 'missing' } });
  stage.s3.objects.delete(BUCKET);
  const file = await aFile(stage);
  expect(await open(stage, openInput(stage, file))).toMatchObject({
    type: 'effect.failed',
    failure: { code: 's3_no_such_bucket' },
  });
});

it('opens nothing when its state was left before', async () => {
  const stage = await createStage();
  const file = await aFile(stage);
  const { store } = stage.world;
  const gate = { open: () => {} };
  const world = withStore(stage.world, {
    headObject: async (...args) => {
      await new Promise<void>((resolve) => {
        gate.open = resolve;
      });
      return await store.headObject(...args);
    },
  });
  const running = startEffect(openUpload(world), openInput(stage, file));
  await stage.until(() => (stage.disk.keys.size > 0 ? true : null));
  running.leave();
  gate.open();
  await stage.until(() => true);
  expect(uploads(stage)).toEqual([]);
});
