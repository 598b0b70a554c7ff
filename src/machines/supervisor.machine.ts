// The supervisor: boots, admits files and restored records into the stream groups, routes what is told to a stream, and drains.
//
// S1. Watch first, then sweep: what appears in between is seen twice, never missed.
// S2. Records come before files: a restored stream is live before its file is seen.
// S3. Draining starts nothing new; whatever is cut off is owed again after the next start.

import { assign, enqueueActions, fromCallback, sendTo, setup, spawnChild } from 'xstate';
import type { Failure } from './failure.ts';
import type { Freeze } from './file-identity.ts';
import type { StreamId } from './ids.ts';
import { staleScanMachine } from './stale-scan.machine.ts';
import {
  GROUP_COUNT,
  type GroupEvent,
  groupIdOf,
  type StreamBroke,
  streamGroupMachine,
} from './stream-group.machine.ts';
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
  readonly swept: boolean;
  readonly brokenStreams: number;
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
    watch: work(),
    ticker: work(),
    drain: work(),
  },
  guards: { isOnce: ({ context }) => context.once && context.swept },
  actions: {
    spawnGroups: enqueueActions(({ enqueue, context }) => {
      for (let n = 0; n < GROUP_COUNT; n += 1)
        enqueue(spawnChild('streamGroup', { id: `group-${n}`, input: { settings: context.settings } }));
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
    noteSweep: assign({ swept: true }),
    noteBroken: assign(({ context }) => ({ brokenStreams: context.brokenStreams + 1 })),
    noteRefusal: assign(({ event }) => ('failure' in event ? { refusal: event.failure } : {})),
  },
});

const routedId = (event: SupervisorEvent): StreamId =>
  'file' in event
    ? event.file.streamId
    : (event as Extract<RoutedEvent, { type: 'stream.told' | 'stream.forgotten' }>).streamId;

export const supervisorMachine = supervisor.createMachine({
  id: 'supervisor',
  context: ({ input }) => ({ ...input, swept: false, brokenStreams: 0, refusal: null }),
  initial: 'booting',
  entry: 'spawnGroups',
  on: { 'stream.broke': { actions: 'noteBroken' } },
  states: {
    /** Locks, journal, registry and lease; then every stored record. */
    booting: {
      invoke: { id: 'boot', src: 'boot', input: {} },
      on: {
        'daemon.booted': { target: 'running', actions: 'restore' },
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
        'file.seen': { actions: 'route' },
        'file.skipped': { actions: 'route' },
        'stream.told': { actions: 'route' },
        'stream.forgotten': { actions: 'route' },
        'sweep.finished': { actions: 'noteSweep' },
        tick: { actions: 'passTick' },
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
