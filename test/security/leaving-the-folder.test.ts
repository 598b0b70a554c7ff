// Who may write into the watched folder must not get tailrace to send what lies outside of it, though tailrace may read more than they
// may. Links that are there from the start, or made meanwhile, are tried in test/system/writers/names.test.ts; here a folder that
// was looked into already becomes a link, at any moment.

import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createFsFileSource } from '../../src/adapters/fs-file-source.ts';
import { identityOf } from '../../src/adapters/fs-identity.ts';
import { toFsPath } from '../../src/adapters/fs-path.ts';
import { streamId } from '../../src/machines/ids.ts';
import { openScene } from '../system/harness/scene.ts';
import { pause } from '../system/harness/waiting.ts';

/** A few seconds: the watcher hears of each. */
const ROUNDS = 300;
const SECRET = 'not yours to carry\n'.repeat(1_000);

function folders(test: { onTestFinished(end: () => void): void }) {
  const root = mkdtempSync(join(tmpdir(), 'tailrace-leaving-'));
  test.onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const watched = join(root, 'watched');
  const outside = join(root, 'outside');
  mkdirSync(join(watched, 'cam'), { recursive: true });
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret.bin'), SECRET);
  return { root, watched, outside };
}

describe('a folder that became a link', () => {
  test('leads to no file', async (context) => {
    const { watched, outside } = folders(context);
    const source = createFsFileSource();
    context.onTestFinished(() => source.close());
    const path = join(watched, 'cam', 'secret.bin');
    renameSync(join(watched, 'cam'), join(watched, 'before'));
    symlinkSync(outside, join(watched, 'cam'));
    expect(await source.identify(watched, path)).toEqual({ ok: true, value: null });
  });

  test('is not read through, though the file behind it was taken for one of ours', async (context) => {
    const { watched, outside } = folders(context);
    const source = createFsFileSource();
    context.onTestFinished(() => source.close());
    symlinkSync(outside, join(watched, 'link'));
    const path = join(watched, 'link', 'secret.bin');
    const identity = identityOf(statSync(toFsPath(path), { bigint: true }));
    const file = { streamId: streamId('0'.repeat(32)), folder: watched, path, identity };
    expect(await source.read(file, 0, new Uint8Array(10))).toMatchObject({
      ok: false,
      failure: { code: 'source_gone' },
    });
  });

  test('a watched folder that is itself a link is the person’s own choice', async (context) => {
    const { root, watched } = folders(context);
    const source = createFsFileSource();
    context.onTestFinished(() => source.close());
    symlinkSync(watched, join(root, 'link'));
    const path = join(root, 'link', 'cam', 'a.bin');
    writeFileSync(path, 'abc');
    const found = await source.identify(join(root, 'link'), path);
    if (!found.ok || !found.value) throw new Error('it is not found');
    const { streamId: id, folder, stat } = found.value;
    const read = await source.read({ streamId: id, folder, path, identity: stat.identity }, 0, new Uint8Array(3));
    expect(read).toEqual({ ok: true, value: 3 });
  });

  test('again and again, under the running daemon: nothing of the outside is sent', {
    timeout: 60_000,
  }, async (context) => {
    const scene = await openScene(context);
    const outside = join(scene.folder, 'outside');
    mkdirSync(outside);
    mkdirSync(scene.path('cam'));
    writeFileSync(scene.path('cam/mine.bin'), 'mine');
    await scene.daemon.waitForState('mine.bin', ({ sizeBytes }) => sizeBytes > 0);
    symlinkSync(outside, join(scene.folder, 'link'));
    for (let n = 0; n < ROUNDS; n += 1) {
      renameSync(scene.path('cam'), join(scene.folder, 'real'));
      renameSync(join(scene.folder, 'link'), scene.path('cam'));
      if (n % 20 === 0) writeFileSync(join(outside, `secret-${n}.bin`), SECRET);
      await pause(2);
      renameSync(scene.path('cam'), join(scene.folder, 'link'));
      renameSync(join(scene.folder, 'real'), scene.path('cam'));
      await pause(1);
    }
    // What was taken for a file of ours is over, well or badly.
    writeFileSync(scene.path('last.bin'), 'last');
    const streams = await scene.daemon.waitForStreams(
      'all are over',
      (all) =>
        all.filter(({ status }) => status === 'completed').length >= 2 &&
        all.every(({ status }) => status === 'completed' || status.startsWith('failed')),
    );
    expect(streams.filter(({ path, sentBytes }) => path.includes('secret') && sentBytes > 0)).toEqual([]);
    expect((await scene.s3.keys()).filter((key) => key.includes('secret'))).toEqual([]);
  });
});
