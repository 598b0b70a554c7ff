// How often the stale scan looks at files. What a stream makes of what it is told is tested with the machines.

import { describe, expect, test } from 'vitest';
import { createActor } from 'xstate';
import { scanLogic } from '../../src/actors/scan.ts';
import { initialContext } from '../../src/machines/stream.context.ts';
import type { StreamEvent } from '../../src/machines/stream.events.ts';
import { createStage, FOLDER, SETTINGS, settle } from './stage.ts';

const SCAN_MS = 1_000;

/** A live stream of a real file in memory, which takes in what it is told of its file; and its scan, one pass at a time. */
async function scanned() {
  const stage = await createStage();
  const { clock, files, writers } = stage;
  writers.otherwise = 'open';
  const path = `${FOLDER}/take.mkv`;
  files.write(path, 'first');
  const file = await stage.fileRef(path);
  let looks = 0;
  const source = stage.world.files;
  const world = {
    ...stage.world,
    files: {
      ...source,
      stat: (asked: typeof file) => {
        looks += 1;
        return source.stat(asked);
      },
    },
  };
  const heard: number[] = [];
  const input = { file, settings: SETTINGS, record: null, mustRecall: false, stat: null, atMs: clock.nowMs() };
  const tell = (event: StreamEvent): void => {
    const context = world.streams.get(file.streamId)?.context;
    if (event.type !== 'file.observed' || !context) return;
    heard.push(event.atMs);
    const { streamId } = file;
    const seen = { ...context, seen: event.stat, lastActivityMs: event.atMs };
    world.streams.set({ id: streamId, state: 'active.waiting', context: seen, tell });
  };
  world.streams.set({ id: file.streamId, state: 'active.waiting', context: initialContext(input), tell });
  const logic = scanLogic(world);
  const pass = async (): Promise<void> => {
    clock.advanceMs(SCAN_MS);
    createActor(logic, { input: { atMs: clock.nowMs() } }).start();
    for (let turn = 0; turn < 5; turn += 1) await settle();
  };
  const swept = (): void => world.streams.noteLook(file.streamId, { atMs: clock.nowMs(), bySweep: true });
  const lookSoon = (): void => world.streams.lookSoon(file.streamId);
  return { pass, heard, clock, swept, lookSoon, grow: () => files.append(path, 'more'), looks: () => looks };
}

describe('the stale scan and files that grow', () => {
  test('a file that grows is looked at in every pass', async () => {
    const scan = await scanned();
    for (let n = 1; n <= 10; n += 1) {
      scan.grow();
      await scan.pass();
      expect(scan.heard).toHaveLength(n);
    }
  });

  test('a file that is quiet for an hour is looked at every ten seconds', async () => {
    const scan = await scanned();
    for (let n = 0; n < 3_600; n += 1) await scan.pass();
    const before = scan.looks();
    for (let n = 0; n < 100; n += 1) await scan.pass();
    expect(scan.looks() - before).toBe(10);
  });

  test('growth after a pause is noticed within a tenth of the pause and one pass, never later than ten seconds', async () => {
    for (const pauseS of [5, 30, 70, 600]) {
      const scan = await scanned();
      await scan.pass();
      for (let n = 0; n < pauseS; n += 1) await scan.pass();
      const told = scan.heard.length;
      scan.grow();
      const grewAtMs = scan.clock.nowMs();
      while (scan.heard.length === told) await scan.pass();
      const lateMs = (scan.heard.at(-1) ?? 0) - grewAtMs;
      expect(lateMs).toBeLessThanOrEqual(Math.min(10_000, ((pauseS + 10) * 1000) / 10 + SCAN_MS));
    }
  });

  test('a file silent for long is left to the sweep, unless that saw a change or does not come any more', async () => {
    const scan = await scanned();
    for (let n = 0; n < 200; n += 1) await scan.pass();
    const before = scan.looks();
    for (let n = 0; n < 100; n += 1) {
      if (n % 10 === 0) scan.swept();
      await scan.pass();
    }
    expect(scan.looks()).toBe(before);
    scan.lookSoon();
    await scan.pass();
    expect(scan.looks()).toBe(before + 1);
    scan.swept();
    for (let n = 0; n < 12; n += 1) await scan.pass();
    expect(scan.looks()).toBe(before + 1);
    await scan.pass();
    expect(scan.looks()).toBe(before + 2);
  });

  test('a file silent for half a minute is looked at every three seconds, whatever the sweep sees', async () => {
    const scan = await scanned();
    for (let n = 0; n < 30; n += 1) await scan.pass();
    scan.swept();
    const before = scan.looks();
    for (let n = 0; n < 4; n += 1) await scan.pass();
    expect(scan.looks()).toBe(before + 1);
  });
});
