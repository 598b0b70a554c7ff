// Redis is a notebook: away, emptied or late, it stops nothing; afterwards it is right.

import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { freePort } from '../../fixtures/free-port.ts';
import { content } from '../../fixtures/writers/content.ts';
import { Recording } from '../../fixtures/writers/recording.ts';
import { expectDelivered } from '../harness/proof.ts';
import { CHUNK_BYTES, MIB, openScene, type Scene } from '../harness/scene.ts';
import { until } from '../harness/waiting.ts';
import { onceEach, RedisSight, timesTaken } from './looking.ts';

const NAME = 'take.mkv';

/** A recording of which S3 has two parts, and Redis knows it. */
async function growing(context: Parameters<typeof openScene>[0]) {
  const scene = await openScene(context, { redis: true });
  const sight = new RedisSight(context, scene);
  const recording = await Recording.start(context, scene.path(NAME));
  await recording.append(2 * CHUNK_BYTES + MIB);
  const { id } = await scene.daemon.waitForState(NAME, ({ partsHeld }) => partsHeld === 2);
  await sight.waitFor('two parts', id, ({ parts }) => parts.length === 2);
  return { scene, sight, recording, id };
}

const registryReachable = async (scene: Scene): Promise<unknown> => {
  const { daemon } = (await scene.daemon.json('/api/v1/streams?limit=1')) as { daemon: Record<string, unknown> };
  return daemon['registryReachable'];
};

const partsHeld = (scene: Scene, parts: number) =>
  scene.daemon.waitForState(NAME, (stream) => stream.partsHeld === parts);

const COMPLETED = { sets: ['streams:completed'], parts: [], state: null };

describe.concurrent('Redis', { timeout: 120_000 }, () => {
  test('F47 killed while files grow and back again: nothing stops, afterwards it is right', async (context) => {
    const { scene, sight, recording, id } = await growing(context);
    await scene.redis?.kill();
    await recording.append(2 * CHUNK_BYTES);
    await partsHeld(scene, 4);
    await writeFile(scene.path('small.log'), content(1000, 9));
    await scene.daemon.waitForState('small.log', 'completed');
    await until('the daemon says so', async () => ((await registryReachable(scene)) === false ? true : null));
    await scene.redis?.start();
    await sight.waitFor('all parts', id, ({ parts }) => parts.join() === '1,2,3,4');
    expect(await registryReachable(scene)).toBe(true);
    const small = (await scene.daemon.stream('small.log'))?.id ?? '';
    await sight.waitFor('the one that was finished meanwhile', small, ({ meta }) => meta['status'] === 'completed');
    await recording.close();
    const { stream } = await expectDelivered(scene, NAME);
    expect(stream.generation).toBe(1);
    expect(await timesTaken(scene, NAME)).toEqual(onceEach(5));
    await sight.waitFor('it as completed', id, ({ meta }) => meta['status'] === 'completed');
    for (const each of [id, small]) expect(await sight.of(each)).toMatchObject(COMPLETED);
  });

  test('F48 emptied under a living daemon: written again, each stream in exactly one set, its parts complete', async (context) => {
    const { scene, sight, recording, id } = await growing(context);
    await writeFile(scene.path('small.log'), content(1000, 9));
    const { id: small } = await scene.daemon.waitForState('small.log', 'completed');
    await sight.waitFor('it as completed', small, ({ meta }) => meta['status'] === 'completed');
    await sight.redis.flushall();
    await recording.append(CHUNK_BYTES);
    await partsHeld(scene, 3);
    await sight.waitFor('three parts', id, ({ parts }) => parts.join() === '1,2,3');
    expect((await sight.of(id)).sets).toEqual(['streams:active']);
    await sight.waitFor('the finished one', small, ({ sets }) => sets.length > 0);
    expect(await sight.of(small)).toMatchObject(COMPLETED);
    expect(await sight.redis.keys('lease:*')).toHaveLength(1);
    await recording.close();
    await expectDelivered(scene, NAME);
  });

  test('F48 emptied while the daemon was dead: written again from STATE_DIR, before anything else happens', async (context) => {
    const { scene, sight, recording, id } = await growing(context);
    await scene.daemon.kill();
    await sight.redis.flushall();
    await scene.daemon.start();
    await sight.waitFor('two parts', id, ({ parts }) => parts.join() === '1,2');
    expect((await sight.of(id)).sets).toEqual(['streams:active']);
    await recording.append(CHUNK_BYTES);
    await partsHeld(scene, 3);
    await recording.close();
    const { stream } = await expectDelivered(scene, NAME);
    expect(stream.generation).toBe(1);
    expect(await timesTaken(scene, NAME)).toEqual(onceEach(4));
  });

  test('F46 refused at the start: the daemon works, and says so; it is written when it comes', async (context) => {
    const port = await freePort();
    const scene = await openScene(context, { settings: { REDIS_URL: `redis://127.0.0.1:${port}` } });
    await scene.daemon.waitForLog('Redis does not answer');
    expect(await registryReachable(scene)).toBe(false);
    await writeFile(scene.path(NAME), content(CHUNK_BYTES + MIB));
    await expectDelivered(scene, NAME);
    expect((await scene.daemon.text('/metrics')).match(/^tailrace_registry_reachable \d$/m)?.[0]).toBe(
      'tailrace_registry_reachable 0',
    );
  });

  test('F49 rolled back to an older dump while the daemon was dead: the journal is newer, nothing is done twice', async (context) => {
    const { scene, sight, recording, id } = await growing(context);
    const dumps = new Map<string, Buffer>();
    for (const key of [`stream:${id}:meta`, `stream:${id}:parts`, `stream:${id}:snapshot`]) {
      const dump = await sight.redis.dumpBuffer(key);
      if (dump) dumps.set(key, dump);
    }
    await recording.append(2 * CHUNK_BYTES);
    await partsHeld(scene, 4);
    await sight.waitFor('four parts', id, ({ parts }) => parts.length === 4);
    await scene.daemon.kill();
    for (const [key, dump] of dumps) await sight.redis.restore(key, 0, dump, 'REPLACE');
    await scene.daemon.start();
    await sight.waitFor('four parts again', id, ({ parts }) => parts.join() === '1,2,3,4');
    await recording.close();
    const { stream } = await expectDelivered(scene, NAME);
    expect(stream.generation).toBe(1);
    expect(await timesTaken(scene, NAME)).toEqual(onceEach(5));
  });
});
