// abortUpload and publishReceipt; checkWriter.

import { describe, expect, it } from 'vitest';
import { abortUpload } from '../../../src/actors/effects/abort-upload.ts';
import { checkWriter } from '../../../src/actors/effects/check-writer.ts';
import { publishReceipt } from '../../../src/actors/effects/publish-receipt.ts';
import { failureOf } from '../../../src/machines/failure.ts';
import { BUCKET, bytes, createStage, expectOutcome, runEffect, type Stage } from '../stage.ts';
import {
  aFile,
  anUpload,
  FILE_BYTES,
  owed,
  proven,
  receipt,
  sendParts,
  unavailable,
  withStore,
} from './effect-stage.ts';

describe('abortUpload by itself', () => {
  it('ends an upload that holds nothing, of a file without bytes', async () => {
    const stage = await createStage();
    const file = await aFile(stage, bytes(0));
    const upload = await anUpload(stage, file);
    const input = { ...owed(file), upload, byOperator: false };
    expectOutcome(await runEffect(stage, abortUpload(stage.world), input), 'upload.aborted');
    expect(stage.s3.uploads.size).toBe(0);
  });

  it('F72 does not end one that holds a part, nor one whose file has bytes', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    const upload = await anUpload(stage, file);
    const input = { ...owed(file), upload, byOperator: false };
    expectOutcome(await runEffect(stage, abortUpload(stage.world), input), 'upload.found_filled');
    await sendParts(stage, file, upload, [1]);
    stage.files.truncate(file.path, 0);
    expectOutcome(await runEffect(stage, abortUpload(stage.world), input), 'upload.found_filled');
    expect(stage.s3.uploads.size).toBe(1);
  });

  it('F72 a file that cannot be looked at is not a file without bytes', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    stage.files.fault = () => failureOf('source_permission_denied', 'EACCES');
    const outcome = await runEffect(stage, abortUpload(stage.world), {
      ...owed(file),
      upload: null,
      byOperator: false,
    });
    expect(outcome).toMatchObject({ type: 'effect.failed', failure: { code: 'source_permission_denied' } });
  });
});

describe("abortUpload on the operator's word", () => {
  it('has nothing to end where the server knows of no upload, whatever it lists', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    const upload = await anUpload(stage, file);
    await sendParts(stage, file, upload, [1]);
    const world = withStore(stage.world, {
      abortUpload: async () => ({ ok: false, failure: failureOf('upload_not_found', 'NoSuchUpload') }),
    });
    const input = { ...owed(file), upload, byOperator: true };
    expectOutcome(await runEffect(stage, abortUpload(world), input), 'upload.aborted');
  });

  it('ends it whatever it holds, and repeats that until nothing is listed', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    const upload = await anUpload(stage, file);
    await sendParts(stage, file, upload, [1, 2]);
    const { store } = stage.world;
    let aborts = 0;
    const world = withStore(stage.world, {
      // A part in flight survives the first one.
      abortUpload: async (request) => {
        aborts += 1;
        return aborts === 1 ? { ok: true, value: null } : await store.abortUpload(request);
      },
    });
    const outcome = await runEffect(stage, abortUpload(world), { ...owed(file), upload, byOperator: true });
    expectOutcome(outcome, 'upload.aborted');
    expect(aborts).toBe(2);
    expect(stage.s3.uploads.size).toBe(0);
  });

  it('one that is gone already is done; one that cannot be asked for is not', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    const upload = await anUpload(stage, file);
    const input = { ...owed(file), upload, byOperator: true };
    const away = withStore(stage.world, { listParts: async () => unavailable() });
    expectOutcome(await runEffect(stage, abortUpload(away), input), 'effect.failed');
    await stage.world.store.abortUpload(upload);
    expectOutcome(await runEffect(stage, abortUpload(stage.world), input), 'upload.aborted');
  });

  it('nothing is aborted in a folder that another daemon carries', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    const upload = await anUpload(stage, file);
    stage.world.lostTo.set(file.folder, 'daemon-b');
    const outcome = await runEffect(stage, abortUpload(stage.world), { ...owed(file), upload, byOperator: true });
    expect(outcome).toMatchObject({ type: 'effect.failed', failure: { code: 'lease_lost' } });
    expect(stage.s3.uploads.size).toBe(1);
  });
});

