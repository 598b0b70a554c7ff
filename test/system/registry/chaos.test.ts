// Whatever happens to Redis while the daemon lives: nothing stops for it, at whatever state a stream is; afterwards it is right.

import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { describe, expect, type TestContext, test } from 'vitest';
import { ReplyCutter } from '../../adapters/redis/reply-cutter.ts';
import { type RedisServer, startRedisServer } from '../../fixtures/redis-server.ts';
import { CHUNK_BYTES, type SceneOptions } from '../harness/scene.ts';
import { pause, until } from '../harness/waiting.ts';
import { dumpOf } from './dump.ts';
import {
  expectAllGoesOn,
  expectAllRight,
  GROWING,
  type HeldStreams,
  holdStreams,
  untilRegistryAnswers,
} from './held-streams.ts';

/** Ten minutes by hand: `OUTAGE_SECONDS=600 npm run test:faults -- test/system/registry/chaos.test.ts -t outage`. */
const OUTAGE_SECONDS = Number(process.env['OUTAGE_SECONDS'] ?? 20);

/** Hurts Redis; returns how to cure it. */
type Trouble = (server: RedisServer, redis: Redis) => Promise<() => Promise<unknown>>;

const NOTHING = async (): Promise<void> => {};

const hanging: Trouble = async (server) => {
  server.pause();
  return async () => server.resume();
};

const emptied: Trouble = async (_server, redis) => {
  await redis.flushall();
  return NOTHING;
};

const unableToSave: Trouble = async (server, redis) => {
  await redis.config('SET', 'save', '3600 1');
  await mkdir(join(server.folder, 'dump.rdb'));
  await redis.bgsave();
  await until('bgsave failed', async () =>
    (await redis.info('persistence')).includes('last_bgsave_status:err') ? true : null,
  );
  return async () => {
    await rmdir(join(server.folder, 'dump.rdb'));
    await redis.config('SET', 'save', '');
  };
};

const replica: Trouble = async (_server, redis) => {
  await redis.replicaof('127.0.0.1', 1);
  return () => redis.replicaof('NO', 'ONE');
};

const full: Trouble = async (_server, redis) => {
  await redis.config('SET', 'maxmemory', '1');
  return () => redis.config('SET', 'maxmemory', '0');
};

/** So slow at reading that it is LOADING for some seconds after a start. */
const SLOW_LOADING = ['--key-load-delay', '40000', '--loading-process-events-interval-bytes', '1024'];

/** One after the other. The growing file goes on under each. */
const refusingWrites =
  (streams: HeldStreams): Trouble =>
  async (server, redis) => {
    let cure = NOTHING as () => Promise<unknown>;
    for (const refuse of [unableToSave, replica, full]) {
      await cure();
      await untilRegistryAnswers(streams.scene);
      cure = await refuse(server, redis);
      await goOn(streams);
    }
    return cure;
  };

/** One more part of the file that grows is sent. */
async function goOn({ scene, growing }: HeldStreams): Promise<void> {
  const { partsHeld } = await scene.daemon.waitForState(GROWING, 'active');
  await growing.append(CHUNK_BYTES);
  await scene.daemon.waitForState(GROWING, (stream) => stream.partsHeld > partsHeld);
}

async function play(streams: HeldStreams, hurt: Trouble): Promise<void> {
  const cure = await hurt(streams.scene.redis as RedisServer, streams.sight.redis);
  await expectAllGoesOn(streams);
  await cure();
  await expectAllRight(streams);
}

/** Nothing stops, nothing is lost or doubled, and afterwards Redis is right. */
const survives = async (context: TestContext, hurt: Trouble, options: SceneOptions = {}): Promise<void> =>
  play(await holdStreams(context, options), hurt);

describe.concurrent('Redis, under a living daemon with a stream in each state,', { timeout: 300_000 }, () => {
  test('F47 hangs and answers nothing: nothing stops, afterwards it is right', (context) => survives(context, hanging));

  test('F48 loses everything (FLUSHALL): all of it is written again', (context) => survives(context, emptied));

  test('F53 refuses writes (MISCONF, then READONLY, then OOM): nothing stops, afterwards it is right', async (context) => {
    const streams = await holdStreams(context);
    await play(streams, refusingWrites(streams));
  });

  test('F49 comes back with an old dump: what we have is newer and is written again', async (context) => {
    const streams = await holdStreams(context);
    const restore = await dumpOf(streams.sight.redis);
    await play(streams, async () => {
      await streams.growing.append(CHUNK_BYTES);
      await streams.scene.daemon.waitForState(GROWING, ({ partsHeld }) => partsHeld === 3);
      await restore();
      return NOTHING;
    });
  });

  test('F51 F52 loses replies after it executed: nothing is written twice', async (context) => {
    const server = await startRedisServer();
    context.onTestFinished(() => server.stop());
    const cutter = new ReplyCutter(server.port);
    context.onTestFinished(() => cutter.close());
    const url = `redis://127.0.0.1:${await cutter.listen()}`;
    const streams = await holdStreams(context, { redisServer: server, settings: { REDIS_URL: url } });
    const cutting = setInterval(() => cutter.loseNextReply(), 300);
    context.onTestFinished(() => clearInterval(cutting));
    await expectAllGoesOn(streams);
    clearInterval(cutting);
    await expectAllRight(streams);
    const events = await streams.sight.redis.xrange('streams:events', '-', '+');
    const told = events.map(([, fields]) => fields.slice(0, 4).join(' '));
    const finals = told.filter((each) => each.endsWith(' completed'));
    expect(new Set(finals).size, 'each completion is told once').toBe(finals.length);
  });

  test(`F47 F53 an outage of ${OUTAGE_SECONDS} seconds while files grow, then LOADING for a while: all arrives, all is written when Redis is back`, {
    timeout: OUTAGE_SECONDS * 1_000 + 180_000,
  }, async (context) => {
    const streams = await holdStreams(context, { redisFlags: SLOW_LOADING });
    const { scene, growing } = streams;
    await scene.redis?.kill();
    const endMs = Date.now() + OUTAGE_SECONDS * 1_000;
    while (Date.now() < endMs) {
      await growing.append(CHUNK_BYTES / 5);
      await pause(OUTAGE_SECONDS * 20);
    }
    const started = scene.redis?.start();
    await expectAllGoesOn(streams);
    await started;
    await expectAllRight(streams);
  });
});
