// An upload that grows too old or runs out of part numbers is replaced in good time: on the real actor system, with fakes for the world.

import { afterEach, describe, expect, test } from 'vitest';
import { failureOf } from '../../src/machines/failure.ts';
import { uniformPlan } from '../../src/machines/part-plan.ts';
import { MemoryS3 } from '../fakes/memory-object-store.ts';
import { type FakeDaemon, startFakeDaemon } from './fake-daemon.ts';
import { BUCKET, bytes, createStage, FOLDER, PART_BYTES, type Stage } from './stage.ts';

const TAKE = `${FOLDER}/take.mkv`;
const HOUR_MS = 3_600_000;
const running: FakeDaemon[] = [];
afterEach(() => {
  for (const daemon of running.splice(0)) daemon.crash();
});

async function start(stage: Stage): Promise<FakeDaemon> {
  const daemon = await startFakeDaemon(stage);
  running.push(daemon);
  return daemon;
}

/** A provider that ends each upload an hour after it was opened, whatever arrives. */
async function forgetfulStage(): Promise<Stage> {
  const stage = await createStage();
  const now = () => stage.clock.nowMs();
  stage.s3 = new MemoryS3({ buckets: [BUCKET], now, minPartBytes: 1, capabilities: { maxUploadAgeMs: HOUR_MS } });
  stage.store = stage.s3.connect();
  await stage.restart();
  stage.writers.otherwise = 'open';
  return stage;
}

/** A recording to which a part is appended every ten minutes; it is never idle. */
async function recordFor(stage: Stage, hours: number): Promise<void> {
  const endMs = stage.clock.nowMs() + hours * HOUR_MS;
  for (let n = 1; stage.clock.nowMs() < endMs; n += 1) {
    stage.files.append(TAKE, bytes(PART_BYTES, n));
    const nextMs = stage.clock.nowMs() + 600_000;
    await stage.until(() => stage.clock.nowMs() >= nextMs, HOUR_MS);
  }
}

const openUploads = (stage: Stage) => [...stage.s3.uploads.values()].filter((upload) => stage.s3.isOpen(upload));

const objectBytes = (stage: Stage, key: string) => Buffer.concat(stage.s3.bucket(BUCKET).get(key)?.pieces ?? []);

async function expectDelivered(stage: Stage, daemon: FakeDaemon): Promise<void> {
  stage.writers.otherwise = 'none';
  await daemon.waitFor(TAKE, 'completed');
  expect(objectBytes(stage, 'take.mkv')).toEqual(Buffer.from(stage.files.bytesOf(TAKE) ?? []));
  expect(openUploads(stage)).toEqual([]);
  expect(daemon.viewOf(TAKE)?.leftUploads).toEqual([]);
}

describe('an upload that would be ended by the provider', () => {
  test('F41 is replaced before, again and again, and what is at risk stays small', async () => {
    const stage = await forgetfulStage();
    stage.files.write(TAKE, bytes(3 * PART_BYTES));
    const daemon = await start(stage);
    await daemon.waitFor(TAKE, (view) => view.sentBytes > 0);
    await recordFor(stage, 5);
    const view = daemon.viewOf(TAKE);
    expect(view?.generation).toBeGreaterThan(5);
    expect(view?.atRiskBytes).toBeLessThanOrEqual(3 * PART_BYTES);
    expect(stage.log.filter(({ fields }) => fields['code'] === 'upload_not_found')).toEqual([]);
    await expectDelivered(stage, daemon);
  });

  test('F41 is replaced where only the user knows the age', async () => {
    const stage = await createStage({ settings: { maxUploadAgeMs: HOUR_MS } });
    stage.writers.otherwise = 'open';
    stage.files.write(TAKE, bytes(3 * PART_BYTES));
    const daemon = await start(stage);
    await recordFor(stage, 0.7);
    expect(openUploads(stage).length, 'nothing partial is given up before all of it is in an object').toBe(2);
    expect(daemon.viewOf(TAKE)?.leftUploads).toMatchObject([{ why: 'rolled_over' }]);
    await expectDelivered(stage, daemon);
  });

  test('is ended after a crash too, also when its file is another one by then', async () => {
    const stage = await createStage({ settings: { maxUploadAgeMs: HOUR_MS } });
    stage.writers.otherwise = 'open';
    stage.files.write(TAKE, bytes(3 * PART_BYTES));
    const { store } = stage;
    stage.store = { ...store, abortUpload: async () => ({ ok: false, failure: failureOf('s3_unavailable', 'away') }) };
    await stage.restart();
    const daemon = await start(stage);
    await recordFor(stage, 0.7);
    stage.writers.otherwise = 'none';
    await daemon.waitFor(TAKE, 's3_completed.clearing');
    daemon.crash();
    stage.store = store;
    stage.files.append(TAKE, 'more');
    await stage.restart();
    await expectDelivered(stage, await start(stage));
  });

  test('is kept, when the file was cut shorter after the stream had left it', async () => {
    const stage = await createStage({ settings: { maxUploadAgeMs: HOUR_MS } });
    stage.writers.otherwise = 'open';
    stage.files.write(TAKE, bytes(9 * PART_BYTES));
    const daemon = await start(stage);
    await recordFor(stage, 0.8);
    await daemon.waitFor(TAKE, (view) => view.leftUploads.length === 1 && view.state === 'active.waiting');
    stage.files.truncate(TAKE, PART_BYTES + 1);
    stage.writers.otherwise = 'none';
    const done = await daemon.waitFor(TAKE, 'completed');
    expect(done.leftUploads.map(({ why }) => why)).toEqual(['truncated', 'truncated']);
    expect(openUploads(stage)).toHaveLength(2);
    expect(objectBytes(stage, done.key ?? '')).toEqual(Buffer.from(stage.files.bytesOf(TAKE) ?? []));
  });
});

describe('an upload that runs out of part numbers', () => {
  const settings = { maxParts: 20, plan: uniformPlan(PART_BYTES) };

  test('F68 is replaced by one with larger parts while the file grows', async () => {
    const stage = await createStage({ settings });
    stage.writers.otherwise = 'open';
    stage.files.write(TAKE, bytes(3 * PART_BYTES));
    const daemon = await start(stage);
    await recordFor(stage, 20);
    expect(daemon.viewOf(TAKE)?.generation).toBeGreaterThan(2);
    await expectDelivered(stage, daemon);
  });

  test('F68 is opened with parts large enough for a file that is there already', async () => {
    const stage = await createStage({ settings });
    stage.files.write(TAKE, bytes(100 * PART_BYTES));
    const daemon = await start(stage);
    await expectDelivered(stage, daemon);
    expect(daemon.viewOf(TAKE)?.generation).toBe(1);
  });

  test('is gone on with after everything was forgotten, by the sizes of the parts it lists', async () => {
    const stage = await createStage({ settings });
    stage.writers.otherwise = 'open';
    stage.files.write(TAKE, bytes(100 * PART_BYTES));
    const daemon = await start(stage);
    const { uploadId } = await daemon.waitFor(TAKE, (view) => view.partsHeld > 5 && view.state === 'active.waiting');
    daemon.crash();
    stage.disk.streams.clear();
    stage.disk.keys.clear();
    await stage.restart();
    const again = await start(stage);
    const view = await again.waitFor(TAKE, (each) => each.partsHeld > 5);
    expect(view.uploadId).toBe(uploadId);
    await expectDelivered(stage, again);
  });
});
