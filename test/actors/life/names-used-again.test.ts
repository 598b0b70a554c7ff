// A name that a finished file had is used by another one: what is at the first one's key may be the only copy there is, and nobody can
// tell a file that was replaced from one that was put away (docs/decisions/0011).

import { describe, expect, test } from 'vitest';
import { bytes, createStage, FOLDER, PART_BYTES, type Stage } from '../stage.ts';
import { CONTENT, expectObject, keysOf, start, TAKE } from './life-stage.ts';

const OTHER = bytes(3 * PART_BYTES + 77, 9);
const THIRD = bytes(PART_BYTES + 7, 10);

const renameOver = (stage: Stage, content: Uint8Array): void => {
  stage.files.write(`${FOLDER}/.new`, content);
  stage.files.rename(`${FOLDER}/.new`, TAKE);
};

const finished = (stage: Stage, count: number) =>
  stage.until(() => [...stage.views.values()].filter(({ status }) => status === 'completed').length === count);

describe('a name that is used again', () => {
  test.each([
    ['renamed over', renameOver],
    [
      'removed, and made again',
      (stage: Stage, content: Uint8Array) => {
        stage.files.unlink(TAKE);
        stage.files.write(TAKE, content);
      },
    ],
    [
      'put away, and made again',
      (stage: Stage, content: Uint8Array) => {
        stage.files.rename(TAKE, `/archive/${content.length}.mkv`);
        stage.files.write(TAKE, content);
      },
    ],
  ])('F76 a finished file is %s: its object stays, the next has a key of its own', async (_how, replace) => {
    const stage = await createStage();
    stage.files.write(TAKE, CONTENT);
    await start(stage);
    await finished(stage, 1);
    replace(stage, OTHER);
    await finished(stage, 2);
    replace(stage, THIRD);
    await finished(stage, 3);
    expect(keysOf(stage)).toEqual(['take.mkv', 'take~2.mkv', 'take~3.mkv']);
    expectObject(stage, 'take.mkv', CONTENT);
    expectObject(stage, 'take~2.mkv', OTHER);
    expectObject(stage, 'take~3.mkv', THIRD);
  });

  test('F76 F79 after AFTER_COMPLETE=delete the object is all there is: it stays', async () => {
    const stage = await createStage({ settings: { afterComplete: { kind: 'delete' } } });
    stage.files.write(TAKE, CONTENT);
    await start(stage);
    await finished(stage, 1);
    expect(stage.files.paths()).toEqual([]);
    stage.files.write(TAKE, OTHER);
    await finished(stage, 2);
    expectObject(stage, 'take.mkv', CONTENT);
    expectObject(stage, 'take~2.mkv', OTHER);
  });

  test('F76 F48 also when STATE_DIR was lost: the object says whose it is', async () => {
    const stage = await createStage();
    stage.files.write(TAKE, CONTENT);
    const daemon = await start(stage);
    await finished(stage, 1);
    daemon.crash();
    stage.disk.streams.clear();
    stage.disk.keys.clear();
    stage.files.unlink(TAKE);
    stage.files.write(TAKE, OTHER);
    await stage.restart();
    await start(stage);
    await finished(stage, 2);
    expectObject(stage, 'take.mkv', CONTENT);
    expectObject(stage, 'take~2.mkv', OTHER);
  });
});
