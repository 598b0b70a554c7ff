// Every change of status reaches `streams:events`, in order and once, however its record was merged, lost or sent again.

import { describe, expect, it } from 'vitest';
import { MAX_CHANGES_KEPT } from '../../src/actors/status-changes.ts';
import { failureOf } from '../../src/machines/failure.ts';
import type { StreamId } from '../../src/machines/ids.ts';
import { one, pass, recordOf, stageWithMirror, two } from './mirror-stage.ts';
import { FOLDER_ID, type Stage, settle } from './stage.ts';
import { FULL, stage as writeAheadStage } from './write-ahead-stage.ts';

const LIFE = ['active', 'pending_completion', 'finalizing', 's3_completed', 'completed'];
const STATES = [
  'active.uploading',
  'pending_completion',
  'finalizing.verifying',
  's3_completed.publishing',
  's3_completed.done',
];

const told = (stage: Stage, id: StreamId = one) =>
  stage.redis.events.filter((event) => event['stream_id'] === id).map((event) => event['status']);

/** The stream comes to these states in one turn: the journal sees only the last. */
function offer(stage: Stage, states: readonly string[], id: StreamId = one): void {
  for (const state of states) stage.world.writeAhead.offer(recordOf(id, state), null);
}

async function comeTo(stage: Stage, states: readonly string[], id: StreamId = one): Promise<void> {
  offer(stage, states, id);
  await stage.world.writeAhead.settled(id);
  await settle();
}

describe('M4: every change of status is told', () => {
  it('of a life that was saved once', async () => {
    const { stage } = await stageWithMirror();
    await comeTo(stage, STATES);
    expect(told(stage)).toEqual(LIFE);
    expect(stage.saved.length).toBe(1);
  });

  it('with the moment at which it came about, not that of the save', async () => {
    const { stage } = await stageWithMirror();
    stage.redis.isAway = true;
    const atMs = stage.clock.nowMs();
    await comeTo(stage, STATES.slice(0, 1));
    await pass(stage, 60_000);
    stage.redis.isAway = false;
    await pass(stage, 2_000);
    expect(stage.redis.events[0]?.['at']).toBe(new Date(atMs).toISOString());
  });

  it('when the journal refused meanwhile', async () => {
    const { saved, writeAhead, disk, clock } = await writeAheadStage();
    disk.failure = FULL;
    for (const state of STATES.slice(0, 2)) writeAhead.offer(recordOf(one, state), null);
    await settle();
    writeAhead.offer(recordOf(one, STATES[2]), null);
    disk.failure = null;
    clock.advanceMs(1_000);
    await writeAhead.settled(one);
    expect(saved.flatMap(({ changes }) => changes.map(({ status }) => status))).toEqual(LIFE.slice(0, 3));
  });

  it('when Redis was away, of each stream the newest', async () => {
    const { stage } = await stageWithMirror();
    stage.redis.isAway = true;
    await comeTo(stage, STATES.slice(0, 2));
    await comeTo(stage, STATES.slice(2));
    for (let n = 0; n < MAX_CHANGES_KEPT; n += 1) await comeTo(stage, STATES.slice(0, 2), two);
    await pass(stage, 2_000);
    stage.redis.isAway = false;
    await pass(stage, 2_000);
    expect(told(stage)).toEqual(LIFE);
    expect(told(stage, two).length).toBe(MAX_CHANGES_KEPT);
    expect(told(stage, two).at(-1)).toBe('pending_completion');
  });

  it('once, when the answer got lost and more came meanwhile', async () => {
    const { stage } = await stageWithMirror();
    await comeTo(stage, STATES.slice(0, 1));
    stage.redis.loseNextReply = true;
    await comeTo(stage, STATES.slice(1, 3));
    await comeTo(stage, STATES.slice(3));
    await pass(stage, 3_000);
    expect(told(stage)).toEqual(LIFE);
  });

  it('once, when the lease was taken anew after a lost answer', async () => {
    const { stage, registry } = await stageWithMirror();
    stage.redis.loseNextReply = true;
    await comeTo(stage, STATES.slice(0, 3));
    const lease = await registry.acquireLease(FOLDER_ID, 'daemon-a', 15_000, 0);
    if (lease.ok && lease.value.held) stage.world.leases.set(FOLDER_ID, { ...lease.value.lease, standsUntilMs: 0 });
    await pass(stage, 3_000);
    await comeTo(stage, STATES.slice(3));
    await pass(stage, 3_000);
    expect(told(stage)).toEqual(LIFE);
  });

  it('to a Redis that remembers a higher revision of a former owner', async () => {
    const { stage } = await stageWithMirror();
    stage.redis.metas.set(one, { rev: '40', fence: '0', status: 'active', told: 'former:9' });
    await comeTo(stage, STATES.slice(0, 3));
    await pass(stage, 3_000);
    await comeTo(stage, STATES.slice(3));
    expect(told(stage)).toEqual(LIFE.slice(1));
    expect(stage.redis.metas.get(one)).toMatchObject({ status: 'completed' });
  });

  it('to a Redis that was emptied: from then on, in order', async () => {
    const { stage } = await stageWithMirror();
    await comeTo(stage, STATES.slice(0, 2));
    stage.redis.empty();
    await comeTo(stage, STATES.slice(2, 4));
    await comeTo(stage, STATES.slice(4));
    expect(told(stage)).toEqual(LIFE.slice(2));
  });

  it('in order, when all is read from the journal while more comes', async () => {
    const { stage } = await stageWithMirror();
    await comeTo(stage, STATES.slice(0, 1));
    stage.redis.empty();
    const { journal } = stage.world;
    const { record } = journal;
    let isFirst = true;
    journal.record = async (id) => {
      if (isFirst) {
        isFirst = false;
        await comeTo(stage, STATES.slice(2, 4));
      }
      return await record.call(journal, id);
    };
    await comeTo(stage, STATES.slice(1, 2));
    await pass(stage, 2_000);
    await comeTo(stage, STATES.slice(4));
    expect(told(stage)).toEqual(LIFE.slice(1));
  });

  it('and a status that only comes back is no change', async () => {
    const { stage } = await stageWithMirror();
    await comeTo(stage, ['active.uploading', 'active.waiting']);
    await comeTo(stage, ['active.uploading']);
    const failure = failureOf('s3_access_denied', 'no');
    for (let n = 0; n < 3; n += 1) {
      stage.world.writeAhead.offer(recordOf(one, 'failed.parked', { failure }), null);
      await settle();
    }
    expect(told(stage)).toEqual(['active', 'failed_finalization']);
  });
});

it('a record that waits for the journal comes after a revision that Redis was found to have', async () => {
  const { saved, writeAhead } = await writeAheadStage();
  writeAhead.offer(recordOf(one), null);
  writeAhead.startFrom(one, 41);
  await writeAhead.settled(one);
  expect(saved.at(-1)?.save.stored.rev).toBe(42);
});
