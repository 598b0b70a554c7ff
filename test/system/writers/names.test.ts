// Names: what a file is called, becomes called, or is not called any more never decides what arrives, only under which key.

import { spawnSync } from 'node:child_process';
import { link, mkdir, rename, symlink, unlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { content } from '../../fixtures/writers/content.ts';
import { Recording } from '../../fixtures/writers/recording.ts';
import { pathOfProgram } from '../harness/owned-processes.ts';
import { callWitness, expectDelivered, expectObject, fileOf, fileOfBytes, receiptOf } from '../harness/proof.ts';
import { CHUNK_BYTES, MIB, openScene, type Scene } from '../harness/scene.ts';

async function allCompleted(scene: Scene, count: number): Promise<void> {
  await scene.daemon.waitForStreams(
    `${count} streams are completed`,
    (streams) => streams.filter(({ status }) => status === 'completed').length === count,
  );
}

describe.concurrent('names that change while the file grows', { timeout: 120_000 }, () => {
  test('F61 a renamed file keeps the key under which it began', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    const recording = await Recording.start(context, scene.path('rec.tmp.mkv'));
    await recording.append(CHUNK_BYTES + MIB);
    const { id } = await scene.daemon.waitForState('rec.tmp.mkv', ({ partsHeld }) => partsHeld > 0);
    await rename(scene.path('rec.tmp.mkv'), scene.path('rec.mkv'));
    await recording.append(CHUNK_BYTES);
    await recording.close();
    const { stream } = await expectDelivered(scene, 'rec.mkv', { key: 'rec.tmp.mkv' });
    expect(stream).toMatchObject({ id, generation: 1 });
    expect(await scene.daemon.streams()).toHaveLength(1);
    await witness.testify();
  });

  test('F61 F76 a second file under the name of a renamed one gets another key', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    const first = await Recording.start(context, scene.path('app.log'), { seed: 1 });
    await first.append(CHUNK_BYTES + MIB);
    await scene.daemon.waitForState('app.log', ({ partsHeld }) => partsHeld > 0);
    await rename(scene.path('app.log'), scene.path('app.log.1'));
    const second = await Recording.start(context, scene.path('app.log'), { seed: 2 });
    await second.append(CHUNK_BYTES + 2 * MIB);
    await first.append(MIB);
    await first.close();
    await second.close();
    await allCompleted(scene, 2);
    await expectDelivered(scene, 'app.log.1', { key: 'app.log' });
    await expectDelivered(scene, 'app.log', { key: 'app~2.log' });
    await witness.testify();
  });

  test('F62 a file that is unlinked while its writer goes on arrives through the held descriptor', async (context) => {
    const scene = await openScene(context);
    const path = scene.path('gone.bin');
    const recording = await Recording.start(context, path, { seed: 3 });
    await recording.append(2 * CHUNK_BYTES);
    await scene.daemon.waitForState('gone.bin', ({ partsHeld }) => partsHeld > 0);
    await unlink(path);
    await recording.append(CHUNK_BYTES + 77);
    await recording.close();
    await scene.daemon.waitForState('gone.bin', 'completed');
    await expectObject(scene, 'gone.bin', fileOfBytes(content(3 * CHUNK_BYTES + 77, 3)));
    expect(await scene.s3.openUploads()).toEqual([]);
  });

  test('F62 a file that is unlinked before its first part was full arrives as well', async (context) => {
    const scene = await openScene(context);
    const path = scene.path('short.bin');
    const recording = await Recording.start(context, path, { seed: 4 });
    await recording.append(MIB);
    await scene.daemon.waitForState('short.bin', ({ sizeBytes }) => sizeBytes === MIB);
    await unlink(path);
    await recording.append(MIB);
    await recording.close();
    await scene.daemon.waitForState('short.bin', 'completed');
    await expectObject(scene, 'short.bin', fileOfBytes(content(2 * MIB, 4)));
  });

  test('F62 beyond MAX_HELD_BYTES it is let go: told as failed_source, its upload is kept', async (context) => {
    const scene = await openScene(context, { settings: { MAX_HELD_BYTES: '1MiB' } });
    const path = scene.path('gone.bin');
    const recording = await Recording.start(context, path, { seed: 3 });
    await recording.append(2 * CHUNK_BYTES);
    const { uploadId } = await scene.daemon.waitForState('gone.bin', ({ partsHeld }) => partsHeld > 0);
    await unlink(path);
    const failed = await scene.daemon.waitForState('gone.bin', 'failed_source');
    expect(failed.failure?.code).toBe('source_gone');
    expect(scene.daemon.log()).toContain('a deleted file is let go');
    expect((await scene.s3.openUploads()).map((upload) => upload.uploadId)).toEqual([uploadId]);
  });

  test('F61 a file that another is renamed over arrives, and so does the other', async (context) => {
    const scene = await openScene(context);
    const first = await Recording.start(context, scene.path('doc.bin'), { seed: 5 });
    await first.append(CHUNK_BYTES + MIB);
    await scene.daemon.waitForState('doc.bin', ({ partsHeld }) => partsHeld > 0);
    await writeFile(join(scene.folder, 'new'), content(CHUNK_BYTES + 5, 6));
    await rename(join(scene.folder, 'new'), scene.path('doc.bin'));
    await first.close();
    await allCompleted(scene, 2);
    const { s3 } = scene;
    const objects = await Promise.all(['doc.bin', 'doc~2.bin'].map((key) => s3.objectOf(key)));
    const shas = objects.map((object) => object?.sha256);
    expect(shas).toContain((await fileOf(scene.path('doc.bin'))).sha256);
    expect(await s3.openUploads()).toEqual([]);
  });

  test('F61 files in a folder that is renamed keep their keys, and those that come later get new ones', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    await mkdir(scene.path('day-1/cam'), { recursive: true });
    const recording = await Recording.start(context, scene.path('day-1/cam/a.bin'), { seed: 7 });
    await recording.append(CHUNK_BYTES + MIB);
    await scene.daemon.waitForState('a.bin', ({ partsHeld }) => partsHeld > 0);
    await rename(scene.path('day-1'), scene.path('archive'));
    await recording.append(CHUNK_BYTES);
    await writeFile(scene.path('archive/cam/b.bin'), content(MIB, 8));
    await recording.close();
    await allCompleted(scene, 2);
    await expectDelivered(scene, 'a.bin', { key: 'day-1/cam/a.bin' });
    await expectDelivered(scene, 'b.bin', { key: 'archive/cam/b.bin' });
    await witness.testify();
  });

  test('a file that is moved out of the folder while it grows arrives', async (context) => {
    const scene = await openScene(context);
    const recording = await Recording.start(context, scene.path('leaves.bin'), { seed: 9 });
    await recording.append(CHUNK_BYTES + MIB);
    await scene.daemon.waitForState('leaves.bin', ({ partsHeld }) => partsHeld > 0);
    await rename(scene.path('leaves.bin'), join(scene.folder, 'elsewhere.bin'));
    await recording.append(CHUNK_BYTES);
    await recording.close();
    await scene.daemon.waitForState('leaves.bin', 'completed');
    await expectObject(scene, 'leaves.bin', await fileOf(join(scene.folder, 'elsewhere.bin')));
  });

  test('a second name for the same file makes no second object', async (context) => {
    const scene = await openScene(context);
    await writeFile(scene.path('one.bin'), content(MIB));
    await link(scene.path('one.bin'), scene.path('two.bin'));
    await allCompleted(scene, 1);
    expect(await scene.daemon.streams()).toHaveLength(1);
    expect((await scene.s3.keys()).filter((key) => !key.endsWith('.json'))).toHaveLength(1);
  });
});

