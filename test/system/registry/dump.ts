// Everything that Redis has at a moment, to be brought back later: what a restored dump.rdb or a lagging replica does.

import type { Redis } from 'ioredis';

/** Returns how to bring exactly this back. */
export async function dumpOf(redis: Redis): Promise<() => Promise<void>> {
  const keys = await redis.keys('*');
  const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
  return async () => {
    const restored = redis.multi().flushall();
    // null: its stream ended between the two questions.
    for (const [at, key] of keys.entries()) if (dumps[at]) restored.restore(key, 0, dumps[at]);
    for (const [error] of (await restored.exec()) ?? []) if (error) throw error;
  };
}
