// The promises of tailrace, each a test whose name is its sentence. Short proofs on the built program; the matrices behind them
// are in test/system, test/actors and test/machines.

import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { content } from '../fixtures/writers/content.ts';
import { Recording } from '../fixtures/writers/recording.ts';
import { callWitness, expectDelivered, fileOf, fileOfBytes } from '../system/harness/proof.ts';
import { CHUNK_BYTES, MIB, openScene } from '../system/harness/scene.ts';
import { until } from '../system/harness/waiting.ts';
import { completesSent, onceEach, RedisSight, requestsFor, timesTaken } from '../system/recovery/looking.ts';

const NAME = 'take.mp4';
const TIMES_THE_TIMEOUT_MS = 9_000;

describe.concurrent('tailrace promises', { timeout: 120_000 }, () => {
  test('A stream is called completed only when its object is byte for byte the file at one instant (the freeze), and the file was still that one immediately before Complete was sent and after the proof.', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    const recording = await Recording.start(context, scene.path(NAME));
    await recording.append(3 * CHUNK_BYTES + MIB);
    await scene.daemon.waitForState(NAME, ({ partsHeld }) => partsHeld === 3);
    await recording.overwrite(40, content(4, 7));
    await recording.overwriteSecretly(CHUNK_BYTES + 17, content(64, 8));
    await recording.close();
    await expectDelivered(scene, NAME);
    await witness.testify();
    const sent = await timesTaken(scene, NAME);
    expect([sent[1], sent[2], sent[3]], 'the two patched parts were sent again, the other was not').toEqual([2, 2, 1]);
  });

  test('No fault, in any order, makes tailrace drop bytes it could still deliver.', async (context) => {
    const scene = await openScene(context);
    const recording = await Recording.start(context, scene.path(NAME));
    await recording.append(2 * CHUNK_BYTES + MIB);
    await scene.daemon.waitForState(NAME, ({ partsHeld }) => partsHeld === 2);
    await scene.s3.addFaults(
      { operation: 'UploadPart', key: NAME, fault: 'status503', times: 3 },
      { operation: 'CompleteMultipartUpload', key: NAME, fault: 'dropReply', times: 1 },
    );
    const [upload] = await scene.s3.openUploads();
    if (!upload) throw new Error('no upload is open');
    await scene.s3.abortUpload(upload);
    await recording.append(2 * CHUNK_BYTES);
    await scene.daemon.restart();
    await recording.close();
    await expectDelivered(scene, NAME);
    const ofTake = async (operation: 'AbortMultipartUpload' | 'UploadPart') =>
      (await requestsFor(scene, operation)).filter(({ key }) => key === NAME).map(({ uploadId }) => uploadId);
    const filled = await ofTake('UploadPart');
    const aborted = (await ofTake('AbortMultipartUpload')).filter(
      (id) => id !== upload.uploadId && filled.includes(id),
    );
    expect(aborted, 'it aborted nothing that held parts').toEqual([]);
  });

  test('`s3_completed` means verified; `failed` says why, and what would cure it; nothing vanishes from sight.', async (context) => {
    const scene = await openScene(context, { settings: { S3_ON_EXISTING: 'fail' } });
    const witness = callWitness(context, scene);
    await scene.s3.putObject(NAME, content(10, 3));
    await writeFile(scene.path(NAME), content(MIB, 1));
    await writeFile(scene.path('other.mp4'), content(MIB, 2));
    const failed = await scene.daemon.waitForState(NAME, 'failed_conflict');
    expect(failed.failure).toMatchObject({
      code: 'foreign_object',
      cure: 'operator',
      hint: expect.stringContaining('S3_ON_EXISTING'),
    });
    await scene.daemon.waitForState('other.mp4', 'completed');
    await witness.testify();
    await scene.daemon.restart();
    await scene.daemon.waitForState(NAME, 'failed_conflict');
    expect((await scene.s3.objectOf(NAME))?.sha256).toBe(fileOfBytes(content(10, 3)).sha256);
  });

  test('After kill -9 at any instant, a restart goes on from what S3 really holds; bytes sent again are at most the parts that were in flight.', async (context) => {
    const scene = await openScene(context, { s3OwnProcess: true });
    await writeFile(scene.path(NAME), content(8 * CHUNK_BYTES + MIB));
    for (const held of [1, 3, 5]) {
      await scene.daemon.waitForState(NAME, ({ partsHeld, status }) => partsHeld >= held || status === 'completed');
      await scene.daemon.restart();
    }
    await expectDelivered(scene, NAME);
    const sent = await timesTaken(scene, NAME);
    const again = Object.values(sent).reduce((sum, times) => sum + times - 1, 0);
    expect(again, 'parts in flight at three kills, four at most each').toBeLessThanOrEqual(3 * 4);
    expect(Object.keys(sent).length).toBe(9);
  });

  test('Redis may be away, emptied, or stale: uploads and finalizing go on, nothing is lost or doubled, and the notebook is written again.', async (context) => {
    const scene = await openScene(context, { redis: true });
    const sight = new RedisSight(context, scene);
    const recording = await Recording.start(context, scene.path(NAME));
    await recording.append(2 * CHUNK_BYTES + MIB);
    const { id } = await scene.daemon.waitForState(NAME, ({ partsHeld }) => partsHeld === 2);
    await sight.waitFor('two parts', id, ({ parts }) => parts.length === 2);
    await sight.redis.flushall();
    await recording.append(CHUNK_BYTES);
    await sight.waitFor('all three parts again', id, ({ parts }) => parts.join() === '1,2,3');
    await scene.redis?.kill();
    await recording.close();
    await expectDelivered(scene, NAME);
    expect(await timesTaken(scene, NAME)).toEqual(onceEach(4));
    await scene.redis?.start();
    const seen = await sight.waitFor('it completed', id, ({ meta }) => meta['status'] === 'completed');
    expect(seen.sets).toEqual(['streams:completed']);
  });

  test("Never two objects for one stream generation, never someone else's object overwritten, never an orphaned upload that nobody lists.", async (context) => {
    const scene = await openScene(context);
    const foreign = content(100, 5);
    await scene.s3.putObject(NAME, foreign);
    // With its key: the probe of the start completes an upload too.
    await scene.s3.addFaults({
      ...{ operation: 'CompleteMultipartUpload', key: 'take~2.mp4', fault: 'dropReply', times: 1 },
    } as const);
    await writeFile(scene.path(NAME), content(2 * CHUNK_BYTES + 5));
    await expectDelivered(scene, NAME, { key: 'take~2.mp4' });
    expect((await scene.s3.objectOf(NAME))?.sha256).toBe(fileOfBytes(foreign).sha256);
    expect([...(await scene.s3.keys())].sort()).toEqual([NAME, 'take~2.mp4', 'take~2.mp4.metadata.json']);
    expect(await completesSent(scene, 'take~2.mp4'), 'a Complete that took place is not sent twice').toBe(1);
  });

  test('Memory, sockets, retries, Redis size and bytes re-sent have named limits, whatever the number or size of the files.', async (context) => {
    const scene = await openScene(context, { settings: { UPLOAD_CONCURRENCY: '3' }, startDaemon: false });
    for (let n = 0; n < 12; n += 1) await writeFile(scene.path(`${n}.bin`), content(2 * CHUNK_BYTES, n));
    await scene.s3.addFaults({ operation: 'UploadPart', fault: 'slow', delayMs: 50 });
    await scene.daemon.start();
    await scene.daemon.waitForStreams(
      'all are there',
      (all) => all.length === 12 && all.every(({ status }) => status === 'completed'),
    );
    const sends = (await requestsFor(scene, 'UploadPart')).filter(({ key }) => key?.endsWith('.bin'));
    const ends = sends.map(({ endedAtMs }) => endedAtMs ?? Number.POSITIVE_INFINITY);
    const together = sends.map(
      ({ startedAtMs: at }) => sends.filter((other, i) => other.startedAtMs <= at && at < (ends[i] ?? 0)).length,
    );
    expect(Math.max(...together)).toBeGreaterThan(1);
    expect(Math.max(...together)).toBeLessThanOrEqual(3);
    expect(sends.length, 'no part was sent twice').toBe(24);
  });

  test('Finalization begins when the writer is seen to be done; where that cannot be seen, a timer decides and late bytes make the next generation; while a writer is known to hold the file open, no idle time finalizes it.', async (context) => {
    const scene = await openScene(context);
    const held = await Recording.start(context, scene.path('held.mp4'));
    await held.append(CHUNK_BYTES + MIB);
    await scene.daemon.waitForState('held.mp4', ({ writer, partsHeld }) => writer === 'open' && partsHeld === 1);
    const quietSinceMs = Date.now();
    await writeFile(scene.path(NAME), content(MIB, 1));
    const { stream } = await expectDeliveredBeside(scene, NAME);
    expect(stream.generation).toBe(1);
    await writeFile(scene.path(NAME), content(MIB, 2), { flag: 'a' });
    await scene.daemon.waitForState(NAME, (each) => each.status === 'completed' && each.generation === 2);
    expect((await scene.s3.objectOf(NAME))?.sha256).toBe((await fileOf(scene.path(NAME))).sha256);
    await until(
      'three times the timeout have passed',
      () => (Date.now() - quietSinceMs > TIMES_THE_TIMEOUT_MS ? true : null),
      20_000,
    );
    expect((await scene.daemon.stream('held.mp4'))?.state).toBe('active.waiting');
    await held.close();
    await scene.daemon.waitForState('held.mp4', 'completed', 15_000);
  });

  test('When faults stop, every stream whose writer has let go reaches a final state without an operator, except where only a person can cure the cause (credentials, bucket, permissions); then it waits, says so, and goes on by itself when cured.', async (context) => {
    const scene = await openScene(context, { s3OwnProcess: true });
    await scene.s3.stop();
    await writeFile(scene.path(NAME), content(2 * CHUNK_BYTES));
    await scene.daemon.waitForState(NAME, ({ attempt }) => attempt >= 2);
    await scene.s3.start();
    await expectDelivered(scene, NAME);

    const cured = await openScene(context, { startDaemon: false });
    await cured.s3.deleteBucket();
    await cured.daemon.start({ until: 'listening' });
    await writeFile(cured.path(NAME), content(MIB));
    const parked = await cured.daemon.waitForState(NAME, 'failed.parked');
    expect(parked.failure).toMatchObject({ code: 's3_no_such_bucket', cure: 'operator' });
    await cured.s3.createBucket();
    await expectDelivered(cured, NAME);
  });
});

/** As expectDelivered, while another stream still has its upload open. */
async function expectDeliveredBeside(scene: Awaited<ReturnType<typeof openScene>>, name: string) {
  const stream = await scene.daemon.waitForState(name, 'completed');
  expect((await scene.s3.objectOf(name))?.sha256).toBe((await fileOf(scene.path(name))).sha256);
  return { stream };
}
