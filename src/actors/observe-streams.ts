// Hears every new snapshot of every stream actor, in the turn in which it came about, and passes it on: to the write-ahead
// when what must survive changed, to the index of live streams, and to the views.
//
// O1. A save is due exactly when the state or the reference of `memory` differs; growth alone is not a save.
// O2. `recovering` is never saved, nor a stream whose record was not fetched yet: the stored record stands until there is an outcome.
// O3. A stream that threw gives no snapshot, only an error to its group: it is taken out of the index, told loudly, and shown as
//     broken, until its file is seen and it is taken up again from its record.

import type { InspectionEvent } from 'xstate';
import { failureOf, failureRow, kindOf } from '../machines/failure.ts';
import { type StreamId, streamId } from '../machines/ids.ts';
import { recordOf, type StreamContext } from '../machines/stream.context.ts';
import type { StreamEvent } from '../machines/stream.events.ts';
import { streamMachine } from '../machines/stream.machine.ts';
import { dueAtMs } from '../machines/stream-due.ts';
import { isFinal, statusOf } from '../machines/stream-status.ts';
import type { LiveStream } from './live-streams.ts';
import { recordHistory } from './record-history.ts';
import { dotted, type StreamSnapshot } from './stream-state.ts';
import { viewOf } from './stream-view-of.ts';
import type { World } from './world.ts';

interface Last {
  readonly state: string;
  /** The last one that has an outcome: what is shown while the stream recovers. */
  readonly settled: string;
  readonly memory: StreamContext['memory'] | null;
}

export function observeStreams(world: World): (event: InspectionEvent) => void {
  const lastOf = new Map<StreamId, Last>();
  const record = recordHistory(world.history, world.clock);
  return (event) => {
    record(event);
    if (event.type === '@xstate.event') {
      const broken = brokenIn(event.event, world);
      if (broken) lastOf.delete(broken.id);
      if (broken) noteBroken(world, broken, 'error' in event.event ? event.event['error'] : null);
      return;
    }
    if (event.type !== '@xstate.snapshot') return;
    const snapshot = event.snapshot as StreamSnapshot;
    // An error comes as an event too (O3).
    if (snapshot.machine?.id !== streamMachine.id || snapshot.status === 'error') return;
    const ref = event.actorRef;
    const { context } = snapshot;
    const id = context.streamId;
    if (snapshot.status === 'stopped') {
      lastOf.delete(id);
      world.streams.drop(id);
      void world.files.release(id);
      return;
    }
    const state = dotted(snapshot.value);
    const last = lastOf.get(id);
    if (state !== last?.state) tellChange(world, state, context);
    const isRemembered = state !== 'recovering' && !context.mustRecall;
    if (isRemembered && (state !== last?.state || context.memory !== last?.memory)) {
      world.writeAhead.offer(recordOf(state, context), dueAtMs(state, context));
    }
    const settled = state === 'recovering' ? (last?.settled ?? context.restoredState ?? state) : state;
    world.views.streamChanged(viewOf(state, context, settled));
    if (isFinal(state)) {
      lastOf.delete(id);
      world.streams.drop(id);
      void world.files.release(id);
      return;
    }
    // `recovering` keeps the memory that is in the journal, so that only an outcome is a change.
    lastOf.set(id, { state, settled, memory: state === 'recovering' ? (last?.memory ?? null) : context.memory });
    world.streams.set({ id, state, context, tell: (fact: StreamEvent) => ref.send(fact) });
  };
}

/** O3. Ids of streams are not used for anything else. */
function brokenIn(event: { readonly type: string }, world: World): LiveStream | undefined {
  const { actorId } = event as { readonly actorId?: unknown };
  if (!event.type.startsWith('xstate.error.actor.') || typeof actorId !== 'string') return undefined;
  return world.streams.get(streamId(actorId));
}

function noteBroken(world: World, { id, state, context }: LiveStream, error: unknown): void {
  const detail = error instanceof Error ? error.message : String(error);
  world.streams.drop(id);
  void world.files.release(id);
  world.telemetry.error('bug: a stream threw; it is taken up again from its record when its file is seen', {
    ...{ streamId: id, path: context.memory.path, state },
    detail: error instanceof Error ? (error.stack ?? error.message) : detail,
  });
  world.history.note(id, 'outcome', 'stream.broke', detail, world.clock.nowMs());
  const memory = { ...context.memory, failure: failureOf('bug', detail, { during: state }) };
  world.views.streamChanged(viewOf(state, { ...context, memory }));
}

function tellChange(world: World, to: string, context: StreamContext): void {
  world.notices.changed(to, context);
  const { memory } = context;
  const fields = {
    streamId: context.streamId,
    path: memory.path,
    state: to,
    status: statusOf(to, memory.failure),
    generation: memory.generation,
  };
  if (to.startsWith('failed.') && memory.failure) {
    const { hint } = failureRow(memory.failure.code);
    world.telemetry.error('stream failed', {
      ...fields,
      code: memory.failure.code,
      kind: kindOf(memory.failure),
      detail: memory.failure.detail,
      hint,
    });
    if (to === 'failed.ended') world.telemetry.count('streams_ended', 1, fields.status);
  } else if (to === 's3_completed.publishing') {
    world.telemetry.info('object proven', {
      ...fields,
      bucket: memory.completion?.target.bucket,
      key: memory.completion?.target.key,
      sizeBytes: memory.completion?.sizeBytes,
    });
  } else if (isFinal(to)) {
    world.telemetry.info('stream left', fields);
    world.telemetry.count('streams_ended', 1, fields.status);
  } else world.telemetry.debug('stream moved', fields);
}