/** Names as they come, and the keys that they get: what S3 or people could not bear is percent-encoded. */
const HOSTILE: readonly (readonly [name: string | Buffer, key: string])[] = [
  ['new\nline.bin', 'new%0Aline.bin'],
  ['new%0Aline.bin', 'new%0Aline.bin'],
  ['tab\tbell\u0007.bin', 'tab%09bell%07.bin'],
  [' spaces around .bin ', ' spaces around .bin '],
  ['..bin', '..bin'],
  ['...', '...'],
  ['a..b', 'a..b'],
  ['-rf', '-rf'],
  ['日本語🎥.bin', '日本語🎥.bin'],
  ['é.bin', 'é.bin'],
  ['e\u0301.bin', 'e\u0301.bin'],
  ['quotes\'"`$(id)&;|<>*?[]{}!#+=%.bin', 'quotes\'"`$(id)&;|<>*?[]{}!#+=%.bin'],
  ['back\\slash.bin', 'back\\slash.bin'],
  [`${'x'.repeat(196)}.bin`, `${'x'.repeat(196)}.bin`],
  [`${'日'.repeat(80)}.bin`, `${'日'.repeat(80)}.bin`],
  ['folder with space/日/deep.bin', 'folder with space/日/deep.bin'],
  ['.hidden/.file', '.hidden/.file'],
  [Buffer.from([0x62, 0xff, 0xfe, 0x2e, 0x62]), 'b%FF%FE.b'],
  [Buffer.from([0xc3, 0x28]), '%C3('],
];

const isKeyOf = (found: string, wanted: string): boolean =>
  found === wanted || found === wanted.replace('.bin', '~2.bin');

