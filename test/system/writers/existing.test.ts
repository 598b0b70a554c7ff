// Files that were there before the daemon.

import { appendFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { content } from '../../fixtures/writers/content.ts';
import { callWitness, expectDelivered } from '../harness/proof.ts';
import { CHUNK_BYTES, MIB, openScene, type Scene } from '../harness/scene.ts';
import { until } from '../harness/waiting.ts';

/** Resolves when a whole sweep began and ended after this call. */
async function nextSweep(scene: Scene): Promise<void> {
  const lastSweepAtMs = async () =>
    ((await scene.daemon.json('/api/v1/streams')) as { daemon: { lastSweepAtMs: number } }).daemon.lastSweepAtMs;
  for (let sweeps = 0; sweeps < 2; sweeps += 1) {
    const before = await lastSweepAtMs();
    await until('the next sweep', async () => ((await lastSweepAtMs()) > before ? true : null));
  }
}

describe.concurrent('files found at start', { timeout: 120_000 }, () => {
  test('upload: they are carried too', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    await writeFile(scene.path('old.bin'), content(2 * CHUNK_BYTES + 1));
    await writeFile(scene.path('old-empty.bin'), '');
    await scene.daemon.start();
    const witness = callWitness(context, scene);
    await expectDelivered(scene, 'old.bin');
    await scene.daemon.waitForState('old-empty.bin', 'aborted_no_parts');
    await witness.testify();
  });

  test('skip: only those that appear or grow from now on are carried', async (context) => {
    const scene = await openScene(context, { startDaemon: false, settings: { WATCH_EXISTING: 'skip' } });
    await writeFile(scene.path('untouched.bin'), content(CHUNK_BYTES + 1, 1));
    await writeFile(scene.path('grows.bin'), content(CHUNK_BYTES, 2));
    await scene.daemon.start();
    await writeFile(scene.path('new.bin'), content(MIB, 3));
    await appendFile(scene.path('grows.bin'), content(MIB, 4));
    await expectDelivered(scene, 'new.bin');
    await expectDelivered(scene, 'grows.bin');
    await nextSweep(scene);
    expect(await scene.daemon.stream('untouched.bin')).toBeNull();
    expect((await scene.s3.keys()).filter((key) => key.startsWith('untouched'))).toEqual([]);
  });

  test('skip: what a completed file gained while no daemon ran is carried all the same', async (context) => {
    const scene = await openScene(context, { settings: { WATCH_EXISTING: 'skip' } });
    await writeFile(scene.path('known.bin'), content(CHUNK_BYTES, 5));
    await expectDelivered(scene, 'known.bin');
    expect(await scene.daemon.drain()).toBe(0);
    await appendFile(scene.path('known.bin'), content(MIB, 6));
    await writeFile(scene.path('unknown.bin'), content(MIB, 7));
    await scene.daemon.start();
    const { file } = await expectDelivered(scene, 'known.bin', { wanted: ({ generation }) => generation === 2 });
    expect(file.sizeBytes).toBe(CHUNK_BYTES + MIB);
    await nextSweep(scene);
    expect(await scene.daemon.stream('unknown.bin')).toBeNull();
  });

  test('what was finished before a restart is seen after it, and left alone', async (context) => {
    const scene = await openScene(context);
    await writeFile(scene.path('done.bin'), content(CHUNK_BYTES + 1, 8));
    await writeFile(scene.path('empty.bin'), '');
    const { stream } = await expectDelivered(scene, 'done.bin');
    await scene.daemon.waitForState('empty.bin', 'aborted_no_parts');
    await scene.daemon.restart();
    expect(await scene.daemon.stream('done.bin')).toMatchObject({
      id: stream.id,
      status: 'completed',
      key: 'done.bin',
      sizeBytes: CHUNK_BYTES + 1,
      sentBytes: CHUNK_BYTES + 1,
      atRiskBytes: 0,
      completion: stream.completion,
    });
    expect(await scene.daemon.stream('empty.bin')).toMatchObject({ status: 'aborted_no_parts' });
    await nextSweep(scene);
    const uploads = (await scene.s3.requests()).filter(({ operation }) => operation === 'CreateMultipartUpload');
    expect(uploads.filter(({ key }) => key === 'done.bin')).toHaveLength(1);
    expect(await scene.s3.openUploads()).toEqual([]);
  });
});
