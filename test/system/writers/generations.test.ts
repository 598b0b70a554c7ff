// What happens to a file after its object is there, and what happens when it is cut: the next generation, with the object replaced
// only where nothing is lost by it.

import { chmod, copyFile, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { content } from '../../fixtures/writers/content.ts';
import { Recording } from '../../fixtures/writers/recording.ts';
import { callWitness, expectDelivered, expectObject, fileOf, fileOfBytes } from '../harness/proof.ts';
import { CHUNK_BYTES, MIB, openScene, type Scene } from '../harness/scene.ts';

const uploadsOf = async (scene: Scene, key: string): Promise<number> =>
  (await scene.s3.requests()).filter((each) => each.operation === 'CreateMultipartUpload' && each.key === key).length;

describe.concurrent('a file after its object is there', { timeout: 120_000 }, () => {
  test('F65 one that grows again becomes the next generation and replaces its object', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    await writeFile(scene.path('grows.bin'), content(2 * CHUNK_BYTES + 5));
    const first = await expectDelivered(scene, 'grows.bin');
    const again = await Recording.start(context, scene.path('grows.bin'), { seed: 2, flags: 'r+' });
    await again.append(CHUNK_BYTES);
    await again.close();
    const second = await expectDelivered(scene, 'grows.bin', { wanted: ({ generation }) => generation === 2 });
    expect(second.receipt.stream_id).toBe(first.receipt.stream_id);
    expect(second.file.sizeBytes).toBe(3 * CHUNK_BYTES + 5);
    expect(await scene.s3.keys()).toEqual(['grows.bin', 'grows.bin.metadata.json']);
    await witness.testify();
  });

  test('F59 one that is edited in place becomes the next generation, though its times were set back', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    const path = scene.path('edited.bin');
    await writeFile(path, content(2 * CHUNK_BYTES));
    await expectDelivered(scene, 'edited.bin');
    const editor = await Recording.start(context, path, { flags: 'r+' });
    await editor.overwriteSecretly(CHUNK_BYTES - 1, content(2, 9));
    await editor.close();
    await expectDelivered(scene, 'edited.bin', { wanted: ({ generation }) => generation === 2 });
    expect(await scene.s3.keys()).toEqual(['edited.bin', 'edited.bin.metadata.json']);
    await witness.testify();
  });

  test('one whose mode and times alone change is looked at and keeps its object', async (context) => {
    const scene = await openScene(context);
    const path = scene.path('kept.bin');
    await writeFile(path, content(CHUNK_BYTES + 1));
    const before = await expectDelivered(scene, 'kept.bin');
    await chmod(path, 0o600);
    await utimes(path, new Date(), new Date());
    const { ctimeNs } = await stat(path, { bigint: true });
    const { stream } = await expectDelivered(scene, 'kept.bin', {
      wanted: ({ completion }) => completion?.freeze.ctimeNs === String(ctimeNs),
    });
    expect(stream.generation).toBe(1);
    expect(stream.completion?.etag).toBe(before.stream.completion?.etag);
    expect(await uploadsOf(scene, 'kept.bin')).toBe(1);
  });

  test('F60 one that is cut shorter gets a key of its own and its former object stays', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    const path = scene.path('cut.bin');
    const whole = content(2 * CHUNK_BYTES);
    await writeFile(path, whole);
    await expectDelivered(scene, 'cut.bin');
    await truncate(path, CHUNK_BYTES + 3);
    await expectDelivered(scene, 'cut.bin', { key: 'cut~2.bin', wanted: ({ generation }) => generation === 2 });
    await expectObject(scene, 'cut.bin', fileOfBytes(whole));
    await witness.testify();
  });
});

describe.concurrent('a file that is cut while it grows', { timeout: 120_000 }, () => {
  test('F60 goes on under another key, and the upload of what was cut off is kept and listed', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    const recording = await Recording.start(context, scene.path('take.bin'));
    await recording.append(3 * CHUNK_BYTES);
    const { uploadId } = await scene.daemon.waitForState('take.bin', ({ partsHeld }) => partsHeld >= 2);
    await recording.truncate(0);
    await recording.append(CHUNK_BYTES + 9);
    await recording.close();
    const stream = await scene.daemon.waitForState('take.bin', 'completed');
    expect(stream).toMatchObject({ key: 'take~2.bin', generation: 2 });
    expect(stream.leftUploads).toMatchObject([{ target: { key: 'take.bin' }, uploadId, why: 'truncated' }]);
    await expectObject(scene, 'take~2.bin', await fileOf(scene.path('take.bin')));
    expect(await scene.s3.openUploads()).toEqual([{ key: 'take.bin', uploadId }]);
    expect(await scene.s3.keys()).toEqual(['take~2.bin', 'take~2.bin.metadata.json']);
    await witness.testify();
  });

  test('by less than what was sent goes on as the same upload', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    const recording = await Recording.start(context, scene.path('trimmed.bin'));
    await recording.append(2 * CHUNK_BYTES + 2 * MIB);
    await scene.daemon.waitForState('trimmed.bin', ({ partsHeld }) => partsHeld >= 2);
    await recording.truncate(2 * CHUNK_BYTES + MIB);
    await recording.close();
    const { stream } = await expectDelivered(scene, 'trimmed.bin');
    expect(stream).toMatchObject({ generation: 1, leftUploads: [] });
    await witness.testify();
  });

  test('F60 and refilled faster than anybody looks arrives as it is', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    const recording = await Recording.start(context, scene.path('refilled.bin'));
    await recording.append(3 * CHUNK_BYTES);
    await scene.daemon.waitForState('refilled.bin', ({ partsHeld }) => partsHeld >= 2);
    await recording.truncate(0);
    await recording.overwrite(0, content(4 * CHUNK_BYTES + 1, 8));
    await recording.close();
    await scene.daemon.waitForState('refilled.bin', 'completed');
    const stream = await scene.daemon.stream('refilled.bin');
    await expectObject(scene, stream?.key ?? '', await fileOf(scene.path('refilled.bin')));
    await witness.testify();
  });

  test('F60 by a rotation that copies and truncates arrives in all its pieces', async (context) => {
    const scene = await openScene(context);
    const logger = await Recording.start(context, scene.path('app.log'), { flags: 'a' });
    await logger.append(2 * CHUNK_BYTES + MIB);
    await scene.daemon.waitForState('app.log', ({ partsHeld }) => partsHeld >= 2);
    await copyFile(scene.path('app.log'), scene.path('app.log.1'));
    await logger.truncate(0);
    await logger.append(MIB);
    await logger.close();
    await scene.daemon.waitForStreams(
      'both are completed',
      (streams) => streams.filter(({ status }) => status === 'completed').length === 2,
    );
    await expectObject(scene, 'app.log.1', await fileOf(scene.path('app.log.1')));
    await expectObject(scene, 'app~2.log', await fileOf(scene.path('app.log')));
    expect((await scene.s3.openUploads()).map(({ key }) => key)).toEqual(['app.log']);
  });
});
