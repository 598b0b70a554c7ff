// Retention: what is over and whose file is gone is forgotten after its time, in journal and registry alike.

import { expect, it } from 'vitest';
import { RegistryMirror } from '../../src/actors/registry-mirror.ts';
import { Retention } from '../../src/actors/retention.ts';
import type { Registry } from '../../src/ports/registry.ts';
import { mirrors, one, recordOf } from './mirror-stage.ts';
import { createStage, FOLDER, type Stage, settle } from './stage.ts';

const HOUR_MS = 3_600_000;
const NOBODY = (): boolean => false;

/** A completed stream, in the journal and in Redis. */
async function completed(): Promise<Stage> {
  const stage = await createStage({ withRedis: true, options: { retainFinalMs: HOUR_MS } });
  const mirror = new RegistryMirror(stage.world, stage.world.registry as Registry);
  mirrors.push(mirror);
  stage.onSaved = (saved) => mirror.push(saved);
  mirror.start([]);
  await settle();
  stage.world.writeAhead.offer(recordOf(one, 's3_completed.done', { upload: null, path: `${FOLDER}/take.mkv` }), null);
  await stage.world.writeAhead.settled(one);
  await settle();
  expect(stage.redis.metas.get(one)?.['status']).toBe('completed');
  return stage;
}

const known = async (stage: Stage): Promise<boolean> => {
  const record = await stage.world.journal.record(one);
  return record.ok && record.value !== null;
};

it('forgets what is over and gone, after its time and not before, in Redis too', async () => {
  const stage = await completed();
  const retention = new Retention(stage.world);
  await retention.afterSweep(NOBODY);
  stage.clock.advanceMs(HOUR_MS - 1);
  await retention.afterSweep(NOBODY);
  expect(await known(stage)).toBe(true);
  stage.clock.advanceMs(HOUR_MS);
  await retention.afterSweep(NOBODY);
  expect(await known(stage)).toBe(false);
  expect(stage.redis.metas.has(one)).toBe(false);
});

it('a file that is there keeps its record', async () => {
  const stage = await completed();
  const retention = new Retention(stage.world);
  for (let hour = 0; hour < 5; hour += 1) {
    await retention.afterSweep((id) => id === one);
    stage.clock.advanceMs(HOUR_MS);
  }
  expect(await known(stage)).toBe(true);
});

it('what is forgotten while Redis is away goes from Redis when it is back', async () => {
  const stage = await completed();
  const retention = new Retention(stage.world);
  await retention.afterSweep(NOBODY);
  stage.redis.isAway = true;
  stage.clock.advanceMs(2 * HOUR_MS);
  await retention.afterSweep(NOBODY);
  expect(await known(stage)).toBe(false);
  stage.redis.isAway = false;
  await settle();
  expect(stage.redis.metas.has(one)).toBe(true);
  stage.clock.advanceMs(HOUR_MS);
  await settle();
  await retention.afterSweep(NOBODY);
  expect(stage.redis.metas.has(one)).toBe(false);
  expect([...stage.redis.sets.values()].some((members) => members.has(one))).toBe(false);
});

it('so does what a daemon forgot that was ended before Redis was back', async () => {
  const stage = await completed();
  await stage.world.journal.forget(one);
  const retention = new Retention(stage.world);
  await retention.afterSweep(NOBODY);
  expect(stage.redis.metas.has(one)).toBe(true);
  stage.clock.advanceMs(2 * HOUR_MS);
  await retention.afterSweep(NOBODY);
  expect(stage.redis.metas.has(one)).toBe(false);
});
