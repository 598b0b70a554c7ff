// kill -9 at the moments that hurt, with and without what was remembered: the same object, no part sent twice that S3 holds,
// no second Complete for one that took place, no upload left open.

import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, type TestContext, test } from 'vitest';
import type { FaultRule } from '../../../src/dev-s3/faults.ts';
import { content } from '../../fixtures/writers/content.ts';
import { expectDelivered } from '../harness/proof.ts';
import { CHUNK_BYTES, MIB, openScene, type Scene } from '../harness/scene.ts';
import { until } from '../harness/waiting.ts';
import { loseStateDir, onceEach, RedisSight, requestsFor, timesTaken } from './looking.ts';

const NAME = 'take.mkv';
/** Five whole parts and a tail. */
const FILE_BYTES = 5 * CHUNK_BYTES + MIB;
const PARTS = 6;
/** Longer than any test: the answer never comes. */
const NEVER_MS = 600_000;

interface Moment {
  readonly name: string;
  readonly fault: FaultRule;
  /** Resolves when the daemon is at the moment. */
  readonly reached: (scene: Scene) => Promise<unknown>;
  /** The state that the journal has then. */
  readonly state: string;
  /** Completes that are owed after the restart: none for one that took place. */
  readonly completesOwed: number;
  /** A Complete may be under way at S3: none is sent beside it. */
  readonly isInDoubt?: true;
}

const stateOf = async (scene: Scene): Promise<string | null> => (await scene.daemon.stream(NAME))?.state ?? null;
const isIn = (scene: Scene, state: string) =>
  until(`the stream is ${state}`, async () => ((await stateOf(scene)) === state ? true : null));

const MOMENTS: readonly Moment[] = [
  {
    name: 'F1 between Create and its answer',
    fault: { operation: 'CreateMultipartUpload', key: NAME, fault: 'slow', delayMs: NEVER_MS, times: 1 },
    reached: (scene) =>
      until('an upload is open', async () => (await scene.s3.openUploads()).find(({ key }) => key === NAME) ?? null),
    state: 'active.opening',
    completesOwed: 1,
  },
  {
    name: 'F2 with half a part sent',
    fault: { operation: 'UploadPart', key: NAME, partNumber: 3, fault: 'stall', afterBytes: MIB, times: 1 },
    reached: (scene) => scene.daemon.waitForState(NAME, ({ partsHeld }) => partsHeld === PARTS - 2),
    state: 'active.uploading',
    completesOwed: 1,
  },
  {
    name: 'F3 with a part at S3 whose answer did not come',
    fault: { operation: 'UploadPart', key: NAME, partNumber: 3, fault: 'slow', delayMs: NEVER_MS, times: 1 },
    reached: (scene) => scene.daemon.waitForState(NAME, ({ partsHeld }) => partsHeld === PARTS - 2),
    state: 'active.uploading',
    completesOwed: 1,
  },
  {
    name: 'F5 with Complete on its way, not executed',
    fault: { operation: 'CompleteMultipartUpload', key: NAME, fault: 'stall', times: 1 },
    reached: (scene) => isIn(scene, 'finalizing.completing'),
    state: 'finalizing.completing',
    completesOwed: 1,
    isInDoubt: true,
  },
  {
    name: 'F6 F44 right after Complete, before its answer',
    fault: { operation: 'CompleteMultipartUpload', key: NAME, fault: 'slow', delayMs: NEVER_MS, times: 1 },
    reached: (scene) => until('the object is there', async () => await scene.s3.objectOf(NAME)),
    state: 'finalizing.completing',
    completesOwed: 0,
  },
  {
    name: 'F7 between the proof and the receipt',
    fault: { operation: 'PutObject', key: `${NAME}.metadata.json`, fault: 'stall', times: 1 },
    reached: (scene) => isIn(scene, 's3_completed.publishing'),
    state: 's3_completed.publishing',
    completesOwed: 0,
  },
];

const LOSSES = {
  nothing: 'nothing is lost',
  stateDir: 'STATE_DIR is lost, Redis is kept',
  redis: 'Redis is emptied, STATE_DIR is kept',
  both: 'STATE_DIR is lost, and there was no Redis',
} as const;
type Loss = keyof typeof LOSSES;

