// The walk through the stream's chart that its path tests share: from a new file, and from the records of streams that were
// stopped where only a restart can be seen to matter.

import { uploadId } from '../../src/machines/ids.ts';
import { growingPlan, partCount } from '../../src/machines/part-plan.ts';
import type { StreamContext, StreamInput } from '../../src/machines/stream.context.ts';
import { recordOf } from '../../src/machines/stream.context.ts';
import type { StreamEvent } from '../../src/machines/stream.events.ts';
import { supersededIn } from '../../src/machines/stream.generations.ts';
import { hasChangedSinceProof, hasOtherPlan, planOf } from '../../src/machines/stream.guards.ts';
import { streamMachine } from '../../src/machines/stream.machine.ts';
import type { StreamRecord } from '../../src/machines/stream-record.ts';
import { isFinal } from '../../src/machines/stream-status.ts';
import { dotted, type Path, type Seen, startNoting, type Walked, walk } from './machine-walk.ts';
import { candidatesOf, unlikelyOf } from './stream-candidates.ts';
import { DAY_MS, freshInput, PART_BYTES, restoredInput, SETTINGS, START_MS } from './stream-input.ts';

export type StreamPath = Path<StreamEvent, StreamInput>;
export type StreamWalk = Walked<StreamEvent, StreamInput>;

/** What of a stream's knowledge the guards ahead ask for, and nothing else: states that agree in it are walked on from once. */
function abstractOf(state: Seen<StreamContext>): string {
  const { memory, seen, dirty, s3Known, mustRecall, cameFrom, writer, settings, partRefusals } = state.context;
  const at = dotted(state.value);
  const size = seen?.sizeBytes ?? -1;
  const grows = at.startsWith('active') || at === 'pending_completion' || at === 'recovering';
  return JSON.stringify([
    at,
    size <= 0 ? size : size < PART_BYTES ? 'short' : 'long',
    memory.upload !== null,
    memory.sentEndBytes > 0,
    size < memory.sentEndBytes,
    memory.parts.contiguous >= partCount(planOf(state.context), size),
    memory.wishes.abort,
    memory.completion !== null && memory.completion.generation === memory.generation,
    memory.completeDoubtUntilMs !== null,
    ...(at.startsWith('s3_completed') || at === 'recovering'
      ? [supersededIn(state.context).length > 0, settings.afterComplete.kind]
      : []),
    ...(at.startsWith('s3_completed') ? [hasChangedSinceProof(state.context)] : []),
    ...(at === 'active.waiting' ? [settings.maxParts] : []),
    ...(grows ? [memory.wishes.finalize, s3Known, writer.presence === 'open'] : []),
    ...(at === 'recovering' ? [memory.freeze !== null, mustRecall, cameFrom, settings.onExisting] : []),
    ...(at === 'finalizing.resending' ? [dirty.length] : []),
    awaitsItsEnd(state.context) && hasOtherPlan(state.context),
    ...(at === 'finalizing.checking' || at === 'finalizing.completing' ? [partRefusals] : []),
    ...(at === 'finalizing.probing' ? [memory.completeRefusal?.code, settings.onExisting] : []),
  ]);
}

/** Sent whole, in its first upload. */
const awaitsItsEnd = (context: StreamContext): boolean => {
  const { memory, writer, seen } = context;
  const { contiguous } = memory.parts;
  const isWhole = contiguous > 0 && contiguous === partCount(planOf(context), seen?.sizeBytes ?? 0);
  return memory.generation === 1 && isWhole && !memory.wishes.abort && writer.presence !== 'open';
};

const walkFrom = (inputs: ReadonlyMap<string, StreamInput>, recalled: readonly StreamRecord[] = []): StreamWalk =>
  walk({
    machine: streamMachine,
    inputs,
    candidates: candidatesOf(recalled),
    unlikely: unlikelyOf,
    abstract: abstractOf,
    isFinal: (state: Seen<StreamContext>) => isFinal(dotted(state.value)),
  });

function recordIn(state: string, walked: StreamWalk, isMeant = (_: StreamContext): boolean => true): StreamRecord {
  for (const path of walked.statePaths) {
    const { value, context } = seenAfter(path);
    if (dotted(value) === state && isMeant(context)) return recordOf(state, context);
  }
  throw new Error(`no path leads to ${state}`);
}

function seenAfter(path: StreamPath): Seen<StreamContext> {
  const { actor } = startNoting(streamMachine, path.input);
  for (const event of path.events) actor.send(event);
  const seen = actor.getSnapshot() as unknown as Seen<StreamContext>;
  actor.stop();
  return seen;
}

/** Complete was refused because of another object, and it is not known yet whose. */
const isRefusedByCondition = ({ memory }: StreamContext): boolean =>
  memory.completeRefusal?.code === 'precondition_failed';

const DELETING: typeof SETTINGS = { ...SETTINGS, afterComplete: { kind: 'delete' } };

const leaving = ({ memory, ...record }: StreamRecord): StreamRecord => ({
  ...record,
  memory: {
    ...memory,
    leftUploads: [
      {
        target: { bucket: SETTINGS.bucket, key: 'take.mp4' },
        uploadId: uploadId('upload-0'),
        parts: 1,
        sentEndBytes: PART_BYTES,
        why: 'rolled_over',
      },
    ],
  },
});

const holdsParts = ({ memory }: StreamContext): boolean => memory.parts.contiguous > 0;

const fresh = new Map([['a new file', freshInput()]]);

export function walkStream(): StreamWalk {
  const first = walkFrom(fresh);
  const laterMs = START_MS + 30 * DAY_MS;
  const restored = (record: StreamRecord, settings = SETTINGS): StreamInput => restoredInput(record, laterMs, settings);
  const inputs = new Map([
    ...fresh,
    ['a record that owes a receipt', restored(recordIn('s3_completed.publishing', first))],
    ['a record that owes an opening', restored(recordIn('active.opening', first))],
    ['a record that owes Complete', restored(recordIn('finalizing.completing', first))],
    [
      'a record of a refused Complete, where foreign objects must stay',
      restored(recordIn('finalizing.probing', first, isRefusedByCondition), { ...SETTINGS, onExisting: 'fail' }),
    ],
    [
      'a record of an upload with too few numbers for its file',
      restored(recordIn('active.waiting', first, holdsParts), { ...SETTINGS, maxParts: 2 }),
    ],
    ['a record that owes the end of an upload before', restored(leaving(recordIn('s3_completed.publishing', first)))],
    [
      'a record that owes a receipt, of a file that must go',
      restored(recordIn('s3_completed.publishing', first), DELETING),
    ],
    [
      'a record that owes the end of an upload before, of a file that must go',
      restored(leaving(recordIn('s3_completed.publishing', first)), DELETING),
    ],
    [
      'a record of a file that may lie aside',
      restored({ ...recordIn('s3_completed.publishing', first), state: 's3_completed.disposing' }, DELETING),
    ],
    ['a stream that had left', freshInput({ mustRecall: true, atMs: laterMs })],
    [
      'a record that owes Complete, of an upload by another plan than the settings',
      restored(recordIn('finalizing.completing', first), { ...SETTINGS, plan: growingPlan(PART_BYTES) }),
    ],
  ]);
  return walkFrom(inputs, [recordIn('s3_completed.done', first)]);
}
