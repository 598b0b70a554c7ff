// The daemon is killed, again and again, and what it was about to do is done all the same, once.

import { describe, expect, test } from 'vitest';
import { supervise } from '../../../src/actors/supervise.ts';
import { bytes, createStage, FOLDER, PART_BYTES, type Stage, settle } from '../stage.ts';
import { CONTENT, count, expectObject, keysOf, letPass, never, openUploads, PARTS, start, TAKE } from './life-stage.ts';

/** More turns than a start needs, from its first line to the end of recovering. */
const TURNS = 60;

/** A daemon that is killed so many turns after its start. */
async function dieAfter(stage: Stage, turns: number): Promise<void> {
  await stage.restart();
  const supervisor = supervise(stage.world, null);
  stage.tell = (event) => supervisor.send(event);
  supervisor.start();
  for (let turn = 0; turn < turns; turn += 1) await settle();
  supervisor.stop();
  stage.tell = undefined;
}

describe('killed while it recovers, at every step of it', () => {
  test('F8 with parts at S3: none is sent again, no second upload is opened', async () => {
    const stage = await createStage();
    const counted = count(stage);
    await stage.restart();
    stage.writers.otherwise = 'open';
    stage.files.write(TAKE, CONTENT);
    const daemon = await start(stage);
    await daemon.waitFor(TAKE, ({ partsHeld, state }) => partsHeld === 4 && state === 'active.waiting');
    daemon.crash();
    for (let turns = 0; turns < TURNS; turns += 1) await dieAfter(stage, turns);
    stage.writers.otherwise = 'none';
    await stage.restart();
    const done = await (await start(stage)).waitFor(TAKE, 'completed');
    expect(done.generation).toBe(1);
    expect(counted).toMatchObject({ parts: [1, 2, 3, 4, 5], creates: 1, completes: 1 });
    expectObject(stage, 'take.mkv', CONTENT);
  });

  test('F8 with a Complete of which nobody knows: it is not sent again, nothing is aborted', async () => {
    const stage = await createStage();
    const counted = count(stage, (store) => ({
      completeUpload: async (request, options) => {
        await store.completeUpload(request, options);
        return await never();
      },
    }));
    await stage.restart();
    stage.files.write(TAKE, CONTENT);
    const daemon = await start(stage);
    await stage.until(() => counted.completes || null);
    await stage.world.writeAhead.drain();
    daemon.crash();
    for (let turns = 0; turns < TURNS; turns += 1) await dieAfter(stage, turns);
    await stage.restart();
    const done = await (await start(stage)).waitFor(TAKE, 'completed');
    expect(done.generation).toBe(1);
    expect(counted).toMatchObject({ completes: 1, creates: 1, aborts: 0 });
    expect(counted.parts).toHaveLength(PARTS);
    expectObject(stage, 'take.mkv', CONTENT);
  });
});

describe('killed during an abort', () => {
  test.each([
    ['before it took place', false],
    ['after it took place', true],
  ])('F9 %s: it is repeated, nothing is left, the file stays', async (_when, takesPlace) => {
    const stage = await createStage();
    const counted = count(stage, (store) => ({
      abortUpload: async (request) => {
        if (takesPlace) await store.abortUpload(request);
        return await never();
      },
    }));
    await stage.restart();
    stage.writers.otherwise = 'open';
    stage.files.write(TAKE, CONTENT);
    const daemon = await start(stage);
    const { id } = await daemon.waitFor(TAKE, ({ partsHeld, state }) => partsHeld === 4 && state === 'active.waiting');
    expect(daemon.operator.wish(id, 'abort')).toEqual({ accepted: true });
    await stage.until(() => counted.aborts || null);
    daemon.crash();
    stage.store = stage.s3.connect();
    await stage.restart();
    await (await start(stage)).waitFor(TAKE, 'aborted_by_operator');
    expect(openUploads(stage)).toEqual([]);
    expect(keysOf(stage)).toEqual([]);
    expect(stage.files.bytesOf(TAKE)).toEqual(CONTENT);
  });
});

describe('what is on record lives again, whatever the watcher sees', () => {
  test('F56 every stream that is not final, and none that is', async () => {
    const stage = await createStage();
    const path = (name: string) => `${FOLDER}/${name}`;
    const daemon = await start(stage);
    stage.files.write(path('done'), bytes(100, 1));
    const done = await daemon.waitFor(path('done'), 'completed');
    stage.writers.otherwise = 'open';
    for (const [at, name] of ['small', 'half', 'whole'].entries())
      stage.files.write(path(name), bytes([10, PART_BYTES + 10, 3 * PART_BYTES][at] ?? 0, at + 2));
    for (const name of ['small', 'half', 'whole'])
      await daemon.waitFor(path(name), ({ state, sizeBytes }) => state === 'active.waiting' && sizeBytes > 0);
    await stage.world.writeAhead.drain();
    daemon.crash();
    await stage.restart();
    // No sweep finds a file, and no event tells of one.
    (stage.world.watcher as unknown as { unreadable: Set<string> }).unreadable.add(FOLDER);
    const again = await start(stage);
    expect(stage.world.streams.get(done.id)).toBeUndefined();
    stage.writers.otherwise = 'none';
    for (const name of ['small', 'half', 'whole']) {
      await again.waitFor(path(name), 'completed');
      expectObject(stage, name, stage.files.bytesOf(path(name)));
    }
  });
});

describe('while no daemon runs', () => {
  async function halfSent(): Promise<Stage> {
    const stage = await createStage();
    stage.writers.otherwise = 'open';
    stage.files.write(TAKE, CONTENT);
    const daemon = await start(stage);
    await daemon.waitFor(TAKE, ({ partsHeld, state }) => partsHeld === 4 && state === 'active.waiting');
    await stage.world.writeAhead.drain();
    daemon.crash();
    return stage;
  }

  test('F62 the file is unlinked: it is told as failed, and the parts that are there are kept and listed', async () => {
    const stage = await halfSent();
    stage.files.unlink(TAKE);
    stage.writers.otherwise = 'none';
    await stage.restart();
    const daemon = await start(stage);
    const failed = await daemon.waitFor(TAKE, 'failed_source');
    expect(failed).toMatchObject({ state: 'failed.ended', partsHeld: 4, failure: { code: 'source_gone' } });
    await letPass(stage, 3_600_000);
    expect(openUploads(stage).map(({ parts }) => parts.size)).toEqual([4]);
    expect(daemon.viewOf(TAKE)?.uploadId).toBe(failed.uploadId);
  });

  test('F63 another file takes its place: a stream of its own, and no part of the first one is taken for it', async () => {
    const stage = await halfSent();
    const [before] = openUploads(stage);
    stage.files.unlink(TAKE);
    const other = bytes(3 * PART_BYTES + 5, 9);
    stage.files.write(TAKE, other);
    stage.writers.otherwise = 'none';
    await stage.restart();
    await start(stage);
    const done = await stage.until(() => [...stage.views.values()].find(({ status }) => status === 'completed'));
    expectObject(stage, done.key ?? '', other);
    expect(openUploads(stage)).toEqual([before]);
    expect([...stage.views.values()].map(({ status }) => status).sort()).toEqual(['completed', 'failed_source']);
  });
});
