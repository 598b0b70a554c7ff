// Cuts a path of the stream's chart: the record goes through JSON into a new actor, and both it and its uncut twin are finished
// in worlds of their own that hold what the stream may truthfully be in at that moment.

import type { FileStat } from '../../src/machines/file-identity.ts';
import { holdsPart } from '../../src/machines/part-ledger.ts';
import { plannedRange } from '../../src/machines/part-plan.ts';
import { recordOf, type StreamContext, type StreamInput } from '../../src/machines/stream.context.ts';
import type { StreamEvent } from '../../src/machines/stream.events.ts';
import { planOf } from '../../src/machines/stream.guards.ts';
import { streamMachine } from '../../src/machines/stream.machine.ts';
import { dueAtMs } from '../../src/machines/stream-due.ts';
import { NO_WISHES, type StreamRecord } from '../../src/machines/stream-record.ts';
import { isFinal } from '../../src/machines/stream-status.ts';
import { dotted, type Seen, startNoting } from './machine-walk.ts';
import { restoredInput, statAsSeen, statOf } from './stream-input.ts';
import type { StreamPath } from './stream-walk.ts';
import { StreamWorld } from './stream-world.ts';

type Actor = ReturnType<typeof startNoting>['actor'];
const seenIn = (actor: Actor) => actor.getSnapshot() as unknown as Seen<StreamContext>;

export interface Cut {
  readonly path: StreamPath;
  /** How many events came before it. */
  readonly after: number;
  readonly state: string;
  readonly context: StreamContext;
  /** What the journal holds at that moment. */
  readonly record: StreamRecord | null;
  readonly atMs: number;
}

/** Every moment of a path. `recovering` is never recorded: there the journal still holds the record before it. */
export function cutsOf(path: StreamPath): readonly Cut[] {
  const { actor } = startNoting(streamMachine, path.input);
  const cuts: Cut[] = [];
  let record: StreamRecord | null = path.input.record;
  let atMs = path.input.atMs;
  for (let after = 0; after <= path.events.length; after += 1) {
    const { value, context } = seenIn(actor);
    const state = dotted(value);
    if (state !== 'recovering') record = recordOf(state, context);
    cuts.push({ path, after, state, context, record, atMs });
    const event = path.events[after];
    if (!event) break;
    atMs = Math.max(atMs, event.atMs);
    actor.send(event);
  }
  actor.stop();
  return cuts;
}

/** What may exist at the moment of a cut: where Complete was sent or is owed, more than one world is true. */
export function worldsAt(cut: Cut): ReadonlyMap<string, () => StreamWorld> {
  const { context, state } = cut;
  const { upload, target, freeze, completeDoubtUntilMs, completeRefusal, completion, generation } = context.memory;
  const quiet = () => worldOf(context, state);
  if (!upload || !target || completion?.generation === generation) return new Map([['as recorded', quiet]]);
  const foreign = () => {
    const world = quiet();
    world.objects.set(target.key, { owner: 'foreign', generation: 0, sizeBytes: 7, partNumbers: [] });
    return world;
  };
  const executed = () => {
    const world = quiet();
    const parts = [...(world.uploads.get(upload.uploadId)?.parts.keys() ?? [])];
    world.uploads.delete(upload.uploadId);
    const sizeBytes = freeze?.sizeBytes ?? 0;
    world.objects.set(target.key, { owner: 'ours', generation, sizeBytes, partNumbers: parts.sort((a, b) => a - b) });
    return world;
  };
  if (state === 'finalizing.proving') return new Map([['Complete was executed', executed]]);
  if (state === 'finalizing.completing')
    return new Map([
      ['Complete was not sent', quiet],
      ['another object appeared', foreign],
    ]);
  const isInDoubt = completeDoubtUntilMs !== null || context.cameFrom === 'finalizing.completing';
  // On the way to Abort the upload was asked for and found.
  if (!isInDoubt || !freeze || state === 'finalizing.aborting') return new Map([['as recorded', quiet]]);
  return new Map([
    ['Complete was not executed', quiet],
    ['Complete was executed', executed],
    ...(completeRefusal?.code === 'precondition_failed' ? [['another object appeared', foreign] as const] : []),
  ]);
}

