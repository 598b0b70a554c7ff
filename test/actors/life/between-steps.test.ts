// What a writer, a disk or a watcher does just between two steps of a stream.

import { describe, expect, test } from 'vitest';
import { failureOf } from '../../../src/machines/failure.ts';
import { bytes, createStage, PART_BYTES } from '../stage.ts';
import { CONTENT, count, expectObject, letPass, onEntering, start, TAKE } from './life-stage.ts';

const FULL = failureOf('journal_unavailable', 'database or disk is full');
const HOURS_MS = 3 * 3_600_000;

describe('between the verify pass and Complete', () => {
  test('F73 part 1 is patched while part 3 is sent again: one Complete, of the file with both', async () => {
    const stage = await createStage();
    let isPatched = false;
    const counted = count(stage, (store) => ({
      uploadPart: async (request, options) => {
        const sent = await store.uploadPart(request, options);
        if (request.partNumber === 3 && counted.parts.filter((n) => n === 3).length === 2 && !isPatched) {
          isPatched = true;
          stage.files.write(TAKE, 'a patched head', 40);
        }
        return sent;
      },
    }));
    await stage.restart();
    stage.writers.otherwise = 'open';
    stage.files.write(TAKE, CONTENT);
    const daemon = await start(stage);
    await daemon.waitFor(TAKE, ({ partsHeld, state }) => partsHeld === 4 && state === 'active.waiting');
    stage.files.poke(TAKE, 'an edit that no time tells of', 2 * PART_BYTES + 7);
    stage.writers.otherwise = 'none';
    const done = await daemon.waitFor(TAKE, 'completed');
    expect(isPatched).toBe(true);
    expect(done.generation, 'it was not completed and sent anew').toBe(1);
    expect(counted).toMatchObject({ parts: [1, 2, 3, 4, 3, 5, 1], completes: 1 });
    expectObject(stage, 'take.mkv', stage.files.bytesOf(TAKE));
  });

  test('F74 the journal is away for hours, and the file is edited meanwhile: what was verified is not completed', async () => {
    const stage = await createStage();
    const counted = count(stage);
    await stage.restart();
    onEntering(stage, 'finalizing.completing', () => {
      stage.disk.failure = FULL;
    });
    stage.files.write(TAKE, CONTENT);
    const daemon = await start(stage);
    await daemon.waitFor(TAKE, 'finalizing.completing');
    await letPass(stage, HOURS_MS);
    expect(counted.completes, 'Completes that the journal does not know of').toBe(0);
    stage.files.write(TAKE, 'edited', PART_BYTES + 3);
    stage.disk.failure = null;
    const done = await daemon.waitFor(TAKE, 'completed');
    expect(done.generation, 'it was not completed and sent anew').toBe(1);
    expect(counted.completes).toBe(1);
    expectObject(stage, 'take.mkv', stage.files.bytesOf(TAKE));
  });
});

describe('while the file grows', () => {
  test('F69 the disk of the journal is full: parts go on, nothing is completed before there is room', async () => {
    const stage = await createStage();
    const counted = count(stage);
    await stage.restart();
    stage.writers.otherwise = 'open';
    stage.files.write(TAKE, bytes(PART_BYTES + 5));
    const daemon = await start(stage);
    await daemon.waitFor(TAKE, ({ partsHeld, state }) => partsHeld === 1 && state === 'active.waiting');
    stage.disk.failure = FULL;
    stage.files.append(TAKE, bytes(4 * PART_BYTES, 2));
    await daemon.waitFor(TAKE, ({ partsHeld }) => partsHeld === 5);
    stage.writers.otherwise = 'none';
    await letPass(stage, HOURS_MS);
    expect(counted.completes).toBe(0);
    stage.disk.failure = null;
    await daemon.waitFor(TAKE, 'completed');
    expect(counted).toMatchObject({ completes: 1, creates: 1 });
    expectObject(stage, 'take.mkv', stage.files.bytesOf(TAKE));
  });

  test('F69 the disk of the file reports errors: it is told, nothing is given up, and it goes on by itself', async () => {
    const stage = await createStage();
    const counted = count(stage);
    await stage.restart();
    stage.files.write(TAKE, CONTENT);
    stage.files.fault = (operation, path) => (operation === 'read' ? failureOf('source_read_error', path) : null);
    const daemon = await start(stage);
    await daemon.waitFor(TAKE, ({ failure }) => failure?.code === 'source_read_error');
    await letPass(stage, HOURS_MS);
    stage.files.fault = () => null;
    const done = await daemon.waitFor(TAKE, 'completed');
    expect(done.generation).toBe(1);
    expect(counted.aborts).toBe(0);
    expectObject(stage, 'take.mkv', CONTENT);
  });

  test('F66 without one event of the watcher every file is found, every growth seen', async () => {
    const stage = await createStage();
    const daemon = await start(stage);
    stage.writers.otherwise = 'open';
    stage.files.write(TAKE, bytes(PART_BYTES + 5));
    const foundAtMs = stage.clock.nowMs();
    await daemon.waitFor(TAKE, ({ partsHeld }) => partsHeld === 1);
    expect(stage.clock.nowMs() - foundAtMs).toBeLessThanOrEqual(2 * stage.options.sweepIntervalMs);
    stage.files.append(TAKE, bytes(3 * PART_BYTES, 2));
    await daemon.waitFor(TAKE, ({ partsHeld }) => partsHeld === 4);
    stage.writers.otherwise = 'none';
    await daemon.waitFor(TAKE, 'completed');
    expectObject(stage, 'take.mkv', stage.files.bytesOf(TAKE));
  });
});
