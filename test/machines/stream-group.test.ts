// Streams that live together and must not feel each other: real groups and streams, in and under a real supervisor.

import { afterEach, describe, expect, test } from 'vitest';
import { type Actor, type AnyActorRef, createActor, fromCallback, type SnapshotFrom } from 'xstate';
import type { FileRef, FileStat } from '../../src/machines/file-identity.ts';
import { freezeOf } from '../../src/machines/file-identity.ts';
import { type StreamId, streamId } from '../../src/machines/ids.ts';
import { recordOf } from '../../src/machines/stream.context.ts';
import type { ReconcileInput } from '../../src/machines/stream.effects.ts';
import type { Evidence, StreamEvent } from '../../src/machines/stream.events.ts';
import { streamMachine } from '../../src/machines/stream.machine.ts';
import { GROUP_COUNT, groupIdOf, streamGroupMachine } from '../../src/machines/stream-group.machine.ts';
import { supervisorMachine } from '../../src/machines/supervisor.machine.ts';
import { dotted } from './machine-walk.ts';
import { FILE, SETTINGS, START_MS, statOf } from './stream-input.ts';

const A = streamId('0000000000000000000000000000000a');
const B = streamId('0000000000000000000000000000000b');
const atMs = START_MS + 1;
const fileOf = (id: StreamId): FileRef => ({ ...FILE, streamId: id, path: `/recordings/${id}.mp4` });
const seen = (id: StreamId, stat: FileStat = statOf(5, START_MS)) =>
  ({ type: 'file.seen', file: fileOf(id), stat, atMs }) as const;
const told = (id: StreamId, event: StreamEvent) => ({ type: 'stream.told', streamId: id, event }) as const;
const WISH: StreamEvent = { type: 'operator.finalize', atMs };

const GONE_AND_EMPTY: Evidence = {
  recalled: null,
  stat: null,
  upload: 'none',
  parts: null,
  sentEndBytes: 0,
  object: 'unasked',
  content: 'unasked',
};
/** An object of a stream that never froze its file: the state that proves it cannot be entered. */
const IMPOSSIBLE: StreamEvent = { type: 'stream.reconciled', evidence: { ...GONE_AND_EMPTY, object: 'ours' }, atMs };

/** Which streams began their work, in order: one entry for each stream that was spawned. */
function startGroup(throwing: readonly StreamId[] = []) {
  const began: StreamId[] = [];
  const reconcile = fromCallback<StreamEvent, ReconcileInput, StreamEvent>(({ input }) => {
    began.push(input.streamId);
    if (throwing.includes(input.streamId)) throw new Error('thrown by a test');
  });
  const stream = streamMachine.provide({ actors: { reconcile: reconcile as never } });
  const machine = streamGroupMachine.provide({ actors: { stream: stream as never } });
  const group = createActor(machine, { input: { settings: SETTINGS } });
  const errors: unknown[] = [];
  group.subscribe({ error: (error) => errors.push(error) });
  group.start();
  running.push(group);
  return { group, began, errors };
}

const running: Actor<typeof streamGroupMachine>[] = [];
afterEach(() => {
  for (const group of running.splice(0)) group.stop();
});

const streamIn = (group: Actor<typeof streamGroupMachine>, id: StreamId): AnyActorRef | undefined =>
  (group.getSnapshot().children as Record<string, AnyActorRef | undefined>)[id];
const snapshotOf = (ref: AnyActorRef | undefined) => ref?.getSnapshot() as SnapshotFrom<typeof streamMachine>;
const liveIn = (group: Actor<typeof streamGroupMachine>) => Object.keys(group.getSnapshot().context.live);

describe('a thrown error in one stream touches no other', () => {
  test('thrown by its work', () => {
    const { group, errors } = startGroup([A]);
    group.send(seen(B));
    const other = streamIn(group, B);
    group.send(seen(A));
    group.send(told(B, WISH));
    expect(liveIn(group)).toEqual([B]);
    expect(streamIn(group, A)).toBeUndefined();
    expect(streamIn(group, B)).toBe(other);
    expect(snapshotOf(other).context.memory.wishes.finalize).toBe(true);
    expect(group.getSnapshot().status).toBe('active');
    expect(errors).toEqual([]);
  });

  test('thrown by its chart, which entered a state without what the state needs', () => {
    const { group } = startGroup();
    group.send(seen(A));
    group.send(seen(B));
    group.send(told(A, IMPOSSIBLE));
    expect(liveIn(group)).toEqual([B]);
    expect(snapshotOf(streamIn(group, B)).status).toBe('active');
    expect(group.getSnapshot().status).toBe('active');
  });

  test('the supervisor is told which one broke, and goes on', () => {
    const supervisor = createActor(supervisorMachine, { input: { settings: SETTINGS, once: false } });
    supervisor.start();
    supervisor.send({ type: 'daemon.booted', restored: [], known: [], atMs });
    for (const id of [A, B]) supervisor.send(seen(id));
    supervisor.send(told(A, IMPOSSIBLE));
    expect(supervisor.getSnapshot().context.brokenStreams).toBe(1);
    expect(dotted(supervisor.getSnapshot().value)).toBe('running');
    const other = (supervisor.getSnapshot().children as Record<string, AnyActorRef>)[groupIdOf(B)];
    expect(liveIn(other as Actor<typeof streamGroupMachine>)).toEqual([B]);
    supervisor.stop();
  });
});

