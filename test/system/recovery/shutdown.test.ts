// Ends that were asked for: SIGTERM drains and the next start goes on; --once ends when all is done and says whether it was.

import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { content } from '../../fixtures/writers/content.ts';
import { Recording } from '../../fixtures/writers/recording.ts';
import { expectDelivered, expectObject, fileOf } from '../harness/proof.ts';
import { CHUNK_BYTES, MIB, openScene } from '../harness/scene.ts';
import { onceEach, RedisSight, requestsFor, timesTaken } from './looking.ts';

const NAME = 'take.mkv';

describe.concurrent('SIGTERM', { timeout: 120_000 }, () => {
  test('F12 while a file grows: exit 0 within the grace, what is in flight is finished; the restart goes on', async (context) => {
    const scene = await openScene(context, { redis: true });
    const sight = new RedisSight(context, scene);
    await scene.s3.addFaults({ operation: 'UploadPart', key: NAME, fault: 'slow', delayMs: 1_500 });
    const recording = await Recording.start(context, scene.path(NAME));
    await recording.append(12 * CHUNK_BYTES + MIB);
    const { id } = await scene.daemon.waitForState(NAME, 'active.uploading');
    const askedAtMs = Date.now();
    expect(await scene.daemon.drain()).toBe(0);
    expect(Date.now() - askedAtMs).toBeLessThan(10_000);
    await scene.s3.clearFaults();
    const taken = await timesTaken(scene, NAME);
    expect(Object.keys(taken).length).toBeGreaterThan(0);
    expect(Object.keys(taken).length, 'no new part began (four are in flight at once)').toBeLessThanOrEqual(8);
    expect((await sight.of(id)).parts.join(), 'Redis has what was finished').toBe(Object.keys(taken).join());
    await scene.daemon.start();
    await recording.append(CHUNK_BYTES);
    await recording.close();
    const { stream } = await expectDelivered(scene, NAME);
    expect(stream.generation).toBe(1);
    expect(await timesTaken(scene, NAME)).toEqual(onceEach(14));
  });

  test('F12 that cannot end in time is cut off at the grace, and nothing is lost', async (context) => {
    const scene = await openScene(context, { settings: { SHUTDOWN_GRACE_SECONDS: '1' } });
    await scene.s3.addFaults({ operation: 'UploadPart', key: NAME, partNumber: 2, fault: 'stall', times: 1 });
    await writeFile(scene.path(NAME), content(2 * CHUNK_BYTES + MIB));
    await scene.daemon.waitForState(NAME, ({ partsHeld }) => partsHeld === 1);
    const askedAtMs = Date.now();
    expect(await scene.daemon.drain()).toBe(0);
    expect(Date.now() - askedAtMs).toBeLessThan(6_000);
    await scene.daemon.start();
    const { stream } = await expectDelivered(scene, NAME);
    expect(stream.generation).toBe(1);
    expect((await timesTaken(scene, NAME))[1]).toBe(1);
  });

  test('F12 under a Complete on its way: its answer is waited for, no second one is sent', async (context) => {
    const scene = await openScene(context);
    await scene.s3.addFaults({ operation: 'CompleteMultipartUpload', key: NAME, fault: 'slow', delayMs: 2_000 });
    await writeFile(scene.path(NAME), content(CHUNK_BYTES + MIB));
    await scene.daemon.waitForState(NAME, 'finalizing.completing');
    expect(await scene.daemon.drain()).toBe(0);
    await scene.daemon.start();
    await expectDelivered(scene, NAME);
    const completes = (await requestsFor(scene, 'CompleteMultipartUpload')).filter(({ key }) => key === NAME);
    expect(completes).toHaveLength(1);
  });

  test('a second one hurries', async (context) => {
    const scene = await openScene(context);
    await scene.s3.addFaults({ operation: 'UploadPart', key: NAME, fault: 'stall' });
    await writeFile(scene.path(NAME), content(2 * CHUNK_BYTES));
    await scene.daemon.waitForState(NAME, 'active.uploading');
    scene.daemon.signal('SIGTERM');
    await scene.daemon.waitForLog('draining');
    scene.daemon.signal('SIGTERM');
    expect(await scene.daemon.ended()).toEqual({ exitCode: 143, signal: null });
    await scene.s3.clearFaults();
    await scene.daemon.start();
    await expectDelivered(scene, NAME);
  });
});

