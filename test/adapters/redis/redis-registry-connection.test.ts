// Redis away, hanging, locked, clustered: the registry answers at once, tells no secret, and comes back by itself.

import { type AddressInfo, createServer } from 'node:net';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openRedisRegistry } from '../../../src/adapters/redis-registry.ts';
import { readRedisUrl } from '../../../src/adapters/redis-registry-address.ts';
import type { RedisConnectionOptions } from '../../../src/adapters/redis-registry-connection.ts';
import { hasHashTag } from '../../../src/adapters/redis-registry-layout.ts';
import type { Lease, Registry } from '../../../src/ports/registry.ts';
import { okValue } from '../../contracts/journal-contract.ts';
import { inStatus, registrySave } from '../../contracts/registry-bench.ts';
import { freePort } from '../../fixtures/free-port.ts';
import { sampleId, sampleRows } from '../../fixtures/records/sample-record.ts';
import { RedisServer, type RedisServerOptions, startRedisServer } from '../../fixtures/redis-server.ts';
import { DEADLINE_MS } from './redis-registry-bench.ts';

const one = sampleId(1);
const soon = { timeout: DEADLINE_MS, interval: 10 };
const SECRET = 's3cr3t/with:odd@signs';
const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

async function server(options: RedisServerOptions = {}): Promise<RedisServer> {
  const started = await startRedisServer(options);
  ending.push(() => started.stop());
  return started;
}

async function open(options: RedisConnectionOptions): Promise<Registry> {
  const registry = okValue(await openRedisRegistry(options));
  ending.push(() => registry.close());
  return registry;
}

function client(of: RedisServer): Redis {
  const redis = new Redis(of.url, { protocol: 2 });
  redis.on('error', () => {});
  ending.push(() => redis.disconnect());
  return redis;
}

async function leaseOf(registry: Registry): Promise<Lease> {
  const answer = await vi.waitFor(async () => okValue(await registry.acquireLease('f', 'a', 60_000, 0)), soon);
  if (!answer.held) throw new Error('held by another');
  return answer.lease;
}

const isAnswered = (registry: Registry) => vi.waitFor(async () => okValue(await registry.revisions([one])), soon);

async function expectUnavailable(registry: Registry, detail: RegExp): Promise<void> {
  const lease = { folderId: 'f', holder: 'a', fence: 1 };
  const answers = await Promise.all([
    registry.load(),
    registry.rows(one),
    registry.revisions([one]),
    registry.save(registrySave(one, 1, lease)),
    registry.acquireLease('f', 'a', 1_000, 0),
    registry.renewLease(lease, 1_000),
    registry.releaseLease(lease),
    registry.forget(one, lease),
  ]);
  for (const answer of answers) {
    expect(answer).toMatchObject({ ok: false, failure: { code: 'registry_unavailable' } });
    if (!answer.ok) expect(answer.failure.detail).toMatch(detail);
    expect(JSON.stringify(answer)).not.toContain(SECRET);
    expect(JSON.stringify(answer)).not.toContain(encodeURIComponent(SECRET));
  }
}

describe('a Redis that is away', () => {
  it('does not keep the registry from opening, and is found when it comes', async () => {
    const port = await freePort();
    const late = new RedisServer(port, (await server()).folder, {});
    const registry = await open({ url: late.url });
    const changes: boolean[] = [];
    registry.onReachable((reachable) => changes.push(reachable));
    await expectUnavailable(registry, /ECONNREFUSED/);
    ending.push(() => late.kill());
    await late.start();
    await isAnswered(registry);
    expect(changes).toEqual([false, true]);
  });

  it('is noticed when it dies, and again when it is back with what it held', async () => {
    const redis = await server({ flags: ['--appendfsync', 'always'] });
    const registry = await open({ url: redis.url });
    const changes: boolean[] = [];
    registry.onReachable((reachable) => changes.push(reachable));
    const lease = await leaseOf(registry);
    okValue(await registry.save(registrySave(one, 1, lease, { rows: sampleRows(1, 3) })));
    for (let round = 1; round <= 2; round += 1) {
      await redis.kill();
      await vi.waitFor(() => expect(changes.at(-1)).toBe(false), soon);
      await expectUnavailable(registry, /lost|ECONN|closed/);
      await redis.start();
      await isAnswered(registry);
      expect(okValue(await registry.rows(one))).toEqual(sampleRows(1, 3));
      expect(okValue(await registry.save(registrySave(one, 1 + round, lease)))).toEqual({ answer: 'saved' });
    }
    expect(changes).toEqual([true, false, true, false, true]);
  });

  it('F52 gets no command later that was made while it was away', async () => {
    const redis = await server();
    const registry = await open({ url: `${redis.url}/0?enableOfflineQueue=true&autoResendUnfulfilledCommands=true` });
    const lease = await leaseOf(registry);
    await redis.kill();
    const answers = await Promise.all([1, 2, 3].map((rev) => registry.save(registrySave(one, rev, lease))));
    expect(answers.map(({ ok }) => ok)).toEqual([false, false, false]);
    await redis.start();
    expect(await isAnswered(registry)).toEqual([null]);
  });
});

