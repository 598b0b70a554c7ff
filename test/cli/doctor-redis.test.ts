import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { checkRedis } from '../../src/cli/doctor/redis.ts';
import { type RedisServer, startRedisServer } from '../fixtures/redis-server.ts';
import { doctorOf, finding } from './doctor-reply.ts';
import { type VerbBench, verbBench } from './verb-bench.ts';

let bench: VerbBench;
beforeEach(async () => {
  bench = await verbBench();
});
afterEach(() => bench.close());

const doctor = () => doctorOf(bench);

describe('Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedisServer({ password: 'redis-secret' });
  });
  afterAll(() => redis.stop());

  test('with AOF and noeviction is fine', async () => {
    bench.env['REDIS_URL'] = redis.url;
    const { exitCode, reply } = await doctor();
    expect(exitCode).toBe(0);
    for (const id of ['redis', 'redis.persistence', 'redis.eviction'])
      expect(finding(reply, id)).toMatchObject({ verdict: 'ok' });
  });

  test('with a wrong password is 78, away 69; the password is never shown', async () => {
    bench.env['REDIS_URL'] = redis.url.replace('redis-secret', 'another-secret');
    const refused = await doctor();
    expect(refused.exitCode).toBe(78);
    expect(JSON.stringify(refused)).not.toContain('another-secret');
    bench.env['REDIS_URL'] = 'redis://:another-secret@127.0.0.1:1';
    const away = await doctor();
    expect(away.exitCode).toBe(69);
    expect(finding(away.reply, 'redis').found).toContain('ECONNREFUSED');
    expect(JSON.stringify(away)).not.toContain('another-secret');
  });

  test('that forgets, evicts, or is a cluster without hash tag is told', async () => {
    const flags = ['--appendonly', 'no', '--maxmemory', '50mb', '--maxmemory-policy', 'allkeys-lru'];
    const careless = await startRedisServer({ flags: [...flags, '--cluster-enabled', 'yes'] });
    try {
      bench.env['REDIS_URL'] = careless.url;
      const { exitCode, reply } = await doctor();
      expect(exitCode).toBe(78);
      expect(finding(reply, 'redis.persistence')).toMatchObject({ verdict: 'warn', found: 'nothing is persisted' });
      expect(finding(reply, 'redis.eviction').found).toContain('allkeys-lru, maxmemory 50 MiB');
      expect(finding(reply, 'redis.cluster').verdict).toBe('fail');
    } finally {
      await careless.stop();
    }
  });

  test('a replica takes no writes', async () => {
    const facts = {
      ...{ version: '7.0.1', cluster: false, role: 'slave', aof: true, snapshots: null, persistenceFails: false },
      ...{ evictionPolicy: null, maxMemoryBytes: null, scriptsRefused: null },
    };
    const tools = { inspectRedis: async () => ({ ok: true, value: facts }) as const };
    const examined = { config: { redisUrl: 'redis://x', redisKeyPrefix: '' }, wrong: new Set() };
    const findings = await checkRedis({ examined, tools } as never);
    expect(findings[0]).toMatchObject({ verdict: 'fail', cause: 'configuration' });
  });
});
