// The walk through the stream's chart that its path tests share: from a new file, and from the records of streams that were
// stopped where only a restart can be seen to matter.

import type { StreamContext, StreamInput } from '../../src/machines/stream.context.ts';
import { recordOf } from '../../src/machines/stream.context.ts';
import type { StreamEvent } from '../../src/machines/stream.events.ts';
import { streamMachine } from '../../src/machines/stream.machine.ts';
import type { StreamRecord } from '../../src/machines/stream-record.ts';
import { isFinal } from '../../src/machines/stream-status.ts';
import { dotted, type Path, type Seen, startNoting, type Walked, walk } from './machine-walk.ts';
import { abstractOf, candidatesOf, unlikelyOf } from './stream-candidates.ts';
import { freshInput, restoredInput, SETTINGS, START_MS } from './stream-input.ts';

export type StreamPath = Path<StreamEvent, StreamInput>;
export type StreamWalk = Walked<StreamEvent, StreamInput>;

const walkFrom = (inputs: ReadonlyMap<string, StreamInput>, recalled: readonly StreamRecord[]): StreamWalk =>
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

export function walkStream(): StreamWalk {
  const fresh = walkFrom(new Map([['a new file', freshInput()]]), []);
  const laterMs = START_MS + 30 * 86_400_000;
  const from = (state: string): StreamInput => restoredInput(recordIn(state, fresh), laterMs);
  const left = recordIn('s3_completed.done', fresh);
  const restored = walkFrom(
    new Map([
      ['a new file, foreign objects stay', freshInput({ settings: { ...SETTINGS, onExisting: 'fail' } })],
      ['a record that owes a receipt', from('s3_completed.publishing')],
      ['a record that owes Complete', from('finalizing.completing')],
      ['a stream that had left', freshInput({ mustRecall: true, atMs: laterMs })],
    ]),
    [left],
  );
  return {
    statePaths: [...fresh.statePaths, ...restored.statePaths],
    broken: [...fresh.broken, ...restored.broken],
    taken: merged(fresh.taken, restored.taken),
  };
}

function merged(first: StreamWalk['taken'], second: StreamWalk['taken']): StreamWalk['taken'] {
  const all = new Map(first);
  for (const [key, { path, steps }] of second) {
    const known = all.get(key);
    all.set(key, { path: known?.path ?? path, steps: [...(known?.steps ?? []), ...steps] });
  }
  return all;
}
