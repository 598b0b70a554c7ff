// The supervisor: boots, admits files and restored records into the stream groups, routes what is told to a stream, and drains.
//
// S1. Watch first, then sweep: what appears in between is seen twice, never missed.
// S2. Records come before files: a restored stream is live before its file is seen.
// S3. Draining starts nothing new; whatever is cut off is owed again after the next start.
// S4. A group is spawned for the first stream that belongs to it: nothing is sent to a group that is not there.

import { assign, enqueueActions, fromCallback, sendTo, setup, spawnChild } from 'xstate';
import type { Failure } from './failure.ts';
import type { Freeze } from './file-identity.ts';
import type { StreamId } from './ids.ts';
import { staleScanMachine } from './stale-scan.machine.ts';
import { type GroupEvent, groupIdOf, type StreamBroke, streamGroupMachine } from './stream-group.machine.ts';
import type { StreamRecord } from './stream-record.ts';
import type { StreamSettings } from './stream-settings.ts';

export type RoutedEvent = Extract<
  GroupEvent,
  { readonly type: 'file.seen' | 'file.skipped' | 'stream.told' | 'stream.forgotten' }
>;

export type SupervisorEvent =
  | RoutedEvent
  | StreamBroke
  | {
      readonly type: 'daemon.booted';
      readonly restored: readonly StreamRecord[];
      readonly known: readonly { readonly streamId: StreamId; readonly seen: Freeze | null }[];
      readonly atMs: number;
    }
  | { readonly type: 'daemon.refused'; readonly failure: Failure; readonly atMs: number }
  /** `STANDBY`: somebody else carries a folder. `detail` is one line for people. */
  | { readonly type: 'lease.awaited'; readonly detail: string; readonly atMs: number }
  | { readonly type: 'lease.taken'; readonly atMs: number }
  | { readonly type: 'sweep.finished'; readonly files: number; readonly bytes: number; readonly atMs: number }
  | { readonly type: 'tick'; readonly atMs: number }
  /** Nothing is left to do for `--once`: the first sweep is over and no stream is on its way. */
  | { readonly type: 'streams.settled'; readonly atMs: number }
  | { readonly type: 'lease.lost'; readonly failure: Failure; readonly atMs: number }
  | { readonly type: 'operator.drain'; readonly atMs: number }
  | { readonly type: 'drain.finished'; readonly atMs: number };

export interface SupervisorInput {
  readonly settings: StreamSettings;
  /** `--once`: ends when every stream is final. */
  readonly once: boolean;
}

export interface SupervisorContext extends SupervisorInput {
  readonly groups: readonly string[];
  readonly swept: boolean;
  readonly brokenStreams: number;
  /** Of the last tick; 0 before the first. Whoever watches over the daemon looks at it. */
  readonly tickedAtMs: number;
  /** What a standby waits for, one line for people. */
  readonly awaits: string | null;
  /** Why the daemon refused to start or stopped by itself. */
  readonly refusal: Failure | null;
}

const work = () => fromCallback<SupervisorEvent, Record<string, never>, SupervisorEvent>(() => {});

