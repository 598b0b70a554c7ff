// completeUpload, probeObject, proveObject: Complete is sent once, doubted where it was not answered, and proven.

import { describe, expect, it } from 'vitest';
import { completeUpload } from '../../../src/actors/effects/complete-upload.ts';
import { objectMetadata } from '../../../src/actors/effects/object-metadata.ts';
import { probeObject } from '../../../src/actors/effects/probe-object.ts';
import { proveObject } from '../../../src/actors/effects/prove-object.ts';
import type { CompleteUploadInput } from '../../../src/machines/stream.effects.ts';
import type { ObjectStore } from '../../../src/ports/object-store.ts';
import { bytes, createStage, expectOutcome, FOLDER_ID, runEffect, type Stage } from '../stage.ts';
import { anUploadedFile, FILE_BYTES, owed, type Uploaded, unavailable, withStore } from './effect-stage.ts';

const inputOf = ({ file, upload, freeze, parts }: Uploaded, more: Partial<CompleteUploadInput> = {}) => ({
  ...owed(file),
  ...{ upload, freeze, partCount: parts, condition: { kind: 'absent' as const }, overrideWriter: false },
  ...more,
});

/** A store that counts the Completes it is sent. */
function counting(stage: Stage, instead?: ObjectStore['completeUpload']) {
  const sent: Parameters<ObjectStore['completeUpload']>[0][] = [];
  const { store } = stage.world;
  const world = withStore(stage.world, {
    completeUpload: async (request, options) => {
      sent.push(request);
      return await (instead ?? store.completeUpload)(request, options);
    },
  });
  return { sent, world };
}

describe('completeUpload', () => {
  it('F21 sends one Complete with all parts of the ledger in order, and the condition', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    const { sent, world } = counting(stage);
    expectOutcome(await runEffect(stage, completeUpload(world), inputOf(uploaded)), 'upload.completed');
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({ condition: { kind: 'absent' }, sizeBytes: FILE_BYTES });
    expect(sent[0]?.parts.map((part) => part.partNumber)).toEqual([1, 2, 3]);
    expect(stage.objectBytes('take.mkv')).toEqual(Buffer.from(bytes(FILE_BYTES)));
  });

  it('F65 behind the barrier the file is looked at again: one that changed is not completed', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    stage.files.append(uploaded.file.path, 'x');
    const { sent, world } = counting(stage);
    expectOutcome(await runEffect(stage, completeUpload(world), inputOf(uploaded)), 'source.changed');
    expect(sent).toEqual([]);
  });

  it('a writer that holds the file open again is not overridden, but by the operator', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    stage.writers.otherwise = 'open';
    const { sent, world } = counting(stage);
    const outcome = await runEffect(stage, completeUpload(world), inputOf(uploaded));
    expect(outcome).toMatchObject({ type: 'writer.checked', presence: 'open' });
    expect(sent).toEqual([]);
    const overridden = inputOf(uploaded, { overrideWriter: true });
    expectOutcome(await runEffect(stage, completeUpload(world), overridden), 'upload.completed');
  });

  it('nothing is completed of a folder that another daemon carries', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    stage.world.lostTo.set(uploaded.file.folder, 'daemon-b');
    const { sent, world } = counting(stage);
    const outcome = await runEffect(stage, completeUpload(world), inputOf(uploaded));
    expect(outcome).toMatchObject({ type: 'effect.failed', failure: { code: 'lease_lost' } });
    expect(sent).toEqual([]);
  });

  it('with STANDBY the lease is asked for last of all: one that ran out while the key was looked at sends nothing', async () => {
    const stage = await createStage({ options: { standby: true } });
    const uploaded = await anUploadedFile(stage);
    const { leases, clock } = stage.world;
    const lease = { folderId: FOLDER_ID, holder: 'daemon-a', fence: 1 };
    leases.set(FOLDER_ID, { ...lease, standsUntilMs: clock.nowMs() + 60_000 });
    const { sent, world } = counting(stage);
    const slow = withStore(world, {
      headObject: async () => {
        leases.set(FOLDER_ID, { ...lease, standsUntilMs: 0 });
        return { ok: true, value: null };
      },
      capabilities: { ...world.store.capabilities, conditionalComplete: false },
    });
    const outcome = await runEffect(stage, completeUpload(slow), inputOf(uploaded));
    expect(outcome).toMatchObject({ type: 'effect.failed', failure: { code: 'lease_unconfirmed' } });
    expect(sent).toEqual([]);
  });

  it('an answer that did not come is told as it is, and Complete is not sent again', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    const { sent, world } = counting(stage, async () => unavailable({ answered: false }));
    const outcome = await runEffect(stage, completeUpload(world), inputOf(uploaded));
    expect(outcome).toMatchObject({ type: 'upload.completion_failed', failure: { answered: false } });
    expect(sent).toHaveLength(1);
  });

  it('a part that is not in the ledger is a bug, and nothing is completed without it', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    const { sent, world } = counting(stage);
    const outcome = await runEffect(stage, completeUpload(world), inputOf(uploaded, { partCount: 4 }));
    expect(outcome).toMatchObject({ type: 'effect.failed', failure: { code: 'bug' } });
    expect(sent).toEqual([]);
  });

  it('F77 where the server takes no condition, the key is looked at just before', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    await stage.world.store.putObject({
      ...{ target: uploaded.upload.target, body: bytes(3), contentType: 'x/y', metadata: {} },
      condition: { kind: 'any' },
    });
    const { sent, world } = counting(stage);
    const simple = withStore(world, { capabilities: { ...world.store.capabilities, conditionalComplete: false } });
    const outcome = await runEffect(stage, completeUpload(simple), inputOf(uploaded));
    expect(outcome).toMatchObject({ type: 'upload.completion_failed', failure: { code: 'precondition_failed' } });
    expect(sent).toEqual([]);
  });
});

