// openUpload: a reserved key, an upload for it; what a former process left for the key is found again.

import { describe, expect, it } from 'vitest';
import { openUpload } from '../../../src/actors/effects/open-upload.ts';
import type { StreamEvent } from '../../../src/machines/stream.events.ts';
import { BUCKET, bytes, createStage, expectOutcome, FOLDER, runEffect, type Stage, startEffect } from '../stage.ts';
import { aFile, anUpload, openInput, unavailable, withStore } from './effect-stage.ts';

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

  it("F76 that another stream has is not taken: the next name is, until the first one's word stands no more", async () => {
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
    const input = openInput(stage, file, { generation: 2, provenEtag: old.ok ? old.value.etag : null });
    expect(await open(stage, input)).toMatchObject({
      ...{ type: 'upload.opened', generation: 2, target: { key: 'take.mkv' } },
      upload: { condition: { kind: 'ours', etag: old.ok ? old.value.etag : '' } },
    });
  });

  it('F31 403 is not absence: nothing is opened', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    const world = withStore(stage.world, { headObject: async () => unavailable() });
    expect(await open(stage, openInput(stage, file), world)).toMatchObject({ type: 'effect.failed' });
    expect(uploads(stage)).toEqual([]);
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