describe('a message to one just gone touches no other', () => {
  test('gone because it broke', () => {
    const { group, errors } = startGroup([A]);
    group.send(seen(B));
    group.send(seen(A));
    group.send(told(A, WISH));
    expect(errors).toEqual([]);
    expect(liveIn(group)).toEqual([B]);
    expect(snapshotOf(streamIn(group, B)).status).toBe('active');
  });

  test('gone because it was done', () => {
    const { group, errors } = startGroup();
    for (const id of [A, B]) group.send(seen(id));
    endEmpty(group, A);
    group.send(told(A, WISH));
    group.send({ type: 'stream.left', streamId: A, seen: null });
    group.send({ type: `xstate.error.actor.${A}`, error: new Error('late'), actorId: A });
    expect(errors).toEqual([]);
    expect(group.getSnapshot().status).toBe('active');
    expect(liveIn(group)).toEqual([B]);
  });

  test('never there', () => {
    const { group } = startGroup();
    group.send(told(A, WISH));
    expect(group.getSnapshot().status).toBe('active');
    expect(liveIn(group)).toEqual([]);
  });
});

describe('a double admission spawns one stream', () => {
  test('seen twice', () => {
    const { group, began } = startGroup();
    group.send(seen(A));
    const first = streamIn(group, A);
    group.send(seen(A, statOf(9, atMs)));
    expect(began).toEqual([A]);
    expect(streamIn(group, A)).toBe(first);
    expect(snapshotOf(first).context.seen?.sizeBytes).toBe(9);
  });

  test('restored, then seen', () => {
    const { group, began } = startGroup();
    group.send(seen(A));
    const { context } = snapshotOf(streamIn(group, A));
    group.send({ type: 'stream.restored', record: recordOf('active.waiting', context), atMs });
    expect(began).toEqual([A]);
    expect(liveIn(group)).toEqual([A]);
  });
});

test('a stream that left comes back when its file is another one, and not before', () => {
  const { group, began } = startGroup();
  const empty = statOf(0, START_MS);
  group.send(seen(A, empty));
  endEmpty(group, A);
  group.send(seen(A, empty));
  expect(began).toEqual([A]);
  group.send(seen(A, statOf(5, atMs)));
  expect(began).toEqual([A, A]);
  expect(snapshotOf(streamIn(group, A)).context.mustRecall).toBe(true);
});

test('a file that was skipped at start becomes a stream when it changes', () => {
  const { group, began } = startGroup();
  const stat = statOf(5, START_MS);
  group.send({ type: 'file.skipped', file: fileOf(A), stat, atMs });
  group.send(seen(A, stat));
  expect(began).toEqual([]);
  group.send(seen(A, statOf(6, atMs)));
  expect(began).toEqual([A]);
});

test('a known file that changed while nobody watched becomes a stream again, also where unknown ones are skipped', () => {
  const { group, began } = startGroup();
  group.send({ type: 'stream.known', streamId: A, seen: freezeOf(statOf(5, START_MS)) });
  group.send({ type: 'file.skipped', file: fileOf(A), stat: statOf(5, START_MS), atMs });
  expect(began).toEqual([]);
  group.send({ type: 'file.skipped', file: fileOf(A), stat: statOf(6, atMs), atMs });
  expect(began).toEqual([A]);
});

test('a stream that is known from its record is not admitted again while its file is as it was', () => {
  const { group, began } = startGroup();
  const stat = statOf(5, START_MS);
  group.send({ type: 'stream.known', streamId: A, seen: freezeOf(stat) });
  group.send(seen(A, stat));
  expect(began).toEqual([]);
});

test('every id belongs to one of the fixed number of groups', () => {
  const groups = new Set(
    Array.from({ length: 1_000 }, (_, n) => groupIdOf(streamId((n * 2_654_435_761).toString(16).padStart(32, '0')))),
  );
  expect(groups.size).toBeLessThanOrEqual(GROUP_COUNT);
  for (const name of groups) expect(name).toMatch(/^group-([0-9]|[1-5][0-9]|6[0-3])$/);
  const ids = Array.from({ length: 640 }, (_, n) => streamId(n.toString(16).padStart(8, '0').padEnd(32, '0')));
  expect(new Set(ids.map(groupIdOf)).size).toBe(GROUP_COUNT);
});

/** Its file is found to be gone and without bytes: the shortest life of a stream. */
function endEmpty(group: Actor<typeof streamGroupMachine>, id: StreamId): void {
  group.send(told(id, { type: 'operator.abort', atMs }));
  group.send(told(id, { type: 'stream.reconciled', evidence: GONE_AND_EMPTY, atMs }));
  group.send(told(id, { type: 'upload.aborted', atMs }));
  expect(liveIn(group)).not.toContain(id);
}
