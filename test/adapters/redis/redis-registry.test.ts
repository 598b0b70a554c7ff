// What only a real Redis can show: bytes, scripts, its own errors, and keys that are not what they should be.

import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { Redis as RedisClient } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openRedisRegistry } from '../../../src/adapters/redis-registry.ts';
import type { Lease, Registry } from '../../../src/ports/registry.ts';
import { okValue } from '../../contracts/journal-contract.ts';
import { inStatus, registrySave } from '../../contracts/registry-bench.ts';
import { sampleId, sampleMemory, sampleRecord, sampleRow, sampleRows } from '../../fixtures/records/sample-record.ts';
import { type RedisServer, startRedisServer } from '../../fixtures/redis-server.ts';
import { DEADLINE_MS, lookAt } from './redis-registry-bench.ts';
import { ReplyCutter } from './reply-cutter.ts';

const one = sampleId(1);
const soon = { timeout: DEADLINE_MS, interval: 10 };

let server: RedisServer;
let cutter: ReplyCutter;
let redis: Redis;
let registry: Registry;
let lease: Lease;

beforeAll(async () => {
  server = await startRedisServer({ flags: ['--enable-debug-command', 'yes'] });
  cutter = new ReplyCutter(server.port);
  redis = new RedisClient(server.url, { protocol: 2 });
  const url = `redis://127.0.0.1:${await cutter.listen()}`;
  registry = okValue(await openRedisRegistry({ url, commandTimeoutMs: 1_000 }));
});
afterAll(async () => {
  await registry.close();
  redis.disconnect();
  await cutter.close();
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
  await vi.waitFor(async () => okValue(await registry.revisions([])), soon);
  const answer = okValue(await registry.acquireLease('f', 'daemon-a', 60_000, 0));
  if (answer.held) lease = answer.lease;
});

const save = (rev: number, more: Parameters<typeof registrySave>[3] = {}) =>
  registry.save(registrySave(one, rev, lease, more));

it('sends as many bytes for part 1,000 as for part 10', async () => {
  const bytesOfPart = async (rev: number, n: number): Promise<number> => {
    okValue(await save(rev, { replaceRows: true, rows: sampleRows(1, n - 1) }));
    const before = cutter.bytesToRedis;
    okValue(await save(rev + 1, { rows: [sampleRow(n)] }));
    return cutter.bytesToRedis - before;
  };
  const tenth = await bytesOfPart(1, 10);
  const thousandth = await bytesOfPart(3, 1_000);
  expect(tenth).toBeGreaterThan(100);
  expect(thousandth).toBeLessThanOrEqual(tenth + 20);
});

it('F54 does with one command what one save is', async () => {
  okValue(await save(1));
  await redis.config('RESETSTAT');
  okValue(await save(2, { ...inStatus('finalizing'), rows: sampleRows(1, 50), dueAtMs: 1 }));
  const stats = await redis.info('commandstats');
  expect(stats).toMatch(/cmdstat_evalsha:calls=1,/);
  expect(stats).not.toMatch(/cmdstat_eval:|cmdstat_keys:/);
});

it('F53 loads its scripts again when Redis forgot them', async () => {
  okValue(await save(1));
  await redis.script('FLUSH');
  expect(okValue(await save(2))).toEqual({ answer: 'saved' });
});

it('lets a lease end by the clock of Redis', async () => {
  okValue(await registry.renewLease(lease, 50));
  const other = await vi.waitFor(async () => {
    const answer = okValue(await registry.acquireLease('f', 'daemon-b', 60_000, 0));
    if (!answer.held) throw new Error('still held');
    return answer.lease;
  }, soon);
  expect(other.fence).toBe(lease.fence + 1);
});

it('shows the path with the bytes that the file system has', async () => {
  const record = sampleRecord(one, { memory: sampleMemory({ path: '/rec/\udcff\udc80é.ts' }) });
  okValue(await save(1, { stored: { record, rev: 1, fence: 1 } }));
  const path = await redis.hgetBuffer(`stream:${one}:meta`, 'original_path');
  expect(path).toEqual(Buffer.concat([Buffer.from('/rec/'), Buffer.from([0xff, 0x80]), Buffer.from('é.ts')]));
});

it('shows a part as the contract says', async () => {
  okValue(await save(1, { rows: [sampleRow(3)] }));
  const { etag, crc32, xxh64 } = sampleRow(3);
  expect(JSON.parse((await redis.hget(`stream:${one}:parts`, '3')) ?? '')).toEqual({
    ...{ size: 8 * 1024 * 1024, offset: 16 * 1024 * 1024, etag, crc32, xxh64 },
    uploaded_at_utc: '2026-11-01T12:00:00.003Z',
  });
  expect(JSON.parse((await redis.get(`stream:${one}:snapshot`)) ?? '')).toMatchObject({ schemaVersion: 1, rev: 1 });
});

