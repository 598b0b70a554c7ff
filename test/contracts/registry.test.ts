import { redisRegistryBench } from '../adapters/redis/redis-registry-bench.ts';
import { MemoryRedis, memoryRegistry } from '../fakes/memory-registry.ts';
import type { RegistryBench } from './registry-bench.ts';
import { registryContract } from './registry-contract.ts';

async function memoryRegistryBench(): Promise<RegistryBench> {
  const redis = new MemoryRedis(() => 1_793_534_400_000);
  const registry = memoryRegistry(redis);
  return {
    registry,
    empty: async () => redis.empty(),
    look: async (id) => ({
      sets: [...redis.sets].filter(([, members]) => members.has(id)).map(([name]) => name),
      meta: redis.metas.get(id) ?? null,
      parts: [...(redis.parts.get(id)?.keys() ?? [])].sort((a, b) => a - b),
      hasSnapshot: redis.snapshots.has(id),
      dueAtMs: redis.due.get(id) ?? null,
      events: redis.events.filter((event) => event['stream_id'] === id).map((event) => event['status'] ?? ''),
    }),
    lastEvent: async () => redis.events.at(-1) ?? {},
    endLease: async (folderId) => {
      const lease = redis.leases.get(folderId);
      if (lease) redis.leases.set(folderId, { ...lease, expiresAtMs: 1 });
    },
    damage: async (id, text) => {
      if (text === null) redis.snapshots.delete(id);
      else redis.snapshots.set(id, text);
    },
    dropFromSets: async (id) => {
      for (const members of redis.sets.values()) members.delete(id);
    },
    rollBack: async (id, rev, { folderId, holder, fence }) => {
      redis.metas.set(id, { ...redis.metas.get(id), rev: String(rev), fence: String(fence) });
      redis.leases.set(folderId, { holder, fence, expiresAtMs: 1 });
    },
    loseNextReply: () => {
      redis.loseNextReply = true;
    },
    reachable: async () => {},
    end: () => registry.close(),
  };
}

registryContract('memory', memoryRegistryBench);
registryContract('redis', () => redisRegistryBench());
registryContract('redis, with a prefix', () => redisRegistryBench('{tailrace}:'));
