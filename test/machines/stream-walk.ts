// The walk through the stream's chart that its path tests share: from a new file, and from the records of streams that were
// stopped where only a restart can be seen to matter.

import type { StreamContext, StreamInput } from '../../src/machines/stream.context.ts';
import { recordOf } from '../../src/machines/stream.context.ts';
import type { StreamEvent } from '../../src/machines/stream.events.ts';
import { streamMachine } from '../../src/machines/stream.machine.ts';
import type { StreamRecord } from '../../src/machines/stream-record.ts';
import type { StreamSettings } from '../../src/machines/stream-settings.ts';
import { isFinal } from '../../src/machines/stream-status.ts';
import { dotted, type Path, type Seen, startNoting, type Walked, walk } from './machine-walk.ts';
import { abstractOf, candidatesOf, unlikelyOf } from './stream-candidates.ts';
import { DAY_MS, freshInput, restoredInput, SETTINGS, START_MS } from './stream-input.ts';

export type StreamPath = Path<StreamEvent, StreamInput>;
export type StreamWalk = Walked<StreamEvent, StreamInput>;

const walkFrom = (inputs: ReadonlyMap<string, StreamInput>, recalled: readonly StreamRecord[] = []): StreamWalk =>
  walk({
    machine: streamMachine,
    inputs,
    candidates: candidatesOf(recalled),
    unlikely: unlikelyOf,
    abstract: abstractOf,
    isFinal: (state: Seen<StreamContext>) => isFinal(dotted(state.value)),
  });

export function contextAfter(path: StreamPath): StreamContext {
  const { actor } = startNoting(streamMachine, path.input);
  for (const event of path.events) actor.send(event);
  const { context } = actor.getSnapshot() as unknown as Seen<StreamContext>;
  actor.stop();
  return context;
}

function recordIn(state: string, walked: StreamWalk): StreamRecord {
  const path = walked.statePaths.find((one) => endOf(one) === state);
  if (!path) throw new Error(`no path leads to ${state}`);
  return recordOf(state, contextAfter(path));
}

function endOf(path: StreamPath): string {
  const { actor } = startNoting(streamMachine, path.input);
  for (const event of path.events) actor.send(event);
  const { value } = actor.getSnapshot() as unknown as Seen<StreamContext>;
  actor.stop();
  return dotted(value);
}

const fresh = new Map([['a new file', freshInput()]]);

export function walkStream(): StreamWalk {
  const first = walkFrom(fresh);
  const laterMs = START_MS + 30 * DAY_MS;
  const restored = (state: string, settings = SETTINGS): StreamInput =>
    restoredInput(recordIn(state, first), laterMs, settings);
  const refusing: StreamSettings = { ...SETTINGS, onExisting: 'fail' };
  const inputs = new Map([
    ...fresh,
    ['a record that owes a receipt', restored('s3_completed.publishing')],
    ['a record that owes Complete', restored('finalizing.completing')],
    ['a record that owes Complete, where foreign objects stay', restored('finalizing.completing', refusing)],
    ['a stream that had left', freshInput({ mustRecall: true, atMs: laterMs })],
  ]);
  return walkFrom(inputs, [recordIn('s3_completed.done', first)]);
}