const supervisor = setup({
  types: { context: {} as SupervisorContext, events: {} as SupervisorEvent, input: {} as SupervisorInput },
  actors: {
    streamGroup: streamGroupMachine,
    staleScan: staleScanMachine,
    boot: work(),
    standby: work(),
    watch: work(),
    ticker: work(),
    drain: work(),
  },
  guards: { isOnce: ({ context }) => context.once && context.swept },
  actions: {
    /** S4. */
    spawnGroups: enqueueActions(({ enqueue, context, event }) => {
      const wanted = new Set(streamsIn(event).map(groupIdOf));
      const missing = [...wanted].filter((id) => !context.groups.includes(id));
      if (missing.length === 0) return;
      for (const id of missing) enqueue(spawnChild('streamGroup', { id, input: { settings: context.settings } }));
      enqueue(assign({ groups: [...context.groups, ...missing] }));
    }),
    restore: enqueueActions(({ enqueue, event }) => {
      if (event.type !== 'daemon.booted') return;
      for (const record of event.restored)
        enqueue.sendTo(groupIdOf(record.streamId), {
          type: 'stream.restored',
          record,
          atMs: event.atMs,
        } satisfies GroupEvent);
      for (const known of event.known)
        enqueue.sendTo(groupIdOf(known.streamId), { type: 'stream.known', ...known } satisfies GroupEvent);
    }),
    route: sendTo(
      ({ event }) => groupIdOf(routedId(event)),
      ({ event }) => event as RoutedEvent,
    ),
    passTick: sendTo('staleScan', ({ event }) => ({ type: 'tick' as const, atMs: 'atMs' in event ? event.atMs : 0 })),
    noteTick: assign(({ event }) => ('atMs' in event ? { tickedAtMs: event.atMs } : {})),
    noteSweep: assign({ swept: true }),
    noteBroken: assign(({ context }) => ({ brokenStreams: context.brokenStreams + 1 })),
    noteAwaited: assign(({ event }) => ('detail' in event ? { awaits: event.detail } : {})),
    forgetAwaited: assign({ awaits: null }),
    noteRefusal: assign(({ event }) => ('failure' in event ? { refusal: event.failure } : {})),
  },
});

/** The streams that an event brings to life or speaks of. */
function streamsIn(event: SupervisorEvent): readonly StreamId[] {
  if (event.type === 'daemon.booted') return [...event.restored, ...event.known].map(({ streamId }) => streamId);
  return [routedId(event)];
}

const routedId = (event: SupervisorEvent): StreamId =>
  'file' in event
    ? event.file.streamId
    : (event as Extract<RoutedEvent, { type: 'stream.told' | 'stream.forgotten' }>).streamId;

export const supervisorMachine = supervisor.createMachine({
  id: 'supervisor',
  context: ({ input }) => ({
    ...input,
    groups: [],
    swept: false,
    brokenStreams: 0,
    tickedAtMs: 0,
    awaits: null,
    refusal: null,
  }),
  initial: 'booting',
  on: { 'stream.broke': { actions: 'noteBroken' } },
  states: {
    /** Locks, journal, registry and lease; then every stored record. */
    booting: {
      invoke: { id: 'boot', src: 'boot', input: {} },
      on: {
        'daemon.booted': { target: 'running', actions: ['spawnGroups', 'restore'] },
        'daemon.refused': { target: 'stopped', actions: 'noteRefusal' },
        'lease.awaited': { target: 'standby', actions: 'noteAwaited' },
        'lease.lost': { target: 'stopped', actions: 'noteRefusal' },
        'operator.drain': { target: 'stopped' },
      },
    },
    /** Only with STANDBY: another daemon carries a folder. What the journal and the registry hold is read after it ended. */
    standby: {
      invoke: [
        { id: 'standby', src: 'standby', input: {} },
        { id: 'ticker', src: 'ticker', input: {} },
      ],
      on: {
        tick: { actions: 'noteTick' },
        'lease.awaited': { actions: 'noteAwaited' },
        'lease.taken': { target: 'booting', actions: 'forgetAwaited' },
        'daemon.refused': { target: 'stopped', actions: 'noteRefusal' },
        'operator.drain': { target: 'stopped' },
      },
    },
    running: {
      invoke: [
        { id: 'watch', src: 'watch', input: {} },
        { id: 'staleScan', src: 'staleScan' },
        { id: 'ticker', src: 'ticker', input: {} },
      ],
      on: {
        'file.seen': { actions: ['spawnGroups', 'route'] },
        'file.skipped': { actions: ['spawnGroups', 'route'] },
        'stream.told': { actions: ['spawnGroups', 'route'] },
        'stream.forgotten': { actions: ['spawnGroups', 'route'] },
        'sweep.finished': { actions: 'noteSweep' },
        tick: { actions: ['noteTick', 'passTick'] },
        'streams.settled': { guard: 'isOnce', target: 'draining' },
        'lease.lost': { target: 'draining', actions: 'noteRefusal' },
        'operator.drain': { target: 'draining' },
      },
    },
    draining: {
      invoke: { id: 'drain', src: 'drain', input: {} },
      on: { 'drain.finished': { target: 'stopped' } },
    },
    stopped: { type: 'final' },
  },
});
