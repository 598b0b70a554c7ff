// What a writer can do to its file, done in the very moment in which the stream enters a state, for every state that it passes.

import { describe, expect, test } from 'vitest';
import { bytes, createStage, FOLDER, PART_BYTES, type Stage } from '../stage.ts';
import { CONTENT, expectObject, keysOf, letPass, onEntering, openUploads, start, TAKE } from './life-stage.ts';

const MOVED = `${FOLDER}/moved.mkv`;
const OTHER = bytes(2 * PART_BYTES + 77, 9);

const STATES = [
  'active.waiting',
  'active.opening',
  'active.uploading',
  'pending_completion',
  'finalizing.verifying',
  'finalizing.resending',
  'finalizing.checking',
  'finalizing.completing',
  'finalizing.proving',
  's3_completed.publishing',
] as const;

/** Writes the file, does the deed when the state is entered, and waits until nothing more happens. */
async function done(state: string, deed: (stage: Stage) => void): Promise<Stage> {
  const stage = await createStage();
  let isDone = false;
  onEntering(stage, state, () => {
    isDone = true;
    deed(stage);
  });
  stage.files.write(TAKE, CONTENT);
  await start(stage);
  await stage.until(() => isDone);
  await stage.until(() => [...stage.views.values()].every(({ status }) => status === 'completed'));
  await letPass(stage, 60_000);
  expect([...stage.views.values()].map(({ status }) => status)).toSatisfy((all: readonly string[]) =>
    all.every((status) => status === 'completed'),
  );
  return stage;
}

const completions = (stage: Stage) =>
  [...stage.views.values()].map(({ path, key, generation }) => ({ path, key, generation }));

describe.each(STATES)('in %s', (state) => {
  test('F61 the file is renamed: it keeps its key and its generation, and there is one object', async () => {
    const stage = await done(state, ({ files }) => files.rename(TAKE, MOVED));
    const [view, ...others] = completions(stage);
    expect(others).toEqual([]);
    expect(view?.generation).toBe(1);
    // Before anything was opened no key was its own yet.
    const key = state === 'active.waiting' ? view?.key : 'take.mkv';
    expect(keysOf(stage)).toEqual([key]);
    expectObject(stage, key ?? '', CONTENT);
    expect(openUploads(stage)).toEqual([]);
  });

  test('F61 another file is renamed over it: both arrive, each under a key of its own', async () => {
    const stage = await done(state, ({ files }) => {
      files.write(`${FOLDER}/.new`, OTHER);
      files.rename(`${FOLDER}/.new`, TAKE);
    });
    const held = keysOf(stage).map((key) => Buffer.from(stage.objectBytes(key) ?? []));
    expect(held.some((object) => object.equals(OTHER))).toBe(true);
    expect(held.some((object) => object.equals(CONTENT))).toBe(true);
    expect(held).toHaveLength(2);
    expect(openUploads(stage)).toEqual([]);
  });

  test('F62 the file is unlinked: it arrives through the descriptor', async () => {
    const stage = await done(state, ({ files }) => files.unlink(TAKE));
    expect(keysOf(stage)).toEqual(['take.mkv']);
    expectObject(stage, 'take.mkv', CONTENT);
    expect(openUploads(stage)).toEqual([]);
  });

  test('F65 the file grows: the last object is the whole of it, at the same key', async () => {
    const stage = await done(state, ({ files }) => files.append(TAKE, bytes(PART_BYTES + 5, 3)));
    expect(keysOf(stage)).toEqual(['take.mkv']);
    expectObject(stage, 'take.mkv', stage.files.bytesOf(TAKE));
    expect(openUploads(stage)).toEqual([]);
  });

  test('F58 its head is patched: the last object has it, at the same key', async () => {
    const stage = await done(state, ({ files }) => files.write(TAKE, 'a patched head', 40));
    expect(keysOf(stage)).toEqual(['take.mkv']);
    expectObject(stage, 'take.mkv', stage.files.bytesOf(TAKE));
    expect(openUploads(stage)).toEqual([]);
  });

  test('F60 it is cut short and grows again: the last object is what it is then, and what was cut off is kept and listed', async () => {
    const stage = await done(state, ({ files }) => {
      files.truncate(TAKE, 100);
      files.append(TAKE, bytes(300, 4));
    });
    const [view] = completions(stage);
    expectObject(stage, view?.key ?? '', stage.files.bytesOf(TAKE));
    const listed = [...stage.views.values()].flatMap(({ leftUploads }) => leftUploads.map(({ uploadId }) => uploadId));
    const open = [...stage.s3.uploads].filter(([, upload]) => stage.s3.isOpen(upload)).map(([id]) => id);
    expect(open).toEqual(listed);
    for (const key of keysOf(stage).filter((each) => each !== view?.key)) expectObject(stage, key, CONTENT);
  });
});
