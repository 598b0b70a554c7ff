// Hears what the actor system does and writes each stream's history from it. Beside observe-streams, which acts on the same news.

import type { AnyActor, InspectionEvent } from 'xstate';
import type { Failure } from '../machines/failure.ts';
import { type StreamId, streamId } from '../machines/ids.ts';
import type { StreamEvent } from '../machines/stream.events.ts';
import { streamMachine } from '../machines/stream.machine.ts';
import type { Clock } from '../ports/clock.ts';
import type { StreamHistory } from './stream-history.ts';
import { dotted, type StreamSnapshot } from './stream-state.ts';

const KINDS: Readonly<Record<StreamEvent['type'], 'fact' | 'outcome'>> = {
  'file.observed': 'fact',
  'writer.observed': 'fact',
  'file.let_go': 'fact',
  'stream.due': 'fact',
  'operator.finalize': 'fact',
  'operator.retry': 'fact',
  'operator.abort': 'fact',
  'stream.reconciled': 'outcome',
  'upload.opened': 'outcome',
  'object.adopted': 'outcome',
  'part.uploaded': 'outcome',
  'parts.settled': 'outcome',
  'writer.checked': 'outcome',
  'source.verified': 'outcome',
  'source.changed': 'outcome',
  'parts.checked': 'outcome',
  'upload.completed': 'outcome',
  'upload.completion_failed': 'outcome',
  'object.probed': 'outcome',
  'object.proven': 'outcome',
  'object.superseded': 'outcome',
  'object.mismatched': 'outcome',
  'upload.aborted': 'outcome',
  'upload.found_filled': 'outcome',
  'receipt.published': 'outcome',
  'uploads.cleared': 'outcome',
  'source.disposed': 'outcome',
  'effect.failed': 'outcome',
};

const isStreamEvent = (event: { readonly type: string }): event is StreamEvent => Object.hasOwn(KINDS, event.type);
const isStream = (actor: AnyActor | undefined): actor is AnyActor => actor?.logic.id === streamMachine.id;

export function recordHistory(history: StreamHistory, clock: Clock): (event: InspectionEvent) => void {
  const lastState = new Map<StreamId, string>();
  /** An effect is made before the state that owes it is told of; it is written after it. */
  const begun = new Map<StreamId, string[]>();
  return (inspected) => {
    const actor = inspected.actorRef as AnyActor;
    if (inspected.type === '@xstate.event') {
      const { event } = inspected;
      if (!isStreamEvent(event) || !isStream(actor)) return;
      history.note(streamId(actor.id), KINDS[event.type], event.type, wordsOf(event), event.atMs);
    } else if (inspected.type === '@xstate.actor') {
      const parent = actor._parent as AnyActor | undefined;
      if (!isStream(parent)) return;
      const id = streamId(parent.id);
      begun.set(id, [...(begun.get(id) ?? []), actor.id]);
    } else if (inspected.type === '@xstate.snapshot' && isStream(actor)) {
      const id = streamId(actor.id);
      const snapshot = inspected.snapshot as StreamSnapshot;
      const effects = begun.get(id) ?? [];
      begun.delete(id);
      if (snapshot.status === 'stopped' || snapshot.status === 'error') {
        lastState.delete(id);
        return;
      }
      const state = dotted(snapshot.value);
      if (state !== lastState.get(id)) history.note(id, 'state', state, '', clock.nowMs());
      if (snapshot.status === 'done') lastState.delete(id);
      else lastState.set(id, state);
      for (const effect of effects) history.note(id, 'effect', effect, '', clock.nowMs());
    }
  };
}

const failed = (failure: Failure | null): string => (failure ? `${failure.code}: ${failure.detail}` : '');

/** An event that is not what its type says breaks the stream that hears it, and nobody else: not the actor system by being written down. */
function wordsOf(event: StreamEvent): string {
  try {
    return detailOf(event);
  } catch {
    return 'cannot be told';
  }
}

/** In a few words, what the event's name does not say. */
function detailOf(event: StreamEvent): string {
  switch (event.type) {
    case 'file.observed':
    case 'source.changed':
      return `${event.stat.sizeBytes} bytes`;
    case 'writer.observed':
    case 'writer.checked':
      return `writer: ${event.presence}`;
    case 'stream.reconciled': {
      const { stat, upload, object, content } = event.evidence;
      return `file ${stat ? `${stat.sizeBytes} bytes` : 'gone'}, upload ${upload}, object ${object}, content ${content}`;
    }
    case 'upload.opened':
      return `${event.target.key}, generation ${event.generation}`;
    case 'part.uploaded':
      return `part ${event.partNumber}, ${event.sizeBytes} bytes`;
    case 'source.verified':
      return `${event.freeze.sizeBytes} bytes, ${event.differing.length} parts to send`;
    case 'parts.checked':
      return `${event.wrong.length} wrong, ${event.excess.length} too many`;
    case 'upload.completed':
      return `etag ${event.etag}`;
    case 'object.probed':
      return `object ${event.object}, upload ${event.upload}`;
    case 'object.adopted':
    case 'object.proven':
    case 'object.superseded':
      return `${event.completion.target.key}, ${event.completion.sizeBytes} bytes`;
    default:
      return 'failure' in event ? failed(event.failure) : '';
  }
}
