// A group of streams: the fixed number of groups keeps spawning as fast with 10,000 streams as with ten (a parent's list of
// children is copied at each spawn). A stream's group follows from its id.
//
// G1. A stream is spawned once: `live` decides, not the children.
// G2. No stream's failure touches another: a stream that throws is taken out and reported, nothing else happens.
// G3. Nothing is sent to a stream that is not live (it would take the whole system down).
// G4. A stream that left is known by the file's stat at that moment; a different file brings it back.

import { assign, enqueueActions, sendTo, setup, spawnChild, stopChild } from 'xstate';
import { type FileRef, type FileStat, type Freeze, sameStat } from './file-identity.ts';
import type { StreamId } from './ids.ts';
import type { StreamEvent } from './stream.events.ts';
import { streamMachine } from './stream.machine.ts';
import type { StreamLeft } from './stream.setup.ts';
import type { StreamRecord } from './stream-record.ts';
import type { StreamSettings } from './stream-settings.ts';

/** 64 groups: 95 us per spawn at 10,000 streams, where one parent needs 2 ms. */
export const GROUP_COUNT = 64;

export const groupIdOf = (id: StreamId): string => `group-${Number.parseInt(id.slice(0, 8), 16) % GROUP_COUNT}`;

export type GroupEvent =
  | { readonly type: 'file.seen'; readonly file: FileRef; readonly stat: FileStat; readonly atMs: number }
  /** Found at start and not wanted (`WATCH_EXISTING=skip`) until it changes; a stream that is known goes on all the same. */
  | { readonly type: 'file.skipped'; readonly file: FileRef; readonly stat: FileStat; readonly atMs: number }
  | { readonly type: 'stream.restored'; readonly record: StreamRecord; readonly atMs: number }
  | { readonly type: 'stream.known'; readonly streamId: StreamId; readonly seen: Freeze | null }
  | { readonly type: 'stream.told'; readonly streamId: StreamId; readonly event: StreamEvent }
  /** Its file is gone for longer than records are kept. */
  | { readonly type: 'stream.forgotten'; readonly streamId: StreamId }
  | StreamLeft
  | { readonly type: `xstate.error.actor.${string}`; readonly error: unknown; readonly actorId: string };

export type StreamBroke = { readonly type: 'stream.broke'; readonly streamId: StreamId; readonly detail: string };

export interface GroupInput {
  readonly settings: StreamSettings;
}

interface GroupContext {
  readonly settings: StreamSettings;
  readonly live: Readonly<Record<string, true>>;
  readonly left: Readonly<Record<string, Freeze | null>>;
}

type Seen = Extract<GroupEvent, { readonly type: 'file.seen' | 'file.skipped' }>;
type Args = { readonly context: GroupContext; readonly event: GroupEvent };

const without = <T>(map: Readonly<Record<string, T>>, id: string): Readonly<Record<string, T>> => {
  const { [id]: _, ...rest } = map;
  return rest;
};

const idIn = (event: GroupEvent): StreamId => {
  if ('file' in event) return event.file.streamId;
  if ('record' in event) return event.record.streamId;
  if ('streamId' in event) return event.streamId;
  return event.actorId as StreamId;
};

const fileOfRecord = (record: StreamRecord): FileRef => ({
  streamId: record.streamId,
  folder: record.memory.folder,
  path: record.memory.path,
  identity: record.memory.identity,
});

const observed = (event: Seen): StreamEvent => ({
  type: 'file.observed',
  stat: event.stat,
  path: event.file.path,
  atMs: event.atMs,
});

const group = setup({
  types: { context: {} as GroupContext, events: {} as GroupEvent, input: {} as GroupInput },
  actors: { stream: streamMachine },
  guards: {
    isLive: ({ context, event }) => context.live[idIn(event)] === true,
    isAsItLeft: ({ context, event }: Args) => {
      const seen = 'file' in event ? context.left[event.file.streamId] : undefined;
      return 'file' in event && seen !== undefined && seen !== null && sameStat(seen, event.stat);
    },
    isUnknown: ({ context, event }) => context.left[idIn(event)] === undefined,
  },
  actions: {
    admitFile: enqueueActions(({ enqueue, context, event }) => {
      if (!('file' in event)) return;
      const { file, stat, atMs } = event;
      const mustRecall = context.left[file.streamId] !== undefined;
      enqueue(
        spawnChild('stream', {
          id: file.streamId,
          input: { file, stat, record: null, mustRecall, settings: context.settings, atMs },
        }),
      );
    }),
    admitRecord: enqueueActions(({ enqueue, context, event }) => {
      if (event.type !== 'stream.restored') return;
      const { record, atMs } = event;
      enqueue(
        spawnChild('stream', {
          id: record.streamId,
          input: {
            file: fileOfRecord(record),
            stat: null,
            record,
            mustRecall: false,
            settings: context.settings,
            atMs,
          },
        }),
      );
    }),
    noteLive: assign(({ context, event }) => ({
      live: { ...context.live, [idIn(event)]: true as const },
      left: without(context.left, idIn(event)),
    })),
    noteLeft: assign(({ context, event }) => ({
      live: without(context.live, idIn(event)),
      left: { ...context.left, [idIn(event)]: leftAs(event) },
    })),
    // Its record stands in the journal: when its file is seen to change, the stream comes back from there.
    noteBroken: assign(({ context, event }) => ({
      live: without(context.live, idIn(event)),
      left: { ...context.left, [idIn(event)]: null },
    })),
    forget: assign(({ context, event }) => ({ left: without(context.left, idIn(event)) })),
    stop: stopChild(({ event }) => idIn(event)),
    forward: sendTo(
      ({ event }) => idIn(event),
      ({ event }): StreamEvent => (event.type === 'stream.told' ? event.event : observed(event as Seen)),
    ),
    reportBroken: enqueueActions(({ enqueue, event, self }) => {
      if (!('error' in event) || !self._parent) return;
      const detail = event.error instanceof Error ? event.error.message : String(event.error);
      enqueue.sendTo(self._parent, { type: 'stream.broke', streamId: idIn(event), detail } satisfies StreamBroke);
    }),
  },
});

function leftAs(event: GroupEvent): Freeze | null {
  if (event.type === 'stream.left' || event.type === 'stream.known') return event.seen;
  return event.type === 'file.skipped' ? event.stat : null;
}

export const streamGroupMachine = group.createMachine({
  id: 'streamGroup',
  context: ({ input }) => ({ settings: input.settings, live: {}, left: {} }),
  initial: 'running',
  states: {
    running: {
      on: {
        'file.seen': [
          { guard: 'isLive', actions: 'forward' },
          { guard: 'isAsItLeft' },
          { actions: ['admitFile', 'noteLive'] },
        ],
        'file.skipped': [
          { guard: 'isLive' },
          { guard: 'isUnknown', actions: 'noteLeft' },
          { guard: 'isAsItLeft' },
          { actions: ['admitFile', 'noteLive'] },
        ],
        'stream.restored': [{ guard: 'isLive' }, { actions: ['admitRecord', 'noteLive'] }],
        'stream.known': [{ guard: 'isLive' }, { actions: 'noteLeft' }],
        'stream.forgotten': [{ guard: 'isLive' }, { actions: 'forget' }],
        'stream.told': { guard: 'isLive', actions: 'forward' },
        'stream.left': { guard: 'isLive', actions: ['stop', 'noteLeft'] },
        // Without the second row an error of a stream that is not live would be nobody's, and end the group.
        'xstate.error.actor.*': [{ guard: 'isLive', actions: ['reportBroken', 'stop', 'noteBroken'] }, {}],
      },
    },
  },
});
