// verifySource and checkParts: is what S3 acknowledged still what the file holds, and does S3 list it?

import { describe, expect, it } from 'vitest';
import { checkParts } from '../../../src/actors/effects/check-parts.ts';
import { verifySource } from '../../../src/actors/effects/verify-source.ts';
import type { FileSource } from '../../../src/ports/file-source.ts';
import { bytes, createStage, expectOutcome, PART_BYTES, runEffect, type Stage, startEffect } from '../stage.ts';
import { aFile, anUpload, anUploadedFile, FILE_BYTES, owed, sendParts, verifyInput } from './effect-stage.ts';

async function differing(stage: Stage, input: ReturnType<typeof verifyInput>): Promise<readonly number[]> {
  return expectOutcome(await runEffect(stage, verifySource(stage.world), input), 'source.verified').differing;
}

describe('verifySource', () => {
  it('names what was never sent, the tail included', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    const upload = await anUpload(stage, file);
    await sendParts(stage, file, upload, [1]);
    expect(await differing(stage, verifyInput(file, upload))).toEqual([2, 3]);
    expect(await differing(stage, verifyInput(file, null))).toEqual([1, 2, 3]);
  });

  it.each([
    ['in the first part', 7, [1]],
    ['in the middle', PART_BYTES + 1, [2]],
    ['in the tail', FILE_BYTES - 1, [3]],
  ])(
    'F58 F59 V1: one changed byte %s makes its part differ, also when no time tells of it',
    async (_where, offset, expected) => {
      const stage = await createStage();
      const { file, upload } = await anUploadedFile(stage);
      const old = stage.files.bytesOf(file.path)?.[offset] ?? 0;
      stage.files.poke(file.path, new Uint8Array([old ^ 1]), offset);
      expect(await differing(stage, verifyInput(file, upload))).toEqual(expected);
    },
  );

  it('a tail that grew to a whole part differs, by its length', async () => {
    const stage = await createStage();
    const { file, upload } = await anUploadedFile(stage);
    stage.files.append(file.path, bytes(10));
    expect(await differing(stage, verifyInput(file, upload))).toEqual([3]);
  });

  it('F65 the freeze is the stat before and after; a file that changes meanwhile was not verified', async () => {
    const stage = await createStage();
    const { file, upload } = await anUploadedFile(stage);
    const { files } = stage.world;
    let reads = 0;
    const busy: FileSource = {
      ...files,
      read: async (...args) => {
        if (++reads === 2) stage.files.write(file.path, 'x', 0);
        return await files.read(...args);
      },
    };
    const outcome = await runEffect(stage, verifySource({ ...stage.world, files: busy }), verifyInput(file, upload));
    expectOutcome(outcome, 'source.changed');
  });

  it('V2: does not freeze a file in the very moment of a change', async () => {
    const stage = await createStage();
    const { file, upload } = await anUploadedFile(stage);
    stage.clock.advanceMs(10_000);
    stage.files.write(file.path, 'x', 0);
    const changedMs = stage.clock.nowMs();
    const verified = expectOutcome(
      await runEffect(stage, verifySource(stage.world), verifyInput(file, upload)),
      'source.verified',
    );
    expect(verified.atMs - changedMs).toBeGreaterThanOrEqual(100);
  });

  it('under a freeze that everything was verified or sent for, only the stat is looked at', async () => {
    const stage = await createStage();
    const { file, upload, freeze } = await anUploadedFile(stage);
    stage.files.fault = (operation) => {
      if (operation === 'read') throw new Error('the file is read again');
      return null;
    };
    expect(await differing(stage, verifyInput(file, upload, { verifiedFreeze: freeze }))).toEqual([]);
    stage.files.append(file.path, 'x');
    const input = verifyInput(file, upload, { verifiedFreeze: freeze });
    expectOutcome(await runEffect(stage, verifySource(stage.world), input), 'source.changed');
  });

  it('append-only reads the head and the last parts, and believes the rest', async () => {
    const stage = await createStage();
    const content = bytes(10 * PART_BYTES);
    const { file, upload } = await anUploadedFile(stage, content);
    for (const n of [1, 5, 9, 10])
      stage.files.poke(file.path, new Uint8Array([content[n * PART_BYTES - 1]! ^ 1]), n * PART_BYTES - 1);
    expect(await differing(stage, verifyInput(file, upload, { mode: 'append-only' }))).toEqual([1, 9, 10]);
    expect(await differing(stage, verifyInput(file, upload))).toEqual([1, 5, 9, 10]);
  });

  it('stops reading when its state is left', async () => {
    const stage = await createStage();
    const { file, upload } = await anUploadedFile(stage, bytes(50 * PART_BYTES));
    let reads = 0;
    const { files } = stage.world;
    const counted: FileSource = {
      ...files,
      read: async (...args) => {
        if (++reads === 3) running.leave();
        return await files.read(...args);
      },
    };
    const running = startEffect(verifySource({ ...stage.world, files: counted }), verifyInput(file, upload));
    await stage.until(() => (reads >= 3 ? true : null));
    await stage.until(() => true);
    expect(reads).toBe(3);
  });
});

describe('checkParts', () => {
  const check = async (
    stage: Stage,
    { file, upload, parts }: Awaited<ReturnType<typeof anUploadedFile>>,
    count = parts,
  ) =>
    expectOutcome(
      await runEffect(stage, checkParts(stage.world), { ...owed(file), upload, partCount: count }),
      'parts.checked',
    );
  const partsOf = (stage: Stage) => [...stage.s3.uploads.values()][0]?.parts ?? new Map();

  it('is content with exactly the parts of the ledger', async () => {
    const stage = await createStage();
    expect(await check(stage, await anUploadedFile(stage))).toMatchObject({ wrong: [], excess: [] });
  });

  it('F23 names a part that S3 does not list any more', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    partsOf(stage).delete(2);
    expect(await check(stage, uploaded)).toMatchObject({ wrong: [2] });
  });

  it('F19 F24 names a part that a late attempt overwrote', async () => {
    const stage = await createStage();
    const uploaded = await anUploadedFile(stage);
    partsOf(stage).set(2, { ...partsOf(stage).get(2), etag: 'other' });
    expect(await check(stage, uploaded)).toMatchObject({ wrong: [2] });
  });

  it('names parts beyond the end of the file', async () => {
    const stage = await createStage();
    expect(await check(stage, await anUploadedFile(stage), 2)).toMatchObject({ wrong: [], excess: [3] });
  });
});
