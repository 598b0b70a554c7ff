// A consumer of tailrace's events in Redis: does something with every object that was completed, once, also when it crashes.
//
//   REDIS_URL=redis://127.0.0.1:6379 node examples/redis-consumer.ts
//
// Any number of these share the work, as members of one consumer group: Redis gives each entry to one of them and keeps it until it
// is acknowledged. What a crashed one had taken is taken over by another. So an entry may come twice (a crash between the work and
// the acknowledgement), but none is missed: let the work be something that can be done again.
//
// Needs Node 22.18 or later (which runs TypeScript as it is) and the package `ioredis`.

import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

const { env } = process;
const url = env['REDIS_URL'] ?? 'redis://127.0.0.1:6379';
/** The same prefix that tailrace has as REDIS_KEY_PREFIX. */
const stream = `${env['REDIS_KEY_PREFIX'] ?? ''}streams:events`;
/** All members of a group share its entries; another group gets all of them again. */
const group = env['GROUP'] ?? 'example';
/** One name per running consumer. */
const consumer = env['CONSUMER'] ?? `${hostname()}-${process.pid}`;
/** Another consumer that has not acknowledged for this long is taken for dead: longer than the work ever takes. */
const deadAfterMs = Number(env['DEAD_AFTER_MS'] ?? 60_000);

/** How long one question to Redis waits for something new. */
const BLOCK_MS = 2_000;
const AT_ONCE = 10;

type Entry = readonly [id: string, fields: readonly string[]];

const redis = new Redis(url);
redis.on('error', (error: Error) => console.error(`Redis: ${error.message}`));
const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());

await createGroup();
while (!stop.signal.aborted) {
  try {
    // First what a consumer that died (perhaps this one, before its restart) left behind, then what is new.
    for (const entry of [...(await leftBehind()), ...(await newEntries())]) await take(entry);
  } catch (error) {
    // Redis is away: nothing is lost, all of it is there when it is back.
    console.error(`waiting: ${error instanceof Error ? error.message : error}`);
    await sleep(1_000, undefined, { signal: stop.signal }).catch(() => {});
  }
}
redis.disconnect();

/** From the first entry that Redis still has. MKSTREAM: tailrace need not have run yet. */
async function createGroup(): Promise<void> {
  try {
    await redis.xgroup('CREATE', stream, group, '0', 'MKSTREAM');
  } catch (error) {
    if (!String(error).includes('BUSYGROUP')) throw error;
  }
}

async function leftBehind(): Promise<readonly Entry[]> {
  const answer = await redis.xautoclaim(stream, group, consumer, deadAfterMs, '0', 'COUNT', AT_ONCE);
  // null: trimmed away meanwhile (before Redis 7).
  return (answer as [string, (Entry | null)[]])[1].filter((entry) => entry !== null);
}

async function newEntries(): Promise<readonly Entry[]> {
  const answer = await redis.xreadgroup(
    ...(['GROUP', group, consumer, 'COUNT', AT_ONCE, 'BLOCK', BLOCK_MS, 'STREAMS', stream, '>'] as const),
  );
  return (answer as [string, Entry[]][] | null)?.[0]?.[1] ?? [];
}

async function take([id, fields]: Entry): Promise<void> {
  const event = Object.fromEntries(fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1] ?? '']] : [])));
  if (event['status'] === 'completed') await work(event);
  if (event['status']?.startsWith('failed_')) console.error(`failed: stream ${event['stream_id']}, ${event['status']}`);
  // After the work: killed before this line, the entry comes again.
  await redis.xack(stream, group, id);
}

/** Yours: start a transcode, write to a database, tell a person. */
async function work({ stream_id: streamId, bucket, key, size }: Record<string, string>): Promise<void> {
  console.log(JSON.stringify({ stream_id: streamId, bucket, key, size: Number(size) }));
}