describe.concurrent('hostile names', { timeout: 120_000 }, () => {
  test('files of all names arrive, each under a key of its own', async (context) => {
    const scene = await openScene(context, { settings: { WATCH_EXCLUDE: '**/*.none' } });
    const witness = callWitness(context, scene);
    await mkdir(scene.path('folder with space/日'), { recursive: true });
    await mkdir(scene.path('.hidden'));
    for (const [index, [name]] of HOSTILE.entries()) {
      const path = Buffer.concat([Buffer.from(`${scene.recordings}/`), Buffer.from(name)]);
      await writeFile(path, content(100_000 + index, index + 1));
    }
    await allCompleted(scene, HOSTILE.length);
    const streams = await scene.daemon.streams();
    for (const [index, [, wanted]] of HOSTILE.entries()) {
      const stream = streams.find(({ sizeBytes }) => sizeBytes === 100_000 + index);
      expect(stream?.key, JSON.stringify(wanted)).toSatisfy((key: string) => isKeyOf(key, wanted));
      await expectObject(scene, stream?.key ?? '', fileOfBytes(content(100_000 + index, index + 1)));
    }
    expect(new Set(streams.map(({ key }) => key)).size).toBe(HOSTILE.length);
    await witness.testify();
  });

  test('a file called like the receipt of another neither loses its place nor takes one', async (context) => {
    const scene = await openScene(context);
    await writeFile(scene.path('a.bin'), content(1_000, 1));
    await writeFile(scene.path('a.bin.metadata.json'), content(2_000, 2));
    await allCompleted(scene, 2);
    await writeFile(scene.path('b.bin'), content(3_000, 3));
    await allCompleted(scene, 3);
    await writeFile(scene.path('b.bin.metadata.json'), content(4_000, 4));
    await allCompleted(scene, 4);
    const streams = await scene.daemon.streams();
    for (const { path, key, id } of streams) {
      const file = await fileOf(path);
      expect(await scene.s3.objectOf(key ?? '')).toMatchObject({ sha256: file.sha256 });
      const receipts = await Promise.all(
        [
          receiptOf(scene, key ?? ''),
          scene.s3.bytesOf(`${key}~receipt.json`).then((bytes) => bytes && JSON.parse(bytes.toString())),
        ].map((each) => each.catch(() => null)),
      );
      expect(receipts.filter((receipt) => receipt?.stream_id === id && receipt?.size === file.sizeBytes)).toHaveLength(
        1,
      );
    }
  });

  test('a path too long for a key is told and harms nobody', async (context) => {
    const scene = await openScene(context);
    const folder = scene.path(Array.from({ length: 6 }, (_, index) => String(index).repeat(200)).join('/'));
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'deep.bin'), content(1_000));
    await writeFile(scene.path('near.bin'), content(1_000));
    await expectDelivered(scene, 'near.bin');
    const stream = await scene.daemon.waitForState('deep.bin', ({ status }) => status.startsWith('failed'));
    expect(stream.failure?.code).toBe('key_too_long');
  });
});

describe.concurrent('what is no file', { timeout: 120_000 }, () => {
  test('FIFOs, sockets, links and loops in the folder harm nothing and are not carried', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    const elsewhere = join(scene.folder, 'elsewhere');
    await mkdir(elsewhere);
    await writeFile(join(elsewhere, 'secret.bin'), content(1_000));
    expect(spawnSync(pathOfProgram('mkfifo', ['coreutils']), [scene.path('fifo.mp4')]).status).toBe(0);
    const server = createServer().listen(scene.path('socket.mp4'));
    context.onTestFinished(() => {
      server.close();
    });
    await symlink(scene.recordings, scene.path('loop'));
    await symlink('itself', scene.path('itself'));
    await symlink('nowhere', scene.path('dangling.mp4'));
    await symlink(elsewhere, scene.path('elsewhere'));
    await symlink(join(elsewhere, 'secret.bin'), scene.path('link.mp4'));
    await scene.daemon.start();
    await writeFile(scene.path('real.mp4'), content(CHUNK_BYTES + 1));
    // The same once more while it runs.
    expect(spawnSync(pathOfProgram('mkfifo', ['coreutils']), [scene.path('later.mp4')]).status).toBe(0);
    await symlink(scene.recordings, scene.path('later-loop'));
    await expectDelivered(scene, 'real.mp4');
    expect((await scene.daemon.streams()).map(({ key }) => key)).toEqual(['real.mp4']);
    expect(await scene.s3.keys()).toEqual(['real.mp4', 'real.mp4.metadata.json']);
    expect(await scene.daemon.drain()).toBe(0);
  });
});