function worldOf(context: StreamContext, state: string): StreamWorld {
  const { memory, dirty } = context;
  const isFrozen = state.startsWith('finalizing') && state !== 'finalizing.aborting';
  const seen = isFrozen ? (memory.freeze ?? context.seen) : context.seen;
  // One that came back is active, and remembers the failure until its next success.
  const isGone = memory.failure?.code === 'source_gone' && !state.startsWith('active');
  const file: FileStat = seen ? statAsSeen(seen) : statOf(0, context.lastActivityMs);
  const world = new StreamWorld(isGone ? null : file);
  if (memory.completion) {
    const { target, generation, sizeBytes } = memory.completion;
    world.objects.set(target.key, { owner: 'ours', generation, sizeBytes, partNumbers: [] });
  }
  if (memory.upload && memory.target && memory.completion?.generation !== memory.generation) {
    const held = Array.from({ length: 10 }, (_, i) => i + 1).filter((n) => holdsPart(memory.parts, n));
    world.uploads.set(memory.upload.uploadId, {
      key: memory.target.key,
      generation: memory.generation,
      parts: new Map(held.map((n) => [n, { isClean: !dirty.includes(n), endBytes: endOf(n, context) }])),
    });
  }
  for (const left of memory.leftUploads)
    world.uploads.set(left.uploadId, {
      key: left.target.key,
      generation: 0,
      parts: new Map([[left.parts, { isClean: true, endBytes: 0 }]]),
    });
  return world;
}

/** Of a part that S3 acknowledged: as planned, or where the tail ended. */
function endOf(n: number, context: StreamContext): number {
  const { offset, sizeBytes } = plannedRange(planOf(context), n);
  return Math.min(offset + sizeBytes, context.memory.sentEndBytes);
}

/** The stream goes on in the process it was in; a restart counts as the operator's retry, so an ended stream gets one. */
export function finishUncut(cut: Cut, world: StreamWorld): unknown {
  const { actor } = startNoting(streamMachine, cut.path.input);
  for (const event of cut.path.events.slice(0, cut.after)) actor.send(event);
  if (cut.state === 'failed.ended') actor.send({ type: 'operator.retry', atMs: cut.atMs });
  return finish(actor, world, cut.atMs);
}

/** The process died. A wish is recorded with the outcome of `recovering`; before that the operator has to repeat it. */
export function finishRestored(cut: Cut, world: StreamWorld): unknown {
  const { settings, memory } = cut.context;
  const input: StreamInput = cut.record
    ? restoredInput(cut.record, cut.atMs, settings)
    : { ...cut.path.input, atMs: cut.atMs };
  const { actor } = startNoting(streamMachine, input);
  const wishes = cut.state === 'recovering' ? memory.wishes : NO_WISHES;
  if (wishes.finalize) actor.send({ type: 'operator.finalize', atMs: cut.atMs });
  if (wishes.abort) actor.send({ type: 'operator.abort', atMs: cut.atMs });
  return finish(actor, world, cut.atMs);
}

/** A stream whose file holds still ends within this many pieces of work, doubts and rounds of verification included. */
const MAX_STEPS = 60;

function finish(actor: Actor, world: StreamWorld, atMs: number): unknown {
  let nowMs = atMs;
  const trail: string[] = [];
  for (let n = 0; n < MAX_STEPS; n += 1) {
    const { value, context, children, status } = seenIn(actor);
    const state = dotted(value);
    trail.push(state);
    if (status === 'error' || isFinal(state) || state === 'failed.ended') {
      actor.stop();
      return status === 'error' ? { broken: trail } : summaryOf(state, context, world);
    }
    const [owed] = Object.entries(children);
    const told: readonly StreamEvent[] = owed
      ? answerOf(world, owed[0], inputOf(owed[1]), nowMs)
      : [nextTick(state, context, nowMs)];
    for (const event of told) {
      nowMs = Math.max(nowMs, event.atMs);
      actor.send(event);
    }
  }
  actor.stop();
  return { neverEnds: trail };
}

const inputOf = (child: { getSnapshot(): unknown }): { readonly notBeforeMs: number } =>
  (child.getSnapshot() as { readonly input: { readonly notBeforeMs: number } }).input;

const answerOf = (world: StreamWorld, work: string, input: { readonly notBeforeMs: number }, nowMs: number) =>
  world.answer(work, input, Math.max(nowMs, input.notBeforeMs));

/** Nothing is owed: time passes until the stream is due. A writer that was seen is gone by now. */
function nextTick(state: string, context: StreamContext, nowMs: number): StreamEvent {
  const due = context.writer.presence === 'open' ? null : dueAtMs(state, context);
  return due === null
    ? { type: 'writer.observed', presence: 'none', atMs: nowMs }
    : { type: 'stream.due', atMs: Math.max(nowMs, due) };
}

function summaryOf(state: string, { memory }: StreamContext, world: StreamWorld): unknown {
  return {
    state,
    generation: memory.generation,
    failure: state.startsWith('failed') ? memory.failure?.code : undefined,
    completed: memory.completion && [memory.completion.target.key, memory.completion.sizeBytes],
    left: memory.leftUploads.map(({ target, parts, why }) => [target.key, parts, why]),
    objects: [...world.objects].sort(),
    uploads: [...world.uploads.values()].map(({ key, parts }) => [key, [...parts.keys()].sort()]).sort(),
  };
}
