// The example as its reader would run it, against a real Redis.

import { Redis } from 'ioredis';
import { expect, type TestContext, test } from 'vitest';
import { startRedisServer } from '../fixtures/redis-server.ts';
import { type OwnedProcess, ownProcess } from '../system/harness/owned-processes.ts';
import { until } from '../system/harness/waiting.ts';

const EXAMPLE = new URL('../../examples/redis-consumer.ts', import.meta.url).pathname;
const STREAM = 'streams:events';

async function open(context: TestContext) {
  const server = await startRedisServer();
  context.onTestFinished(() => server.stop());
  const redis = new Redis(server.url);
  context.onTestFinished(() => redis.disconnect());
  redis.on('error', () => {});
  const consumers: OwnedProcess[] = [];
  return {
    server,
    redis,
    tell: (key: string, status = 'completed') =>
      redis.xadd(
        STREAM,
        '*',
        'stream_id',
        `id-${key}`,
        'status',
        status,
        'bucket',
        'b',
        'key',
        key,
        'size',
        '7',
        'at',
        '',
      ),
    run(name: string, more: Record<string, string> = {}): OwnedProcess {
      const env = { PATH: process.env['PATH'] ?? '', REDIS_URL: server.url, CONSUMER: name, ...more };
      const consumer = ownProcess(context, process.execPath, [EXAMPLE], { env });
      consumers.push(consumer);
      return consumer;
    },
    /** Keys of the objects that were worked on, by all. */
    done: () => consumers.flatMap((each) => keysIn(each.output())),
    allAcknowledged: () =>
      until('nothing is pending', async () => ((await redis.xpending(STREAM, 'example'))[0] === 0 ? true : null)),
  };
}

const keysIn = (output: string): string[] =>
  output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => (JSON.parse(line) as { key: string }).key);

const untilDone = (bed: { done: () => string[] }, keys: readonly string[]) =>
  until(
    `${keys} are done`,
    () => (keys.every((key) => bed.done().includes(key)) ? true : null),
    30_000,
    () => bed.done().join(),
  );

test('works on every object that is completed, once, also those from before its start, and ends when told to', async (context) => {
  const bed = await open(context);
  await bed.tell('first.mp4', 'active');
  await bed.tell('first.mp4');
  const consumer = bed.run('one');
  await untilDone(bed, ['first.mp4']);
  await bed.tell('second.mp4', 'failed_source');
  await bed.tell('third.mp4');
  await untilDone(bed, ['third.mp4']);
  await bed.allAcknowledged();
  expect(bed.done()).toEqual(['first.mp4', 'third.mp4']);
  expect(consumer.output()).toContain('failed: stream id-second.mp4, failed_source');
  expect(consumer.output()).toContain('{"stream_id":"id-first.mp4","bucket":"b","key":"first.mp4","size":7}');
  expect(await consumer.end('SIGTERM')).toEqual({ exitCode: 0, signal: null });
});

test('what a consumer took that was killed before it had acknowledged is done by another', async (context) => {
  const bed = await open(context);
  await bed.redis.xgroup('CREATE', STREAM, 'example', '0', 'MKSTREAM');
  await bed.tell('orphan.mp4');
  await bed.redis.xreadgroup('GROUP', 'example', 'killed', 'STREAMS', STREAM, '>');
  bed.run('one', { DEAD_AFTER_MS: '300' });
  await untilDone(bed, ['orphan.mp4']);
  await bed.allAcknowledged();
  expect(bed.done()).toEqual(['orphan.mp4']);
});

test('several share the work, and a Redis that goes away and comes back loses none', async (context) => {
  const bed = await open(context);
  const keys = Array.from({ length: 60 }, (_, n) => `take-${n}.mp4`);
  for (const name of ['one', 'two']) bed.run(name);
  for (const key of keys.slice(0, 30)) await bed.tell(key);
  await untilDone(bed, keys.slice(0, 30));
  await bed.allAcknowledged();
  await bed.server.kill();
  await bed.server.start();
  for (const key of keys.slice(30)) await bed.tell(key);
  await untilDone(bed, keys);
  await bed.allAcknowledged();
  expect(bed.done().toSorted()).toEqual(keys.toSorted());
});
