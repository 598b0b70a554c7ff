// What the daemon finds when it starts: Redis, STATE_DIR or both emptied, old, cut off or of another version, with a stream in each
// state. Each is rebuilt from the other; from both lost: the files and what S3 lists.

import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { readdir, rename, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, type TestContext, test } from 'vitest';
import { content } from '../../fixtures/writers/content.ts';
import { expectDelivered } from '../harness/proof.ts';
import { CHUNK_BYTES, MIB, openScene, type Scene } from '../harness/scene.ts';
import { loseStateDir, RedisSight } from '../recovery/looking.ts';
import { dumpOf } from './dump.ts';
import {
  expectAllGoesOn,
  expectAllRight,
  GROWING,
  type HeldStreams,
  holdStreams,
  journalOf,
  untilRegistryAnswers,
  Writer,
} from './held-streams.ts';

/** Happens while the daemon is dead. */
type Loss = (streams: HeldStreams) => Promise<unknown>;

/** Of one Redis command and a bit. */
const CUT_OFF_BYTES = 300;

const cutAofTail: Loss = async ({ scene, sight }) => {
  const { redis } = scene;
  if (!redis) throw new Error('there is no Redis');
  await sight.redis.config('SET', 'appendfsync', 'always');
  await redis.kill();
  const folder = join(redis.folder, 'appendonlydir');
  const name = (await readdir(folder)).find((each) => each.endsWith('.incr.aof')) ?? '';
  const { size } = await stat(join(folder, name));
  await truncate(join(folder, name), size - CUT_OFF_BYTES);
  await redis.start();
};

/** Of an upload without parts nobody can tell then whose it was: it would be left to `gc`. */
async function loseAllMemory(scene: Scene): Promise<void> {
  await loseStateDir(scene);
  for (const upload of await scene.s3.openUploads())
    if (upload.key === 'resending.bin') await scene.s3.abortUpload(upload);
}

const losesSets: Loss = async ({ sight }) => sight.redis.del(...(await sight.redis.keys('streams:*')));

/** Nothing is lost or doubled, and journal and Redis are right again. */
async function survives(context: TestContext, ...losses: readonly Loss[]): Promise<void> {
  const streams = await holdStreams(context);
  await streams.scene.daemon.kill();
  for (const happens of losses) await happens(streams);
  await streams.scene.daemon.start();
  await expectAllGoesOn(streams);
  // What was in flight as it was killed may be sent again.
  await expectAllRight(streams, { partsAtMost: 2 });
}

const flushed: Loss = ({ sight }) => sight.redis.flushall();

describe.concurrent('while the daemon was dead, with a stream in each state,', { timeout: 300_000 }, () => {
  test('F48 F54 F56 Redis was emptied, then the end of its append-only file cut off, then its status sets emptied: it is written again from the journal', async (context) => {
    const streams = await holdStreams(context);
    const losses = [flushed, cutAofTail, losesSets];
    const ids = (await streams.scene.daemon.streams()).map(({ id }) => id);
    for (const happens of losses) {
      await streams.scene.daemon.kill();
      await happens(streams);
      await streams.scene.daemon.start();
      for (const id of ids) await streams.sight.waitFor(`${id} in one set`, id, ({ sets }) => sets.length === 1);
    }
    await expectAllGoesOn(streams);
    await expectAllRight(streams, { partsAtMost: 1 + losses.length });
  });

  test('F48 STATE_DIR was lost: the journal is filled from Redis, and nothing is doubled', (context) =>
    survives(context, ({ scene }) => loseStateDir(scene)));

  test('F48 F72 both were lost: files and S3 tell enough, and nothing is doubled', (context) =>
    survives(context, flushed, ({ scene }) => loseAllMemory(scene)));

  test('F56 F48 the status sets lost their members, and STATE_DIR was lost: nothing is doubled', (context) =>
    survives(context, losesSets, ({ scene }) => loseAllMemory(scene)));

  test('F49 Redis came back with an old dump: the journal is newer', async (context) => {
    const streams = await holdStreams(context);
    const restore = await dumpOf(streams.sight.redis);
    await streams.growing.append(CHUNK_BYTES);
    await streams.scene.daemon.waitForState(GROWING, ({ partsHeld }) => partsHeld === 3);
    await streams.scene.daemon.kill();
    await restore();
    await streams.scene.daemon.start();
    await expectAllGoesOn(streams);
    await expectAllRight(streams, { partsAtMost: 2 });
  });

  test('F49 F48 Redis came back with an old dump and STATE_DIR was lost: what S3 lists counts', async (context) => {
    const streams = await holdStreams(context);
    const restore = await dumpOf(streams.sight.redis);
    await streams.growing.append(CHUNK_BYTES);
    await streams.scene.daemon.waitForState(GROWING, ({ partsHeld }) => partsHeld === 3);
    await streams.scene.s3.clearFaults();
    await streams.scene.daemon.waitForState('checking.bin', 'completed');
    await streams.scene.daemon.kill();
    await restore();
    await loseStateDir(streams.scene);
    await streams.scene.daemon.start();
    await expectAllGoesOn(streams);
    await expectAllRight(streams, { partsAtMost: 2 });
  });

  test('F46 Redis was gone, and comes back after the daemon has started: it is written again', async (context) => {
    const streams = await holdStreams(context);
    const { scene } = streams;
    await scene.daemon.kill();
    await scene.redis?.kill();
    await scene.daemon.start();
    await expectAllGoesOn(streams);
    await scene.redis?.start();
    await expectAllRight(streams, { partsAtMost: 2 });
  });
});

