// AFTER_COMPLETE: the only work that can harm a source, tried where it would.

import { afterEach, describe, expect, test } from 'vitest';
import { failureOf } from '../../../src/machines/failure.ts';
import { createMemoryDisposal } from '../../fakes/memory-source-disposal.ts';
import { type FakeDaemon, startFakeDaemon } from '../fake-daemon.ts';
import { BUCKET, bytes, createStage, FOLDER, PART_BYTES, type Stage } from '../stage.ts';

const TAKE = `${FOLDER}/take.mkv`;
const CONTENT = bytes(3 * PART_BYTES + 7);
const DELETE = { afterComplete: { kind: 'delete' } } as const;
const running: FakeDaemon[] = [];
afterEach(() => {
  for (const daemon of running.splice(0)) daemon.crash();
});

async function start(stage: Stage): Promise<FakeDaemon> {
  const daemon = await startFakeDaemon(stage);
  running.push(daemon);
  return daemon;
}

async function stageWith(settings: Parameters<typeof createStage>[0] = { settings: DELETE }): Promise<Stage> {
  const stage = await createStage(settings);
  stage.files.write(TAKE, CONTENT);
  return stage;
}

/** Before the step is done, `what` happens; once. */
function meanwhile(stage: Stage, step: 'setAside' | 'remove', what: () => void): void {
  stage.disposal.fault = (at) => {
    if (at !== step) return null;
    stage.disposal.fault = () => null;
    what();
    return null;
  };
}

const pathsIn = (stage: Stage) => stage.files.paths();

/** Whatever content of the file there ever was: it is in the folder, or in an object. */
function expectKept(stage: Stage, content: Uint8Array): void {
  const files = pathsIn(stage).map((path) => stage.files.bytesOf(path));
  const objects = [...stage.s3.bucket(BUCKET).values()].map(({ pieces }) => Buffer.concat(pieces));
  expect([...files, ...objects].some((held) => held && Buffer.from(content).equals(held))).toBe(true);
}

describe('A source file is touched only when its object is proven, and only as the user asked', () => {
  test('delete: it is removed, and its object is the file', async () => {
    const stage = await stageWith();
    const daemon = await start(stage);
    await daemon.waitFor(TAKE, 'completed');
    expect(pathsIn(stage)).toEqual([]);
    expect(stage.objectBytes('take.mkv')).toEqual(Buffer.from(CONTENT));
  });

  test('move: it is found under its name in the other folder', async () => {
    const stage = await stageWith({ settings: { afterComplete: { kind: 'move', folder: '/done' } } });
    const daemon = await start(stage);
    await daemon.waitFor(TAKE, 'completed');
    expect(pathsIn(stage)).toEqual(['/done/take.mkv']);
  });

  test('keep: it stays', async () => {
    const stage = await stageWith({});
    const daemon = await start(stage);
    await daemon.waitFor(TAKE, 'completed');
    expect(pathsIn(stage)).toEqual([TAKE]);
  });

  test.each([
    [
      'was renamed over',
      (stage: Stage) => {
        stage.files.write(`${FOLDER}/.new`, 'another recording');
        stage.files.rename(`${FOLDER}/.new`, TAKE);
      },
    ],
    ['was written to', (stage: Stage) => stage.files.append(TAKE, 'more')],
    [
      'was edited, and its mtime restored',
      (stage: Stage) => {
        const mtimeNs = stage.files.fileAt(TAKE)?.mtimeNs ?? 0n;
        stage.files.write(TAKE, 'edit', 9);
        stage.files.setMtimeMs(TAKE, Number(mtimeNs / 1_000_000n));
      },
    ],
  ])('F79 a file that %s between the last look and the rename loses nothing', async (_, change) => {
    const stage = await stageWith();
    // Times of whole milliseconds, so that they can be restored.
    stage.files.setMtimeMs(TAKE, stage.clock.nowMs());
    let content: Uint8Array = new Uint8Array();
    meanwhile(stage, 'setAside', () => {
      change(stage);
      content = stage.files.bytesOf(TAKE) ?? content;
    });
    const daemon = await start(stage);
    await daemon.waitFor(TAKE, (view) => view.status === 'completed' && content.length > 0);
    expectKept(stage, content);
  });

  test.each(['open', 'unknown'] as const)(
    'a file whose writer is %s stays where it is until that is over',
    async (presence) => {
      const stage = await stageWith();
      const daemon = await start(stage);
      meanwhile(stage, 'setAside', () => {
        stage.writers.otherwise = presence;
      });
      const view = await daemon.waitFor(
        TAKE,
        (each) => each.state === 's3_completed.disposing' && each.failure !== null,
      );
      expect(view.failure?.code).toBe(presence === 'open' ? 'source_in_use' : 'writer_unknown');
      expect(pathsIn(stage)).toEqual([TAKE]);
      const changedMs = Number((stage.files.fileAt(TAKE)?.mtimeNs ?? 0n) / 1_000_000n);
      if (presence === 'open') stage.writers.otherwise = 'none';
      await daemon.waitFor(TAKE, 'completed');
      expect(pathsIn(stage)).toEqual([]);
      const { streamTimeoutUnknownMs } = stage.options.settings;
      if (presence === 'unknown')
        expect(stage.clock.nowMs() - changedMs).toBeGreaterThanOrEqual(streamTimeoutUnknownMs);
    },
  );

  test('a file whose object is gone by then stays, and is sent again', async () => {
    const stage = await stageWith();
    const { store } = stage;
    let receipts = 0;
    stage.store = {
      ...store,
      async putObject(request, options) {
        receipts += 1;
        if (receipts === 1) stage.s3.bucket(BUCKET).delete('take.mkv');
        return await store.putObject(request, options);
      },
    };
    await stage.restart();
    const daemon = await start(stage);
    await daemon.waitFor(TAKE, 'completed');
    expect(stage.objectBytes('take.mkv')).toEqual(Buffer.from(CONTENT));
  });

  test('killed while the file lies aside, the next daemon finds it and does what is owed', async () => {
    const stage = await stageWith();
    const daemon = await start(stage);
    let crashed = false;
    stage.disposal.fault = (step) => {
      if (step !== 'remove' || crashed) return null;
      crashed = true;
      return failureOf('source_disposal_refused', 'killed here');
    };
    stage.disposal.putBack = async () => ({ ok: false, failure: failureOf('source_disposal_refused', 'dead') });
    await stage.until(() => crashed || null);
    daemon.crash();
    expect(pathsIn(stage)).toEqual([expect.stringContaining('.tailrace-aside-')]);
    stage.disposal = createMemoryDisposal(stage.files);
    await stage.restart();
    const again = await start(stage);
    await again.waitFor(TAKE, 'completed');
    expect(pathsIn(stage)).toEqual([]);
  });

  test('asked for no more after a restart, the file that lies aside is put back', async () => {
    const stage = await stageWith();
    const daemon = await start(stage);
    stage.disposal.fault = (step) => (step === 'setAside' ? failureOf('source_disposal_refused', 'EROFS') : null);
    await daemon.waitFor(TAKE, (view) => view.state === 's3_completed.disposing' && view.failure !== null);
    daemon.crash();
    stage.disposal.fault = () => null;
    stage.files.rename(TAKE, stage.disposal.aside(await stage.fileRef(TAKE)).path);
    stage.options = { ...stage.options, settings: { ...stage.options.settings, afterComplete: { kind: 'keep' } } };
    await stage.restart();
    const again = await start(stage);
    await again.waitFor(TAKE, 'completed');
    expect(pathsIn(stage)).toEqual([TAKE]);
  });
});