describe('a Redis that hangs', () => {
  it('F52 is given up within the time of a command, and a late save does no harm when it wakes', async () => {
    const redis = await server();
    const registry = await open({ url: redis.url, commandTimeoutMs: 200 });
    const changes: boolean[] = [];
    registry.onReachable((reachable) => changes.push(reachable));
    const lease = await leaseOf(registry);
    redis.pause();
    const save = registrySave(one, 1, lease, { ...inStatus('active'), rows: sampleRows(1, 2) });
    const hung = await registry.save(save);
    expect(hung).toMatchObject({ ok: false, failure: { code: 'registry_unavailable', answered: false } });
    expect(changes).toEqual([true, false]);
    redis.resume();
    await isAnswered(registry);
    expect(okValue(await registry.save(save))).toEqual({ answer: 'saved' });
    const look = client(redis);
    expect(await look.xlen('streams:events')).toBe(1);
    expect(okValue(await registry.rows(one))).toEqual(sampleRows(1, 2));
  });

  it('does not hold up opening', async () => {
    const redis = await server();
    redis.pause();
    ending.push(() => redis.resume());
    const registry = await open({ url: redis.url, commandTimeoutMs: 200 });
    await expectUnavailable(registry, /./);
  });
});

/** Something that answers like a Redis, always the same; returns its port. */
async function parrot(answer: string): Promise<number> {
  const impostor = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', () => socket.write(answer));
  });
  await new Promise<void>((resolve) => impostor.listen(0, '127.0.0.1', resolve));
  ending.push(() => impostor.close());
  return (impostor.address() as AddressInfo).port;
}

it('F53 does not wait for a Redis that reads its data from disk', async () => {
  const info = 'loading:1\r\nloading_eta_seconds:600\r\n';
  const port = await parrot(`$${info.length}\r\n${info}\r\n`);
  const registry = await open({ url: `redis://127.0.0.1:${port}`, commandTimeoutMs: 200 });
  await expectUnavailable(registry, /has not answered yet/);
});

describe('passwords', () => {
  it('let in who has them', async () => {
    const redis = await server({ password: SECRET });
    const registry = await open({ url: redis.url });
    expect(okValue(await registry.revisions([one]))).toEqual([null]);
  });

  it('are never told, and a wrong one works as soon as the server has it', async () => {
    const redis = await server({ password: 'another' });
    const registry = await open({ url: `redis://:${encodeURIComponent(SECRET)}@127.0.0.1:${redis.port}` });
    await expectUnavailable(registry, /WRONGPASS/);
    await client(redis).config('SET', 'requirepass', SECRET);
    await isAnswered(registry);
  });

  it('are not told when the server repeats them', async () => {
    const port = await parrot(`-WRONGPASS ${SECRET} is no password\r\n`);
    const registry = await open({ url: `redis://:${encodeURIComponent(SECRET)}@127.0.0.1:${port}` });
    await expectUnavailable(registry, /WRONGPASS \*\*\* is no password/);
  });

  it('are asked for in plain words', async () => {
    const redis = await server({ password: 'another' });
    const registry = await open({ url: `redis://127.0.0.1:${redis.port}` });
    await expectUnavailable(registry, /NOAUTH/);
  });
});

describe('a Redis Cluster', () => {
  const flags = ['--cluster-enabled', 'yes'];

  it('is refused with the cure when the prefix has no hash tag', async () => {
    const redis = await server({ flags });
    for (const keyPrefix of ['', 'tailrace:', '{}:']) {
      const answer = await openRedisRegistry({ url: redis.url, keyPrefix });
      expect(answer).toMatchObject({ ok: false, failure: { code: 'registry_unavailable' } });
      if (!answer.ok) expect(answer.failure.detail).toContain('REDIS_KEY_PREFIX needs a hash tag');
    }
  });

  it('is not written to when it takes the place of a single server', async () => {
    const single = await server();
    const registry = await open({ url: single.url });
    await isAnswered(registry);
    await single.kill();
    const cluster = new RedisServer(single.port, (await server()).folder, { flags });
    ending.push(() => cluster.kill());
    await cluster.start();
    await vi.waitFor(() => expectUnavailable(registry, /REDIS_KEY_PREFIX needs a hash tag/), soon);
  });

  it('works with a hash tag, whichever node the URL names', async () => {
    const owner = await server({ flags });
    const other = await server({ flags });
    await client(owner).cluster('ADDSLOTSRANGE', 0, 16_383);
    await client(owner).cluster('MEET', '127.0.0.1', other.port);
    await vi.waitFor(async () => expect(await client(other).cluster('INFO')).toContain('cluster_state:ok'), soon);
    const registry = await open({ url: other.url, keyPrefix: '{tailrace}:' });
    const lease = await leaseOf(registry);
    expect(okValue(await registry.save(registrySave(one, 1, lease, { rows: sampleRows(1, 3) })))).toEqual({
      answer: 'saved',
    });
    expect(okValue(await registry.load()).records).toHaveLength(1);
    expect(await client(owner).dbsize()).toBeGreaterThan(3);
  });
});

it('answers after closing with a failure', async () => {
  const redis = await server();
  const registry = await open({ url: redis.url });
  await registry.close();
  await registry.close();
  await expectUnavailable(registry, /closed/);
});

it.each(['', 'localhost', 'http://localhost', 'redis://localhost/x', 'redis://%zz@localhost', 'redis://a b'])(
  'refuses %j as REDIS_URL',
  async (url) => {
    expect(await openRedisRegistry({ url })).toMatchObject({ ok: false, failure: { code: 'registry_unavailable' } });
  },
);

it('reads the parts of REDIS_URL', () => {
  expect(readRedisUrl('redis://cache')).toEqual({ host: 'cache', port: 6379, db: 0, tls: false });
  expect(readRedisUrl('rediss://me:p%40ss@[::1]:7000/3')).toEqual({
    ...{ host: '::1', port: 7000, db: 3, tls: true, username: 'me', password: 'p@ss' },
  });
});

it('knows a hash tag as Redis does', () => {
  expect(['{a}:', 'x{a}', 'x{a}{b}', '{{a}'].map(hasHashTag)).toEqual([true, true, true, true]);
  expect(['', 'a:', '{}', '{}{a}', '{a', 'a}'].map(hasHashTag)).toEqual([false, false, false, false, false, false]);
});