it('passes over rows that somebody damaged', async () => {
  okValue(await save(1, { rows: sampleRows(1, 3) }));
  await redis.hset(`stream:${one}:parts`, { 1: 'no JSON', 2: '{"size":"x"}', x: '{}', 4: 'null' });
  expect(okValue(await registry.rows(one))).toEqual([sampleRow(3)]);
});

it('reads thousands of streams in batches', async () => {
  const count = 1_200;
  for (let n = 1; n <= count; n += 1)
    okValue(await registry.save(registrySave(sampleId(n), n, lease, { baseRev: null })));
  const { records, unreadable } = okValue(await registry.load());
  expect([records.length, unreadable.length]).toEqual([count, 0]);
  const ids = Array.from({ length: count }, (_, index) => sampleId(index + 1));
  expect(okValue(await registry.revisions(ids))).toEqual(ids.map((_, index) => index + 1));
});

it('keeps the newest 10,000 events or so', async () => {
  const flood = redis.pipeline();
  for (let n = 0; n < 12_000; n += 1) flood.xadd('streams:events', '*', 'status', 'x');
  await flood.exec();
  okValue(await save(1, inStatus('active')));
  const length = await redis.xlen('streams:events');
  expect(length).toBeGreaterThanOrEqual(10_000);
  expect(length).toBeLessThan(10_200);
});

it('F54 does a save as a whole once a key of a foreign type is out of its way', async () => {
  for (const key of ['streams:active', 'streams:due', 'streams:events', 'streams:failed', `stream:${one}:meta`]) {
    await redis.flushall();
    await redis.set(key, 'foreign');
    const finalizing = {
      ...inStatus('failed_source'),
      dueAtMs: 9,
      rows: [sampleRow(1)],
    };
    expect(await save(1, finalizing)).toMatchObject({ ok: false, failure: { code: 'registry_unavailable' } });
    await redis.del(key);
    expect(okValue(await save(1, finalizing))).toEqual({ answer: 'saved' });
    expect(await lookAt(redis, '', one)).toMatchObject({
      ...{ sets: ['streams:failed'], parts: [1], dueAtMs: 9, hasSnapshot: true, events: ['failed_source'] },
    });
  }
});

describe('refused by Redis, it says why, writes nothing, and goes on when that is cured', () => {
  const cases: [string, () => Promise<unknown>, () => Promise<unknown>][] = [
    ['OOM', () => redis.config('SET', 'maxmemory', '1'), () => redis.config('SET', 'maxmemory', '0')],
    ['READONLY', () => redis.replicaof('127.0.0.1', 1), () => redis.replicaof('NO', 'ONE')],
    [
      'MISCONF',
      async () => {
        await redis.config('SET', 'save', '3600 1');
        await mkdir(join(server.folder, 'dump.rdb'));
        await redis.bgsave();
        await vi.waitFor(async () => expect(await redis.info('persistence')).toMatch(/last_bgsave_status:err/), soon);
      },
      async () => {
        await rmdir(join(server.folder, 'dump.rdb'));
        await redis.config('SET', 'save', '');
      },
    ],
  ];
  it.each(cases)('F53 %s', async (word, hurt, cure) => {
    okValue(await save(1, { rows: [sampleRow(1)] }));
    await hurt();
    try {
      const refused = await save(2, inStatus('finalizing'));
      expect(refused).toMatchObject({ ok: false, failure: { code: 'registry_unavailable' } });
      if (!refused.ok) expect(refused.failure.detail).toContain(word);
    } finally {
      await cure();
    }
    expect(await lookAt(redis, '', one)).toMatchObject({ sets: ['streams:active'], parts: [1], events: [] });
    await vi.waitFor(async () => expect(okValue(await save(2))).toEqual({ answer: 'saved' }), soon);
  });
});

it('a lease tells whether its holder yields it, also after Redis forgot it and it was renewed', async () => {
  const standby = okValue(await openRedisRegistry({ url: server.url, standby: true }));
  const answer = okValue(await standby.acquireLease('g', 'daemon-s', 60_000, 0));
  if (!answer.held) throw new Error('not held');
  expect(okValue(await registry.lookAtLease('g'))).toMatchObject({ holder: 'daemon-s', yields: true });
  await redis.flushall();
  okValue(await standby.renewLease(answer.lease, 60_000));
  expect(okValue(await registry.lookAtLease('g'))).toMatchObject({ holder: 'daemon-s', yields: true });
  await standby.close();
});
