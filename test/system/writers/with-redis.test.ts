// The same daemon with Redis: what arrives is the same, and what other programs see in Redis follows it and never runs ahead.

import { writeFile } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { describe, expect, type TestContext, test } from 'vitest';
import { STATUS_SETS } from '../../../src/machines/stream-status.ts';
import { content } from '../../fixtures/writers/content.ts';
import { MEDIA_WRITERS, record } from '../../fixtures/writers/media-writers.ts';
import { Recording } from '../../fixtures/writers/recording.ts';
import { callWitness, expectDelivered } from '../harness/proof.ts';
import { BUCKET } from '../harness/s3-server.ts';
import { CHUNK_BYTES, openScene, type Scene } from '../harness/scene.ts';
import { until } from '../harness/waiting.ts';

async function openWithRedis(context: TestContext): Promise<{ scene: Scene; redis: Redis }> {
  const scene = await openScene(context, { redis: true });
  const redis = new Redis(scene.redis?.url ?? '', { maxRetriesPerRequest: 1 });
  context.onTestFinished(() => redis.disconnect());
  redis.on('error', () => {});
  return { scene, redis };
}

const setsWith = async (redis: Redis, id: string): Promise<readonly string[]> => {
  const found: string[] = [];
  for (const name of STATUS_SETS) if (await redis.sismember(name, id)) found.push(name);
  return found;
};

interface Told {
  readonly status: string;
  readonly fields: Readonly<Record<string, string>>;
}

async function eventsOf(redis: Redis, id: string): Promise<readonly Told[]> {
  const entries = await redis.xrange('streams:events', '-', '+');
  return entries
    .map(([, texts]) => Object.fromEntries(pairs(texts)))
    .filter((fields) => fields['stream_id'] === id)
    .map((fields) => ({ status: fields['status'] ?? '', fields }));
}

const pairs = (texts: readonly string[]): [string, string][] =>
  texts.flatMap((text, index) => (index % 2 === 0 ? [[text, texts[index + 1] ?? ''] as [string, string]] : []));

/** A life without interruption. Each status is told, also one that lasted less than a save takes. */
const LIFE = ['active', 'pending_completion', 'finalizing', 's3_completed', 'completed'];

/** Redis follows the API: waits until the stream is in exactly the set. */
const waitForSet = (redis: Redis, id: string, set: string): Promise<true> =>
  until(`${id} is in ${set}`, async () => ((await setsWith(redis, id)).join() === set ? true : null));

describe.concurrent('with Redis', { timeout: 120_000 }, () => {
  test('a recording arrives, and Redis tells its life in order and keeps no parts of it', async (context) => {
    const { scene, redis } = await openWithRedis(context);
    const witness = callWitness(context, scene);
    const recording = record(context, MEDIA_WRITERS.mp4, scene.path('take.mp4'), scene.folder);
    const { id } = await scene.daemon.waitForState('take.mp4', ({ partsHeld }) => partsHeld > 0);
    await until('its parts are seen', async () => ((await redis.hlen(`stream:${id}:parts`)) > 0 ? true : null));
    expect(await setsWith(redis, id)).toEqual(['streams:active']);
    await recording;
    const { receipt, file } = await expectDelivered(scene, 'take.mp4');
    await witness.testify();
    await waitForSet(redis, id, 'streams:completed');
    expect(await redis.hgetall(`stream:${id}:meta`)).toMatchObject({
      original_path: scene.path('take.mp4'),
      s3_bucket: BUCKET,
      s3_key: 'take.mp4',
      status: 'completed',
      failure_reason: '',
      generation: '1',
      total_bytes_sent: String(file.sizeBytes),
    });
    expect(await redis.exists(`stream:${id}:parts`, `stream:${id}:snapshot`)).toBe(0);
    expect(await redis.zscore('streams:due', id)).toBeNull();
    const events = await eventsOf(redis, id);
    expect(events.map(({ status }) => status)).toEqual(LIFE);
    expect(events.at(-1)).toMatchObject({
      status: 'completed',
      fields: { bucket: BUCKET, key: 'take.mp4', size: String(receipt.size) },
    });
  });

  test('at the moment at which Redis tells a completion, the object is there', async (context) => {
    const { scene, redis } = await openWithRedis(context);
    const listening = redis.duplicate();
    context.onTestFinished(() => listening.disconnect());
    const names = Array.from({ length: 8 }, (_, index) => `file-${index}.bin`);
    for (const [index, name] of names.entries())
      await writeFile(scene.path(name), content(CHUNK_BYTES + index, index + 1));
    const proven = new Set<string>();
    let last = '0';
    while (proven.size < names.length) {
      const found = await listening.xread('BLOCK', 30_000, 'STREAMS', 'streams:events', last);
      if (!found) throw new Error(`only ${proven.size} were told`);
      for (const [entry, texts] of found[0]?.[1] ?? []) {
        last = entry;
        const { status, key = '', size } = Object.fromEntries(pairs(texts));
        if (!['s3_completed', 'completed'].includes(status ?? '')) continue;
        expect((await scene.s3.objectOf(key))?.sizeBytes, key).toBe(Number(size));
        proven.add(key);
      }
    }
    expect([...proven].sort()).toEqual(names);
    for (const name of names) await expectDelivered(scene, name);
  });

  test('an empty file is told as aborted, and comes back as active when it grows', async (context) => {
    const { scene, redis } = await openWithRedis(context);
    await writeFile(scene.path('late.bin'), '');
    const { id } = await scene.daemon.waitForState('late.bin', 'aborted_no_parts');
    await waitForSet(redis, id, 'streams:aborted');
    const recording = await Recording.start(context, scene.path('late.bin'), { flags: 'r+' });
    await recording.append(CHUNK_BYTES + 1);
    await waitForSet(redis, id, 'streams:active');
    await recording.close();
    await expectDelivered(scene, 'late.bin');
    await waitForSet(redis, id, 'streams:completed');
  });

  test('a file that grows again is told again, with its next generation', async (context) => {
    const { scene, redis } = await openWithRedis(context);
    const witness = callWitness(context, scene);
    await writeFile(scene.path('grows.bin'), content(CHUNK_BYTES + 5));
    const { stream } = await expectDelivered(scene, 'grows.bin');
    const again = await Recording.start(context, scene.path('grows.bin'), { seed: 2, flags: 'r+' });
    await again.append(CHUNK_BYTES);
    await again.close();
    await expectDelivered(scene, 'grows.bin', { wanted: ({ generation }) => generation === 2 });
    await waitForSet(redis, stream.id, 'streams:completed');
    expect(await redis.hget(`stream:${stream.id}:meta`, 'generation')).toBe('2');
    const told = (await eventsOf(redis, stream.id)).filter(({ status }) => status === 'completed');
    expect(told.map(({ fields }) => Number(fields['size']))).toEqual([CHUNK_BYTES + 5, 2 * CHUNK_BYTES + 5]);
    await witness.testify();
  });
});