/** A recording of which two parts are sent. */
async function recordingIn(context: Parameters<typeof openScene>[0], redis = true) {
  const scene = await openScene(context, { redis });
  const recording = await Writer.start(context, scene.path('take.mkv'), 2 * CHUNK_BYTES + MIB);
  const { id } = await scene.daemon.waitForState('take.mkv', ({ partsHeld }) => partsHeld === 2);
  return { scene, recording, id };
}

/** What the daemon may write to one file, as a full disk would: more is refused. Without: as much as it likes. */
const limitFileSize = ({ daemon }: Scene, bytes: number | 'unlimited'): unknown =>
  execFileSync('prlimit', ['--pid', String(daemon.pid), `--fsize=${bytes}:unlimited`]);

describe.concurrent('STATE_DIR', { timeout: 120_000 }, () => {
  test('F69 cannot be written any more (full): parts go up, nothing is completed, and all goes on when there is room', async (context) => {
    const { scene, recording } = await recordingIn(context);
    limitFileSize(scene, 4_096);
    await recording.append(CHUNK_BYTES);
    await scene.daemon.waitForLog('the journal cannot be written');
    await scene.daemon.waitForState('take.mkv', ({ partsHeld }) => partsHeld === 3);
    await recording.close();
    await scene.daemon.waitForState('take.mkv', 'finalizing');
    expect(await scene.s3.objectOf('take.mkv')).toBeNull();
    limitFileSize(scene, 'unlimited');
    const { stream } = await expectDelivered(scene, 'take.mkv');
    expect(stream.generation).toBe(1);
  });

  test('F69 is read-only at the start: said with the exit code of the contract, and carried on when it may be written', async (context) => {
    const { scene, recording } = await recordingIn(context);
    await scene.daemon.kill();
    chmodSync(scene.daemon.stateDir, 0o500);
    context.onTestFinished(() => chmodSync(scene.daemon.stateDir, 0o700));
    await scene.daemon.start({ until: 'nothing', withoutPrivileges: true });
    expect((await scene.daemon.ended()).exitCode).toBe(69);
    expect(scene.daemon.log()).toContain('STATE_DIR');
    chmodSync(scene.daemon.stateDir, 0o700);
    await scene.daemon.start();
    await recording.close();
    const { stream } = await expectDelivered(scene, 'take.mkv');
    expect(stream.generation).toBe(1);
  });

  test('F55 is from a newer version: refused and left as it is; moved away, all of it comes back from Redis and S3', async (context) => {
    const { scene, recording, id } = await recordingIn(context);
    await writeFile(scene.path('done.bin'), content(1_000));
    await expectDelivered(scene, 'done.bin');
    const sight = new RedisSight(context, scene);
    await sight.waitFor('two parts', id, ({ parts }) => parts.length >= 2);
    await scene.daemon.drain();
    const path = join(scene.daemon.stateDir, 'journal.sqlite');
    const journal = new DatabaseSync(path);
    journal.exec(`UPDATE meta SET value = '99' WHERE name = 'schema_version'`);
    journal.close();
    await scene.daemon.start({ until: 'nothing' });
    expect((await scene.daemon.ended()).exitCode).toBe(69);
    expect(scene.daemon.log()).toContain('another version of tailrace');
    await rename(path, `${path}.newer`);
    await scene.daemon.start();
    await recording.close();
    const { stream } = await expectDelivered(scene, 'take.mkv');
    expect(stream).toMatchObject({ id, generation: 1 });
    await untilRegistryAnswers(scene);
    await scene.daemon.drain();
    expect([...journalOf(scene).values()].map(({ record }) => record.state)).toEqual([
      's3_completed.done',
      's3_completed.done',
    ]);
  });

  test('F50 was lost, and Redis tells of an upload that S3 does not have any more: S3 is right, the file is sent again', async (context) => {
    const { scene, recording, id } = await recordingIn(context);
    const sight = new RedisSight(context, scene);
    await sight.waitFor('two parts', id, ({ parts }) => parts.length >= 2);
    await scene.daemon.kill();
    await loseStateDir(scene);
    for (const upload of await scene.s3.openUploads()) await scene.s3.abortUpload(upload);
    await scene.daemon.start();
    await recording.append(CHUNK_BYTES);
    await recording.close();
    const { stream } = await expectDelivered(scene, 'take.mkv');
    expect(stream).toMatchObject({ id, generation: 2 });
    await sight.waitFor(
      'it as completed',
      id,
      ({ meta }) => meta['status'] === 'completed' && meta['generation'] === '2',
    );
  });
});
