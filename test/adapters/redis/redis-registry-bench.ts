// The registry on a real redis-server, behind a proxy that can lose replies; looked at through a connection of its own.

import { Redis } from 'ioredis';
import { expect, vi } from 'vitest';
import { openRedisRegistry } from '../../../src/adapters/redis-registry.ts';
import type { StreamId } from '../../../src/machines/ids.ts';
import { STATUS_SETS } from '../../../src/machines/stream-status.ts';
import { okValue } from '../../contracts/journal-contract.ts';
import type { RegistryBench, StreamLook } from '../../contracts/registry-bench.ts';
import { startRedisServer } from '../../fixtures/redis-server.ts';
import { ReplyCutter } from './reply-cutter.ts';

/** How long a test waits for a state that must come. */
export const DEADLINE_MS = 10_000;

export interface RedisRegistryBench extends RegistryBench {
  readonly redis: Redis;
  readonly cutter: ReplyCutter;
}

export async function lookAt(redis: Redis, prefix: string, id: StreamId): Promise<StreamLook> {
  const key = (name: string) => `${prefix}stream:${id}:${name}`;
  const sets: string[] = [];
  for (const set of STATUS_SETS) if (await redis.sismember(prefix + set, id)) sets.push(set);
  const meta = await redis.hgetall(key('meta'));
  const due = await redis.zscore(`${prefix}streams:due`, id);
  const events = (await redis.xrange(`${prefix}streams:events`, '-', '+')).map(([, texts]) => recordOf(texts));
  return {
    sets,
    meta: Object.keys(meta).length > 0 ? meta : null,
    parts: (await redis.hkeys(key('parts'))).map(Number).sort((a, b) => a - b),
    hasSnapshot: (await redis.exists(key('snapshot'))) === 1,
    dueAtMs: due === null ? null : Number(due),
    events: events.filter((event) => event['stream_id'] === id).map((event) => event['status'] ?? ''),
  };
}

export async function redisRegistryBench(prefix = ''): Promise<RedisRegistryBench> {
  const server = await startRedisServer();
  const cutter = new ReplyCutter(server.port);
  const port = await cutter.listen();
  const redis = new Redis(server.url, { protocol: 2 });
  const registry = okValue(await openRedisRegistry({ url: `redis://127.0.0.1:${port}`, keyPrefix: prefix }));
  return {
    registry,
    redis,
    cutter,
    empty: async () => void (await redis.flushall()),
    look: (id) => lookAt(redis, prefix, id),
    lastEvent: async () =>
      recordOf((await redis.xrevrange(`${prefix}streams:events`, '+', '-', 'COUNT', 1))[0]?.[1] ?? []),
    endLease: async (folderId) => void (await redis.hset(`${prefix}lease:${folderId}`, 'expires_at_ms', '1')),
    damage: async (id, text) => {
      const key = `${prefix}stream:${id}:snapshot`;
      await (text === null ? redis.del(key) : redis.set(key, text));
    },
    dropFromSets: async (id) => {
      for (const set of STATUS_SETS) await redis.srem(prefix + set, id);
    },
    rollBack: async (id, rev, { folderId, holder, fence }) => {
      await redis.hset(`${prefix}stream:${id}:meta`, 'rev', rev, 'fence', fence);
      await redis.hset(`${prefix}lease:${folderId}`, 'holder', holder, 'fence', fence);
    },
    loseNextReply: () => cutter.loseNextReply(),
    reachable: () =>
      vi.waitFor(async () => expect((await registry.revisions([])).ok).toBe(true), {
        timeout: DEADLINE_MS,
        interval: 10,
      }),
    end: async () => {
      await registry.close();
      redis.disconnect();
      await cutter.close();
      await server.stop();
    },
  };
}

function recordOf(texts: readonly string[]): Record<string, string> {
  const pairs: [string, string][] = [];
  for (let index = 0; index < texts.length; index += 2) pairs.push([texts[index] ?? '', texts[index + 1] ?? '']);
  return Object.fromEntries(pairs);
}
