// What only a person can cure: the stream waits, says the real cause, and goes on by itself when it is cured. And who may not run
// beside whom.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { content } from '../../fixtures/writers/content.ts';
import { builtProgram } from '../harness/built-program.ts';
import { Daemon } from '../harness/daemon.ts';
import { type OwnerTest, ownProcess } from '../harness/owned-processes.ts';
import { expectDelivered } from '../harness/proof.ts';
import { BUCKET, CREDENTIALS } from '../harness/s3-server.ts';
import { CHUNK_BYTES, MIB, openScene, type Scene } from '../harness/scene.ts';
import { until } from '../harness/waiting.ts';

const NAME = 'take.mkv';
const readiness = async (scene: Scene) =>
  JSON.parse(await scene.daemon.text('/readyz')) as { ready: boolean; reasons: readonly string[] };

/** What `tailrace status` prints. */
async function statusOf(test_: OwnerTest, scene: Scene): Promise<string> {
  const { main } = await builtProgram();
  const status = ownProcess(test_, process.execPath, [main, 'status', '--state-dir', scene.daemon.stateDir], {
    env: { PATH: process.env['PATH'] ?? '' },
  });
  await status.ended;
  return status.output();
}

describe.concurrent('a cause that a person can cure', { timeout: 120_000 }, () => {
  test('F40 a missing bucket: parked with the cause and the hint, everywhere; gone on by itself when the bucket is there', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    await scene.s3.deleteBucket();
    await scene.daemon.start({ until: 'listening' });
    await writeFile(scene.path(NAME), content(CHUNK_BYTES + MIB));
    const parked = await scene.daemon.waitForState(NAME, 'failed.parked');
    expect(parked.failure).toMatchObject({ code: 's3_no_such_bucket', cure: 'operator' });
    expect(parked.failure?.hint).toMatch(/Create it/);
    expect(parked.status).toBe('failed_finalization');
    expect(await readiness(scene)).toMatchObject({
      ready: false,
      reasons: [expect.stringContaining('s3_no_such_bucket')],
    });
    const status = await statusOf(context, scene);
    expect(status).toContain('does not exist');
    await scene.s3.createBucket();
    await expectDelivered(scene, NAME);
    expect(await readiness(scene)).toEqual({ ready: true, reasons: [] });
  });

  test('a missing bucket, and no file yet: ready by itself when the bucket is there', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    await scene.s3.deleteBucket();
    await scene.daemon.start({ until: 'listening' });
    await until('it says why not', async () => ((await readiness(scene)).reasons.length > 0 ? true : null));
    await scene.s3.createBucket();
    await until('it is ready', async () => ((await readiness(scene)).ready ? true : null), 20_000);
  });

  test('wrong credentials: the real cause, no secret told; a restart with the right ones delivers', async (context) => {
    const secret = 'not-the-secret-of-this-server';
    const scene = await openScene(context, { startDaemon: false });
    await scene.daemon.start({ until: 'listening', settings: { S3_SECRET_ACCESS_KEY: secret } });
    await writeFile(scene.path(NAME), content(CHUNK_BYTES + MIB));
    const parked = await scene.daemon.waitForState(NAME, 'failed.parked');
    expect(parked.failure).toMatchObject({ code: 's3_credentials_wrong' });
    expect((await readiness(scene)).reasons).toEqual([expect.stringContaining('s3_credentials_wrong')]);
    expect(scene.daemon.log()).not.toContain(secret);
    expect(await scene.daemon.text('/api/v1/streams')).not.toContain(secret);
    await scene.daemon.drain();
    await scene.daemon.start({ settings: { S3_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey } });
    await expectDelivered(scene, NAME);
  });

  test('F39 the right to complete alone is refused: waits, nothing is aborted, goes on when it may', async (context) => {
    const scene = await openScene(context);
    await scene.s3.addFaults({
      operation: 'CompleteMultipartUpload',
      key: NAME,
      fault: 'status503',
      code: 'AccessDenied',
    });
    await writeFile(scene.path(NAME), content(CHUNK_BYTES + MIB));
    const parked = await scene.daemon.waitForState(NAME, 'failed.parked');
    expect(parked).toMatchObject({ status: 'failed_s3_complete', failure: { code: 's3_access_denied' } });
    expect((await scene.s3.openUploads()).map(({ key }) => key)).toEqual([NAME]);
    await scene.s3.clearFaults();
    const { stream } = await expectDelivered(scene, NAME);
    expect(stream.generation).toBe(1);
  });
});

describe.concurrent('a second daemon', { timeout: 120_000 }, () => {
  const second = (context: OwnerTest, scene: Scene, settings: Readonly<Record<string, string>>) =>
    new Daemon(context, {
      ...{ STREAM_TIMEOUT_SECONDS: '3', PROM_PORT: '0', S3_BUCKET_NAME: BUCKET, S3_ENDPOINT_URL: scene.s3.url },
      ...{ S3_ACCESS_KEY_ID: CREDENTIALS.accessKeyId, S3_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey },
      ...{ WATCH_DIR: scene.recordings, STATE_DIR: scene.daemon.stateDir, ...settings },
    });

  test.for([
    ['on the same folder', (scene: Scene) => ({ STATE_DIR: join(scene.folder, 'state2') })],
    ['on the same STATE_DIR', (scene: Scene) => ({ WATCH_DIR: join(scene.folder, 's3') })],
  ] as const)(
    '%s refuses with the name of the holder, exit 75, and touches nothing',
    async ([_where, settings], context) => {
      const scene = await openScene(context, { settings: { INSTANCE_NAME: 'first-camera' } });
      const intruder = second(context, scene, settings(scene));
      await intruder.start({ until: 'nothing' });
      expect(await intruder.ended()).toEqual({ exitCode: 75, signal: null });
      expect(intruder.log()).toContain('first-camera');
      expect(intruder.log()).toContain(String(scene.daemon.pid));
      await writeFile(scene.path(NAME), content(MIB));
      await expectDelivered(scene, NAME);
    },
  );

  test('is let in as soon as the first is dead, however it died', async (context) => {
    const scene = await openScene(context);
    await scene.daemon.kill('SIGKILL');
    await scene.daemon.start();
    await writeFile(scene.path(NAME), content(MIB));
    await expectDelivered(scene, NAME);
  });
});
