// Settings that change what is sent and where: each with a writer that goes back, because that is where they could go wrong.

import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { content } from '../../fixtures/writers/content.ts';
import { Recording } from '../../fixtures/writers/recording.ts';
import { callWitness, expectDelivered, expectObject, fileOf } from '../harness/proof.ts';
import { CHUNK_BYTES, MIB, openScene } from '../harness/scene.ts';

describe.concurrent('settings', { timeout: 120_000 }, () => {
  test('PART_PLAN=uniform: all parts but the tail are equal', async (context) => {
    const scene = await openScene(context, { settings: { PART_PLAN: 'uniform', CHUNK_SIZE_BYTES: '6MiB' } });
    const witness = callWitness(context, scene);
    const recording = await Recording.start(context, scene.path('uniform.bin'));
    await recording.append(20 * MIB);
    await scene.daemon.waitForState('uniform.bin', ({ partsHeld }) => partsHeld >= 2);
    await recording.overwriteSecretly(7 * MIB, content(10, 2));
    await recording.close();
    const { receipt } = await expectDelivered(scene, 'uniform.bin');
    expect(receipt.parts.map(({ size }) => size)).toEqual([6 * MIB, 6 * MIB, 6 * MIB, 2 * MIB]);
    await witness.testify();
  });

  test('VERIFY_SOURCE=append-only: a patched head and a patched end are in the object', async (context) => {
    const scene = await openScene(context, { settings: { VERIFY_SOURCE: 'append-only' } });
    const recording = await Recording.start(context, scene.path('mostly.bin'));
    await recording.append(5 * CHUNK_BYTES);
    await scene.daemon.waitForState('mostly.bin', ({ partsHeld }) => partsHeld >= 4);
    await recording.overwrite(4, Buffer.from('head'));
    await recording.overwrite(5 * CHUNK_BYTES - 9, Buffer.from('end'));
    await recording.close();
    await expectDelivered(scene, 'mostly.bin');
  });

  test('S3_KEY_PREFIX and S3_KEY_TEMPLATE say where the objects go', async (context) => {
    const scene = await openScene(context, { settings: { S3_KEY_PREFIX: 'court/3/', S3_KEY_TEMPLATE: 'in/{path}' } });
    await mkdir(scene.path('room'));
    await writeFile(scene.path('room/a.bin'), content(MIB));
    await expectDelivered(scene, 'a.bin', { key: 'court/3/in/room/a.bin' });
  });

  test('two watched folders with a file of the same name: both arrive', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    const other = join(scene.folder, 'other');
    await mkdir(other);
    await scene.daemon.start({ settings: { WATCH_DIR: `${scene.recordings}:${other}` } });
    await writeFile(scene.path('same.bin'), content(MIB, 1));
    await writeFile(join(other, 'same.bin'), content(MIB + 1, 2));
    await scene.daemon.waitForStreams(
      'both are completed',
      (streams) => streams.filter(({ status }) => status === 'completed').length === 2,
    );
    for (const { path, key } of await scene.daemon.streams()) await expectObject(scene, key ?? '', await fileOf(path));
    expect((await scene.s3.keys()).filter((key) => !key.endsWith('.json'))).toEqual(['same.bin', 'same~2.bin']);
  });

  test('AFTER_COMPLETE=delete: the file is gone when its object is proven, and not before', async (context) => {
    const scene = await openScene(context, { settings: { AFTER_COMPLETE: 'delete' } });
    const recording = await Recording.start(context, scene.path('take.bin'));
    await recording.append(12 * MIB);
    await scene.daemon.waitForState('take.bin', ({ partsHeld }) => partsHeld >= 1);
    await recording.overwrite(4, Buffer.from('head'));
    const whole = await readFile(scene.path('take.bin'));
    await recording.close();
    const done = await scene.daemon.waitForState('take.bin', ({ status }) => status === 'completed');
    expect(await readdir(scene.recordings)).toEqual([]);
    const object = await scene.s3.bytesOf(done.key ?? '');
    expect(object?.equals(whole)).toBe(true);
  });

  test('AFTER_COMPLETE=move: the file lies in the other folder, below its own', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    const done = join(scene.folder, 'done');
    await scene.daemon.start({ settings: { AFTER_COMPLETE: `move:${done}` } });
    await mkdir(scene.path('room'));
    await writeFile(scene.path('room/a.bin'), content(MIB));
    await scene.daemon.waitForState('a.bin', ({ status }) => status === 'completed');
    expect(await readFile(join(done, 'room/a.bin'))).toEqual(Buffer.from(content(MIB)));
    expect(await readdir(scene.path('room'))).toEqual([]);
  });

  test('WATCH_DIR may be a link to the folder, and end in a slash', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    const link = join(scene.folder, 'link');
    await symlink(scene.recordings, link);
    await mkdir(scene.path('sub'));
    await scene.daemon.start({ settings: { WATCH_DIR: `${link}/` } });
    await writeFile(scene.path('sub/a.bin'), content(MIB, 1));
    await writeFile(scene.path('b.bin'), content(MIB, 2));
    await expectDelivered(scene, 'a.bin', { key: 'sub/a.bin' });
    await scene.daemon.waitForState('b.bin', 'completed');
    await expectObject(scene, 'b.bin', await fileOf(scene.path('b.bin')));
  });

  test('S3_ON_EXISTING: a foreign object is passed by, replaced, or in the way, as was said', async (context) => {
    const foreign = Buffer.from('not ours');
    const wanted = { rename: 'mine~2.bin', overwrite: 'mine.bin', fail: null };
    for (const [setting, key] of Object.entries(wanted)) {
      const scene = await openScene(context, { startDaemon: false, settings: { S3_ON_EXISTING: setting } });
      await scene.s3.putObject('mine.bin', foreign);
      await scene.daemon.start();
      await writeFile(scene.path('mine.bin'), content(MIB));
      if (key === null) {
        await scene.daemon.waitForState('mine.bin', 'failed_conflict');
        expect(await scene.s3.keys()).toEqual(['mine.bin']);
        expect(await scene.s3.openUploads()).toEqual([]);
      } else await expectDelivered(scene, 'mine.bin', { key });
      if (key !== 'mine.bin') expect(await scene.s3.bytesOf('mine.bin')).toEqual(foreign);
      await scene.daemon.kill();
    }
  });

  test('run --once carries what is there and ends well', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    await writeFile(scene.path('one.bin'), content(2 * CHUNK_BYTES, 1));
    await writeFile(scene.path('two.bin'), content(1_000, 2));
    await writeFile(scene.path('empty.bin'), '');
    await scene.daemon.start({ args: ['--once'], until: 'listening' });
    expect(await scene.daemon.ended()).toEqual({ exitCode: 0, signal: null });
    for (const name of ['one.bin', 'two.bin']) await expectObject(scene, name, await fileOf(scene.path(name)));
    expect(await scene.s3.keys()).toHaveLength(4);
    expect(await scene.s3.openUploads()).toEqual([]);
  });
});