describe.concurrent('--once', { timeout: 120_000 }, () => {
  test('ends with 0 when every file is delivered', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    for (const [at, name] of ['a.mkv', 'b.log', 'empty.txt'].entries())
      await writeFile(scene.path(name), content(name === 'empty.txt' ? 0 : (2 - at) * CHUNK_BYTES + 77, at));
    await scene.daemon.start({ args: ['--once'], until: 'nothing' });
    expect(await scene.daemon.ended()).toEqual({ exitCode: 0, signal: null });
    for (const name of ['a.mkv', 'b.log']) await expectObject(scene, name, await fileOf(scene.path(name)));
    expect(await scene.s3.keys()).toHaveLength(4);
    expect(await scene.s3.openUploads()).toEqual([]);
    await scene.daemon.start({ args: ['--once'], until: 'nothing' });
    expect(await scene.daemon.ended(), 'again, with nothing to do').toEqual({ exitCode: 0, signal: null });
    expect((await requestsFor(scene, 'CompleteMultipartUpload')).filter(({ key }) => key === 'a.mkv')).toHaveLength(1);
  });

  test('ends with 1 when something failed, and the others are delivered all the same', async (context) => {
    const scene = await openScene(context, { startDaemon: false, settings: { S3_ON_EXISTING: 'fail' } });
    await scene.s3.putObject('taken.mkv', content(9));
    await writeFile(scene.path('taken.mkv'), content(CHUNK_BYTES + 5));
    await writeFile(scene.path('good.mkv'), content(CHUNK_BYTES + 6, 2));
    await scene.daemon.start({ args: ['--once'], until: 'nothing' });
    expect(await scene.daemon.ended()).toEqual({ exitCode: 1, signal: null });
    expect(await scene.s3.bytesOf('taken.mkv')).toEqual(content(9));
    await expectObject(scene, 'good.mkv', await fileOf(scene.path('good.mkv')));
  });
});

const FOREIGN = content(123, 99);

describe.concurrent('a foreign object at the key', { timeout: 120_000 }, () => {
  test('rename: the file gets the next name, the foreign object is untouched', async (context) => {
    const scene = await openScene(context);
    await scene.s3.putObject(NAME, FOREIGN);
    await writeFile(scene.path(NAME), content(CHUNK_BYTES + MIB));
    await expectDelivered(scene, NAME, { key: 'take~2.mkv' });
    expect(await scene.s3.bytesOf(NAME)).toEqual(FOREIGN);
  });

  test('fail: failed_conflict with the reason, nothing is opened, the file is untouched', async (context) => {
    const scene = await openScene(context, { settings: { S3_ON_EXISTING: 'fail' } });
    await scene.s3.putObject(NAME, FOREIGN);
    const bytes = content(CHUNK_BYTES + MIB);
    await writeFile(scene.path(NAME), bytes);
    const failed = await scene.daemon.waitForState(NAME, 'failed_conflict');
    expect(failed.failure).toMatchObject({
      code: 'foreign_object',
      hint: expect.stringContaining('S3_ON_EXISTING=fail'),
    });
    expect(await scene.s3.bytesOf(NAME)).toEqual(FOREIGN);
    expect((await readFile(scene.path(NAME))).equals(bytes)).toBe(true);
    expect((await scene.s3.openUploads()).filter(({ key }) => key === NAME)).toEqual([]);
  });

  test('overwrite: the file takes its place', async (context) => {
    const scene = await openScene(context, { settings: { S3_ON_EXISTING: 'overwrite' } });
    await scene.s3.putObject(NAME, FOREIGN);
    await writeFile(scene.path(NAME), content(CHUNK_BYTES + MIB));
    await expectDelivered(scene, NAME);
  });

  test('that appears between our look and our Complete: never overwritten; the file goes beside it', async (context) => {
    const scene = await openScene(context);
    const recording = await Recording.start(context, scene.path(NAME));
    await recording.append(CHUNK_BYTES + MIB);
    await scene.daemon.waitForState(NAME, ({ partsHeld }) => partsHeld === 1);
    await scene.s3.putObject(NAME, FOREIGN);
    await recording.close();
    const stream = await scene.daemon.waitForState(NAME, 'completed');
    expect(stream.key).toBe('take~2.mkv');
    await expectObject(scene, 'take~2.mkv', await fileOf(scene.path(NAME)));
    expect(await scene.s3.bytesOf(NAME)).toEqual(FOREIGN);
    expect(stream.leftUploads).toMatchObject([{ why: 'foreign_object', target: { key: NAME } }]);
    expect(
      (await scene.s3.openUploads()).map(({ key }) => key),
      'what was left is shown, not thrown away',
    ).toEqual([NAME]);
  });
});
