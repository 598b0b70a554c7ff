// Deleted files that only we hold open: within a limit they are carried, beyond it the oldest is let go.

import { describe, expect, test } from 'vitest';
import { failureOf } from '../../src/machines/failure.ts';
import { expectObject, letPass, start } from './life/life-stage.ts';
import { bytes, createStage, FOLDER, PART_BYTES, type Stage } from './stage.ts';

const [OLD, NEW, NAMED] = ['old.mkv', 'new.mkv', 'named.mkv'].map((name) => `${FOLDER}/${name}`) as [
  string,
  string,
  string,
];
const FILE_BYTES = 3 * PART_BYTES + 100;

/** Two files without a name and one with, all three of which their writers hold open; the old one lost its name first. */
async function writing(maxHeldBytes: number | null, prepare = (_: Stage) => {}) {
  const stage = await createStage({ options: { maxHeldBytes } });
  prepare(stage);
  stage.writers.otherwise = 'open';
  const daemon = await start(stage);
  for (const [at, path] of [OLD, NEW, NAMED].entries()) stage.files.write(path, bytes(FILE_BYTES, at + 1));
  for (const path of [OLD, NEW, NAMED])
    await daemon.waitFor(path, ({ state, partsHeld }) => state === 'active.waiting' && partsHeld === 3);
  for (const path of [OLD, NEW]) {
    stage.files.unlink(path);
    await letPass(stage, 15_000);
  }
  return { stage, daemon };
}

const letGo = (stage: Stage) => stage.log.filter(({ level, message }) => level === 'error' && /let go/.test(message));
const statesOf = ({ views }: Stage) =>
  Object.fromEntries([...views.values()].map(({ path, status }) => [path, status]));

describe('bytes of deleted files', () => {
  test('beyond the limit: the oldest is let go, loudly, its upload is kept; the others are carried', async () => {
    const { stage, daemon } = await writing(FILE_BYTES);
    const failed = await daemon.waitFor(OLD, 'failed_source');
    expect(failed.failure?.code).toBe('source_gone');
    expect(letGo(stage).map(({ fields }) => fields)).toEqual([
      expect.objectContaining({ streamId: failed.id, path: OLD, sizeBytes: FILE_BYTES, limitBytes: FILE_BYTES }),
    ]);
    stage.writers.otherwise = 'none';
    await daemon.waitFor(NEW, 'completed');
    await daemon.waitFor(NAMED, 'completed');
    expectObject(stage, 'new.mkv', bytes(FILE_BYTES, 2));
    expect([...stage.s3.uploads].filter(([, upload]) => stage.s3.isOpen(upload)).map(([id]) => id)).toEqual([
      failed.uploadId,
    ]);
  });

  test('within the limit all are carried, and one with a name never counts', async () => {
    const { stage, daemon } = await writing(2 * FILE_BYTES);
    await letPass(stage, 600_000);
    expect(statesOf(stage)).toEqual({ [OLD]: 'active', [NEW]: 'active', [NAMED]: 'active' });
    stage.writers.otherwise = 'none';
    for (const path of [OLD, NEW, NAMED]) await daemon.waitFor(path, 'completed');
    expectObject(stage, 'old.mkv', bytes(FILE_BYTES, 1));
    expect(letGo(stage)).toEqual([]);
  });

  test('without a limit given it is a tenth of the file system', async () => {
    const { stage } = await writing(null, ({ files }) => {
      files.capacityBytes = 19 * FILE_BYTES;
    });
    await letPass(stage, 30_000);
    expect(statesOf(stage)).toEqual({ [OLD]: 'failed_source', [NEW]: 'active', [NAMED]: 'active' });
  });

  test('nothing is let go while the size of the file system cannot be had', async () => {
    const { stage } = await writing(null, ({ files }) => {
      files.capacityBytes = 0;
      files.fault = (operation, path) => (operation === 'capacityBytes' ? failureOf('source_read_error', path) : null);
    });
    await letPass(stage, 30_000);
    expect(letGo(stage)).toEqual([]);
  });
});