describe('publishReceipt', () => {
  const put = (stage: Stage, key: string) =>
    stage.world.store.putObject({
      ...{ target: { bucket: BUCKET, key }, body: bytes(3), contentType: 'x/y', metadata: {} },
      condition: { kind: 'any' },
    });

  it('says what was sent, part by part, how it was verified and by what it was proven', async () => {
    const stage = await createStage();
    const input = await proven(stage);
    expectOutcome(await runEffect(stage, publishReceipt(stage.world), input), 'receipt.published');
    expect(receipt(stage, 'take.mkv.metadata.json')).toMatchObject({
      ...{ stream_id: input.streamId, generation: 1, bucket: BUCKET, key: 'take.mkv', size: FILE_BYTES },
      parts: [
        { number: 1, offset: 0 },
        { number: 2, offset: 1024 },
        { number: 3, offset: 2048, size: 300 },
      ],
      verified: { object: input.completion.provenBy },
      finalized_because: 'idle',
    });
  });

  it('F7 published twice it is one receipt, the same', async () => {
    const stage = await createStage();
    const input = await proven(stage);
    await runEffect(stage, publishReceipt(stage.world), input);
    const first = stage.objectBytes('take.mkv.metadata.json');
    await runEffect(stage, publishReceipt(stage.world), input);
    expect(stage.objectBytes('take.mkv.metadata.json')).toEqual(first);
    expect([...stage.s3.bucket(BUCKET).keys()]).toEqual(['take.mkv', 'take.mkv.metadata.json']);
  });

  it('of an object that was found again: the receipt that is there stays; if there is none, it is made from the file', async () => {
    const stage = await createStage();
    const input = { ...(await proven(stage)), upload: null };
    await runEffect(stage, publishReceipt(stage.world), { ...input, upload: null });
    const { parts } = receipt(stage, 'take.mkv.metadata.json');
    expect(parts).toMatchObject([
      { number: 1, size: 1024 },
      { number: 2, size: 1024 },
      { number: 3, size: 300 },
    ]);
    const made = stage.objectBytes('take.mkv.metadata.json');
    stage.files.append(input.file.path, 'late');
    expectOutcome(await runEffect(stage, publishReceipt(stage.world), input), 'receipt.published');
    expect(stage.objectBytes('take.mkv.metadata.json')).toEqual(made);
  });

  it('of an object that was found again whose file is another by now: without its parts', async () => {
    const stage = await createStage();
    const input = { ...(await proven(stage)), upload: null };
    stage.files.write(input.file.path, 'edited', 3);
    expectOutcome(await runEffect(stage, publishReceipt(stage.world), input), 'receipt.published');
    expect(receipt(stage, 'take.mkv.metadata.json')).toMatchObject({ size: FILE_BYTES, parts: [] });
  });

  it("never goes over what is not this stream's receipt", async () => {
    const stage = await createStage();
    const input = await proven(stage);
    await put(stage, 'take.mkv.metadata.json');
    expectOutcome(await runEffect(stage, publishReceipt(stage.world), input), 'receipt.published');
    expect(stage.objectBytes('take.mkv.metadata.json')).toEqual(Buffer.from(bytes(3)));
    expect(receipt(stage, 'take.mkv~receipt.json')).toMatchObject({ key: 'take.mkv' });
  });

  it('says so when both places are taken', async () => {
    const stage = await createStage();
    const input = await proven(stage);
    for (const key of ['take.mkv.metadata.json', 'take.mkv~receipt.json']) await put(stage, key);
    const outcome = await runEffect(stage, publishReceipt(stage.world), input);
    expect(outcome).toMatchObject({ type: 'effect.failed', failure: { code: 'foreign_object' } });
  });
});

describe('checkWriter', () => {
  const check = async (stage: Stage, file: Awaited<ReturnType<typeof aFile>>) =>
    expectOutcome(await runEffect(stage, checkWriter(stage.world), owed(file)), 'writer.checked');

  it('"none" counts when two looks in a row found none, and the stat is from after them', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    expect(await check(stage, file)).toMatchObject({ presence: 'none', stat: { sizeBytes: FILE_BYTES } });
    expect(stage.writers.looks()).toBe(2);
    let looks = 0;
    const { writers } = stage.world;
    const world = {
      ...stage.world,
      writers: {
        look: async (files: Parameters<typeof writers.look>[0]) => {
          if (++looks === 2) stage.writers.otherwise = 'open';
          return await writers.look(files);
        },
      },
    };
    expect(await runEffect(stage, checkWriter(world), owed(file))).toMatchObject({ presence: 'open' });
  });

  it('not being able to look is unknown, never none', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    stage.writers.failNext = failureOf('writer_check_unavailable', '/proc');
    expect(await check(stage, file)).toMatchObject({ presence: 'unknown' });
  });
});