describe('probeObject', () => {
  const probe = async (stage: Stage, { file, upload }: Uploaded, world = stage.world) =>
    await runEffect(stage, probeObject(world), { ...owed(file), upload, generation: 1, sizeBytes: FILE_BYTES });
  const complete = async (stage: Stage, uploaded: Uploaded) =>
    await runEffect(stage, completeUpload(stage.world), inputOf(uploaded));

  it('F13 ours: the Complete that was not answered took place', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    await complete(stage, uploaded);
    expect(await probe(stage, uploaded)).toMatchObject({ type: 'object.probed', object: 'ours' });
  });

  it('absent and still listed: nothing can be said yet', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    expect(await probe(stage, uploaded)).toMatchObject({ object: 'absent', upload: 'listed' });
  });

  it('absent and gone: the upload is lost', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    await stage.world.store.abortUpload(uploaded.upload);
    expect(await probe(stage, uploaded)).toMatchObject({ object: 'absent', upload: 'gone' });
  });

  it('F75 a Complete that commits between the two looks is seen by the third', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    const { store } = stage.world;
    const world = withStore(stage.world, {
      listParts: async (...args) => {
        await complete(stage, uploaded);
        return await store.listParts(...args);
      },
    });
    expect(await probe(stage, uploaded, world)).toMatchObject({ object: 'ours', upload: 'gone' });
  });

  it('an object of another stream, generation or size is foreign', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    const { target } = uploaded.upload;
    const { streamId } = uploaded.file;
    for (const [body, metadata] of [
      [bytes(FILE_BYTES), {}],
      [bytes(FILE_BYTES), objectMetadata(streamId, 2)],
      [bytes(FILE_BYTES - 1), objectMetadata(streamId, 1)],
    ] as const) {
      await stage.world.store.putObject({ target, body, contentType: 'x/y', metadata, condition: { kind: 'any' } });
      expect(await probe(stage, uploaded)).toMatchObject({ object: 'foreign' });
    }
  });

  it('a server that does not answer says nothing: neither ours nor absent', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    for (const change of [{ headObject: async () => unavailable() }, { listParts: async () => unavailable() }])
      expect(await probe(stage, uploaded, withStore(stage.world, change))).toMatchObject({ type: 'effect.failed' });
  });
});

describe('proveObject', () => {
  const proving = ({ file, upload, freeze }: Uploaded) => ({ ...owed(file), upload, freeze, generation: 1 });
  async function completed(stage: Stage): Promise<Uploaded> {
    const uploaded = await anUploadedFile(stage);
    await runEffect(stage, completeUpload(stage.world), inputOf(uploaded));
    return uploaded;
  }
  const prove = async (stage: Stage, uploaded: Uploaded, world = stage.world) =>
    await runEffect(stage, proveObject(world), proving(uploaded));

  it('says by what the object is proven', async () => {
    const stage = await createStage();
    const proven = expectOutcome(await prove(stage, await completed(stage)), 'object.proven');
    expect(proven.completion.provenBy).toEqual(['metadata', 'size', 'etag of the parts', 'crc32 of the whole object']);
  });

  it.each([
    ['is not there', null, 'object_not_found'],
    ["is another stream's", { metadata: {} }, 'object_mismatch'],
    ['has another size', { sizeBytes: 5 }, 'object_mismatch'],
    ['has an ETag that the parts do not give', { etag: `${'0'.repeat(32)}-3` }, 'object_mismatch'],
    ['has another checksum', { crc32: { kind: 'FULL_OBJECT', value: '00000000' } }, 'object_mismatch'],
  ] as const)('F45 an object that %s is no proof', async (_what, change, code) => {
    const stage = await createStage();
    const uploaded = await completed(stage);
    const { store } = stage.world;
    const world = withStore(stage.world, {
      headObject: async (target) => {
        const head = await store.headObject(target);
        if (!head.ok || !head.value) return head;
        return { ok: true, value: change && { ...head.value, ...change } };
      },
    });
    const outcome = await prove(stage, uploaded, world);
    expect(outcome).toMatchObject({ type: 'object.mismatched', failure: { code } });
  });

  it('F65 a file that grew since is superseded, never called completed', async () => {
    const stage = await createStage();
    const uploaded = await completed(stage);
    stage.files.append(uploaded.file.path, 'late');
    expectOutcome(await prove(stage, uploaded), 'object.superseded');
  });

  it('F65 a file edited in place since is superseded, also at the same size with restored mtime', async () => {
    const stage = await createStage();
    const uploaded = await completed(stage);
    stage.files.write(uploaded.file.path, 'edit', 40);
    stage.files.setMtimeMs(uploaded.file.path, Number(BigInt(uploaded.freeze.mtimeNs) / 1_000_000n));
    expectOutcome(await prove(stage, uploaded), 'object.superseded');
  });

  it('a rename or chmod since changes no byte: proven, for the file as it is now', async () => {
    const stage = await createStage();
    const uploaded = await completed(stage);
    stage.files.link(uploaded.file.path, `${uploaded.file.folder}/linked`);
    const proven = expectOutcome(await prove(stage, uploaded), 'object.proven');
    expect(proven.completion.freeze.ctimeNs).not.toBe(uploaded.freeze.ctimeNs);
  });

  it('a file that is gone by now cannot have other bytes', async () => {
    const stage = await createStage();
    const uploaded = await completed(stage);
    await stage.world.files.release(uploaded.file.streamId);
    stage.files.unlink(uploaded.file.path);
    expectOutcome(await prove(stage, uploaded), 'object.proven');
  });
});