/** Longer than anything else that a start waits for (late arrivals: 5 s), so that it is seen to be waited out. */
const DOUBT_MS = 9_000;

async function crashAt(context: TestContext, moment: Moment, loss: Loss): Promise<void> {
  const hasRedis = loss === 'stateDir' || loss === 'redis';
  const scene = await openScene(context, {
    redis: hasRedis,
    settings: { S3_COMPLETE_DOUBT_SECONDS: String(DOUBT_MS / 1000) },
  });
  const sight = hasRedis ? new RedisSight(context, scene) : null;
  await scene.s3.addFaults(moment.fault);
  // Whole at the first sight of it: how many parts go up together must not depend on how far a copy has come.
  const elsewhere = join(scene.folder, NAME);
  await writeFile(elsewhere, content(FILE_BYTES));
  await rename(elsewhere, scene.path(NAME));
  await moment.reached(scene);
  const { id } = (await scene.daemon.stream(NAME)) ?? { id: '' };
  await sight?.waitFor(moment.state, id, ({ state }) => state === moment.state);

  await scene.daemon.kill();
  await scene.s3.clearFaults();
  if (loss === 'stateDir' || loss === 'both') await loseStateDir(scene);
  if (loss === 'redis') await sight?.redis.flushall();
  const restartedAtMs = Date.now();
  await scene.daemon.start();

  const { stream } = await expectDelivered(scene, NAME);
  expect(stream.id).toBe(id);
  expect(stream.generation, 'no second upload was needed').toBe(1);
  expect(await timesTaken(scene, NAME), 'how often S3 took each part').toEqual(onceEach(PARTS));
  const completes = (await requestsFor(scene, 'CompleteMultipartUpload')).filter(
    ({ key, startedAtMs }) => key === NAME && startedAtMs > restartedAtMs,
  );
  expect(completes, 'Completes after the restart').toHaveLength(moment.completesOwed);
  if (moment.isInDoubt && loss !== 'both')
    expect((completes[0]?.startedAtMs ?? 0) - restartedAtMs, 'ms until Complete was sent again').toBeGreaterThan(
      DOUBT_MS,
    );
  expect(await scene.s3.keys()).toEqual([NAME, `${NAME}.metadata.json`]);
  if (!sight) return;
  const seen = await sight.waitFor('it as completed', id, ({ meta }) => meta['status'] === 'completed');
  expect(seen).toMatchObject({ sets: ['streams:completed'], parts: [], state: null });
}

const moments = (...names: readonly string[]) => MOMENTS.filter(({ name }) => names.includes(name));
const PART_AT_S3 = 'F3 with a part at S3 whose answer did not come';
const AFTER_COMPLETE = 'F6 F44 right after Complete, before its answer';

describe.concurrent('killed, and nothing is lost', { timeout: 120_000 }, () => {
  test.for(MOMENTS)('$name', (moment, context) => crashAt(context, moment, 'nothing'));
});

describe.concurrent(`killed, and ${LOSSES.stateDir}`, { timeout: 120_000 }, () => {
  test.for(
    moments('F1 between Create and its answer', PART_AT_S3, AFTER_COMPLETE, 'F7 between the proof and the receipt'),
  )('F48 with STATE_DIR lost and Redis kept: $name', (moment, context) => crashAt(context, moment, 'stateDir'));
});

describe.concurrent(`killed, and ${LOSSES.redis}`, { timeout: 120_000 }, () => {
  test.for(moments(PART_AT_S3, AFTER_COMPLETE))('F48 with Redis emptied and STATE_DIR kept: $name', (moment, context) =>
    crashAt(context, moment, 'redis'),
  );
});

describe.concurrent(`killed, and ${LOSSES.both}`, { timeout: 120_000 }, () => {
  test.for(moments(PART_AT_S3, 'F5 with Complete on its way, not executed', AFTER_COMPLETE))(
    'F48 F72 with STATE_DIR lost and no Redis: $name',
    (moment, context) => crashAt(context, moment, 'both'),
  );
});
