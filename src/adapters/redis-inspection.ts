// A look at a Redis server for `doctor`: what INFO tells of its version, persistence and memory, and whether it runs scripts. Changes
// nothing, keeps no connection, never retries. INFO only: managed servers refuse CONFIG.

import { Redis } from 'ioredis';
import { failureOf } from '../machines/failure.ts';
import type { Outcome } from '../ports/outcome.ts';
import type { RedisFacts } from '../ports/redis-facts.ts';
import { readRedisUrl } from './redis-registry-address.ts';

/** A person waits. */
const PATIENCE_MS = 5_000;

export async function inspectRedis(url: string): Promise<Outcome<RedisFacts>> {
  const address = readRedisUrl(url);
  if (!address) return failed('REDIS_URL is no redis:// or rediss:// URL');
  const { host, port, username, password, db, tls } = address;
  const client = new Redis({
    ...{ host, port, db, protocol: 2, lazyConnect: true, disableClientInfo: true },
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: {} }),
    connectTimeout: PATIENCE_MS,
    commandTimeout: PATIENCE_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let lastError = '';
  client.on('error', (error: Error) => {
    lastError = error.message || lastError;
  });
  try {
    await client.connect();
    return { ok: true, value: await inspect(client) };
  } catch (error) {
    const text = lastError || messageOf(error);
    return failed(password ? text.replaceAll(password, '***') : text);
  } finally {
    client.disconnect();
  }
}

async function inspect(client: Redis): Promise<RedisFacts> {
  const info = fieldsOf(await client.info());
  const save = await savePolicy(client);
  return {
    version: info.get('redis_version') ?? 'unknown',
    cluster: info.get('cluster_enabled') === '1',
    role: info.get('role') ?? 'unknown',
    aof: info.get('aof_enabled') === '1',
    snapshots: save === null ? null : save !== '',
    persistenceFails:
      info.get('aof_last_write_status') === 'err' ||
      info.get('aof_last_bgrewrite_status') === 'err' ||
      info.get('rdb_last_bgsave_status') === 'err',
    evictionPolicy: info.get('maxmemory_policy') ?? null,
    maxMemoryBytes: info.has('maxmemory') ? Number(info.get('maxmemory')) : null,
    scriptsRefused: await scriptsRefused(client),
  };
}

/** Null: this account may not ask. */
async function savePolicy(client: Redis): Promise<string | null> {
  try {
    const [, value] = (await client.config('GET', 'save')) as string[];
    return value ?? null;
  } catch {
    return null;
  }
}

async function scriptsRefused(client: Redis): Promise<string | null> {
  try {
    await client.eval('return 1', 0);
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

const fieldsOf = (info: string): ReadonlyMap<string, string> =>
  new Map(
    info
      .split(/\r?\n/)
      .map((line) => /^([a-z_0-9]+):(.*)$/.exec(line))
      .filter((found) => found !== null)
      .map(([, name = '', value = '']) => [name, value]),
  );

const failed = (detail: string): Outcome<never> => ({ ok: false, failure: failureOf('registry_unavailable', detail) });

/** A connection that tried several addresses fails with an AggregateError, whose message is empty. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
