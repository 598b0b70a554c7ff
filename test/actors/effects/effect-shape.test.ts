// The one shape of all effects: barrier, moment, life, one outcome.

import { describe, expect, it } from 'vitest';
import { effect } from '../../../src/actors/effect.ts';
import { failureOf } from '../../../src/machines/failure.ts';
import type { Owed } from '../../../src/machines/stream.effects.ts';
import type { StreamEvent } from '../../../src/machines/stream.events.ts';
import { sampleMemory, sampleRecord } from '../../fixtures/records/sample-record.ts';
import { createStage, FOLDER, type Stage, settle, startEffect } from '../stage.ts';
import { aFile, owed } from './effect-stage.ts';

const OUTCOME: StreamEvent = { type: 'upload.aborted', atMs: 1 };

/** An effect that counts its runs and ends when it is let. */
function counted(waitsForJournal: boolean) {
  const runs: AbortSignal[] = [];
  const ends: (() => void)[] = [];
  const logic = effect<Owed>({ name: 'counted', waitsForJournal }, async (_, run) => {
    runs.push(run.signal);
    await new Promise<void>((resolve) => ends.push(resolve));
    return OUTCOME;
  });
  return {
    runs,
    logic,
    end: () => {
      for (const each of ends.splice(0)) each();
    },
  };
}

const offer = (stage: Stage, id: Owed['streamId']) =>
  stage.world.writeAhead.offer(sampleRecord(id, { memory: sampleMemory({ folder: FOLDER }) }), null);

describe('E1: what cannot be undone waits for the journal', () => {
  it('does not begin before the journal holds the record that owes it, offered in the same turn', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    stage.disk.failure = failureOf('journal_unavailable', 'disk full');
    const { logic, runs, end } = counted(true);
    const running = startEffect(logic(stage.world), owed(file));
    offer(stage, file.streamId);
    for (let second = 0; second < 30; second += 1) {
      await settle();
      stage.clock.advanceMs(1_000);
    }
    expect(runs).toHaveLength(0);
    stage.disk.failure = null;
    await stage.until(() => runs.length > 0);
    end();
    expect(await stage.until(running.outcome)).toEqual(OUTCOME);
  });

  it('what can be repeated does not wait', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    stage.disk.failure = failureOf('journal_unavailable', 'disk full');
    const { logic, runs } = counted(false);
    startEffect(logic(stage.world), owed(file));
    offer(stage, file.streamId);
    await settle();
    expect(runs).toHaveLength(1);
  });
});

it('does not begin before its moment', async () => {
  const stage = await createStage();
  const file = await aFile(stage);
  const { logic, runs } = counted(false);
  startEffect(logic(stage.world), { ...owed(file), notBeforeMs: stage.clock.nowMs() + 5_000 });
  stage.clock.advanceMs(4_999);
  await settle();
  expect(runs).toHaveLength(0);
  stage.clock.advanceMs(1);
  await settle();
  expect(runs).toHaveLength(1);
});

describe('E2: a stream that is gone', () => {
  it('an effect whose state was left meanwhile does not act', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    const { logic, runs } = counted(false);
    const running = startEffect(logic(stage.world), { ...owed(file), notBeforeMs: stage.clock.nowMs() + 1_000 });
    running.leave();
    stage.clock.advanceMs(2_000);
    await settle();
    expect(runs).toHaveLength(0);
  });

  it('an effect of a stream that broke meanwhile does not act, though nobody stopped it', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    const { logic, runs } = counted(false);
    const running = startEffect(logic(stage.world), { ...owed(file), notBeforeMs: stage.clock.nowMs() + 1_000 });
    running.breakStream();
    stage.clock.advanceMs(2_000);
    await settle();
    expect(runs).toHaveLength(0);
  });

  it('an effect that runs when its state is left is told so, and its outcome is not reported', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    const { logic, runs, end } = counted(false);
    const running = startEffect(logic(stage.world), owed(file));
    await settle();
    running.leave();
    expect(runs[0]?.aborted).toBe(true);
    end();
    await settle();
    expect(running.facts).toEqual([]);
  });
});

describe('draining', () => {
  it('nothing new begins once the gate is closed, also what waited behind the barrier', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    const { logic, runs } = counted(true);
    startEffect(logic(stage.world), { ...owed(file), notBeforeMs: stage.clock.nowMs() + 1_000 });
    stage.world.gate.close();
    stage.clock.advanceMs(1_000);
    await settle();
    expect(runs).toHaveLength(0);
  });

  it('what runs may end, and the gate knows when it has', async () => {
    const stage = await createStage();
    const file = await aFile(stage);
    const { logic, end } = counted(false);
    const running = startEffect(logic(stage.world), owed(file));
    await settle();
    stage.world.gate.close();
    end();
    await stage.world.gate.idle();
    expect(await stage.until(running.outcome)).toEqual(OUTCOME);
  });
});

it('E3: an exception is a bug: reported as the outcome, with the name of the work, and told once', async () => {
  const stage = await createStage();
  const file = await aFile(stage);
  const logic = effect<Owed>({ name: 'broken', waitsForJournal: false }, async () => {
    throw new Error('undefined is not a function');
  });
  const running = startEffect(logic(stage.world), owed(file));
  expect(await stage.until(running.outcome)).toMatchObject({
    type: 'effect.failed',
    failure: { code: 'bug', detail: 'broken: undefined is not a function' },
  });
  expect(stage.log.filter((line) => line.level === 'error')).toHaveLength(1);
});
