// The questions a stream asks before it moves. Each answers yes or no from the context and the event alone.

import { type Failure, type FailureKind, kindOf } from './failure.ts';
import { type Freeze, sameStat } from './file-identity.ts';
import { countHeld, holdsPart } from './part-ledger.ts';
import { lastPartThatMayGo, MAX_PARTS, type PartPlan } from './part-plan.ts';
import { seeFile, seeWriter, withRecalled } from './stream.changes.ts';
import { type StreamContext, sizeOf } from './stream.context.ts';
import type { StreamEventOf } from './stream.events.ts';
import { isIdle } from './stream-due.ts';

/** One batch of `uploadParts`: small inputs, and new facts are taken in between batches. */
const MAX_BATCH_PARTS = 64;

/**
 * A file whose blocks are mostly missing was given its size before its data: sending it now would send zeros. Compressing file
 * systems also allocate less than the size, so only a file that is nearly all holes waits.
 */
const LEAST_ALLOCATED_SHARE = 1 / 8;

export const planOf = (context: StreamContext): PartPlan => context.memory.upload?.plan ?? context.settings.plan;

/** The next part numbers that may go while the file grows (lag one), ascending, at most one batch. */
export function partsThatMayGo(context: StreamContext): readonly number[] {
  const size = sizeOf(context);
  if (context.allocatedBytes < size * LEAST_ALLOCATED_SHARE) return [];
  const last = lastPartThatMayGo(planOf(context), size);
  const held = context.memory.parts;
  const numbers: number[] = [];
  for (let n = held.contiguous + 1; n <= last && numbers.length < MAX_BATCH_PARTS; n += 1)
    if (!holdsPart(held, n)) numbers.push(n);
  return numbers;
}

export const partsToSendAgain = (context: StreamContext): readonly number[] => context.dirty.slice(0, MAX_BATCH_PARTS);

export const partMayGo = (context: StreamContext): boolean => partsThatMayGo(context).length > 0;

/** The file ends before what was sent: it is a different recording from here on. */
export const isCutBelowSent = (context: StreamContext): boolean =>
  context.seen !== null && context.memory.upload !== null && context.seen.sizeBytes < context.memory.sentEndBytes;

export const wouldCutBelowSent = (context: StreamContext, event: StreamEventOf<'file.observed'>): boolean =>
  isCutBelowSent({ ...context, ...seeFile(context, event.stat, event.atMs) });

/** Looked at again, the file still ends before what was sent. */
export function isFoundCut(context: StreamContext, event: StreamEventOf<'stream.reconciled'>): boolean {
  const { evidence } = event;
  const { memory } = withRecalled(context, evidence);
  const sentEndBytes = evidence.upload === 'listed' ? evidence.sentEndBytes : memory.sentEndBytes;
  const isProven = memory.completion?.generation === memory.generation;
  return (
    evidence.stat !== null &&
    memory.upload !== null &&
    evidence.upload !== 'gone' &&
    !isProven &&
    evidence.stat.sizeBytes < sentEndBytes
  );
}

/** Nothing was ever written, nothing was ever sent. */
export const isEmpty = (context: StreamContext): boolean =>
  sizeOf(context) === 0 && context.memory.upload === null && countHeld(context.memory.parts) === 0;

/** The file has no bytes now and S3 holds no part of it: there is nothing that could be completed. */
export const isWithoutBytes = (context: StreamContext, seen: Freeze): boolean =>
  seen.sizeBytes === 0 && countHeld(context.memory.parts) === 0;

/** Seen again at this moment, by its own eyes, the file is still idle and has no writer. */
export function isStillIdle(context: StreamContext, event: StreamEventOf<'writer.checked'>): boolean {
  const looked = { ...context, ...seeFile(context, event.stat, event.atMs) };
  const asked = { ...looked, ...seeWriter(looked, event.presence, event.atMs) };
  const untouched = context.seen !== null && sameStat(context.seen, event.stat);
  return untouched && event.presence !== 'open' && isIdle(asked, event.atMs);
}

/** The record says that nothing was owed any more, and the file is the one that was proven, or was proven again by its bytes. */
export function isAsCompleted(context: StreamContext, event: StreamEventOf<'stream.reconciled'>): boolean {
  const { memory } = withRecalled(context, event.evidence);
  const { stat, content } = event.evidence;
  if (memory.completion?.generation !== memory.generation) return false;
  return stat === null || sameStat(memory.completion.freeze, stat) || content === 'same';
}

/** The present generation was proven, and the file is another one now. */
export function hasChangedSinceCompletion(context: StreamContext, event: StreamEventOf<'stream.reconciled'>): boolean {
  const { memory } = withRecalled(context, event.evidence);
  return memory.completion?.generation === memory.generation && !isAsCompleted(context, event);
}

/** While the receipt was written the file was seen to be another one: its next generation is owed. */
export const hasChangedSinceProof = (context: StreamContext): boolean => {
  const { completion } = context.memory;
  return completion !== null && context.seen !== null && !sameStat(completion.freeze, context.seen);
};

/** The stat by which a stream that left is known: its object's, else the file's as last seen. */
export const leftAs = ({ memory, seen }: StreamContext): Freeze | null =>
  memory.completion?.generation === memory.generation ? memory.completion.freeze : seen;

/** The present generation was proven and its receipt is still owed. */
export function owesReceipt(context: StreamContext, event: StreamEventOf<'stream.reconciled'>): boolean {
  return withRecalled(context, event.evidence).cameFrom === 's3_completed.publishing' && isAsCompleted(context, event);
}

/**
 * A former process may have opened an upload that nobody knows of: it is looked for although there is nothing more to send. Its
 * intent may be older than the state that the record names.
 */
export function areBytesGoneWhileOpening(context: StreamContext, event: StreamEventOf<'stream.reconciled'>): boolean {
  const { cameFrom, memory } = withRecalled(context, event.evidence);
  const isProven = memory.completion?.generation === memory.generation;
  const wasOpening = memory.failure?.during?.endsWith('.opening') === true;
  const mayHaveOpened = wasOpening || (cameFrom !== null && /^(active|pending|finalizing)/.test(cameFrom));
  return event.evidence.stat === null && memory.upload === null && !isProven && mayHaveOpened;
}

/** A former process owed a Complete: it may have been sent. */
export function mayHaveSentComplete(context: StreamContext, event: StreamEventOf<'stream.reconciled'>): boolean {
  if (event.evidence.upload !== 'listed') return false;
  const { cameFrom, memory } = withRecalled(context, event.evidence);
  return (
    cameFrom === 'finalizing.completing' || cameFrom === 'finalizing.probing' || memory.completeDoubtUntilMs !== null
  );
}

export const isDoubtOver = (context: StreamContext, atMs: number): boolean =>
  atMs >= (context.memory.completeDoubtUntilMs ?? 0);

export const isKind = (failure: Failure | null, ...kinds: readonly FailureKind[]): boolean =>
  failure !== null && kinds.includes(kindOf(failure));

/** Complete was refused because another object holds the key, and that object is not ours. */
export const lostToForeign = (context: StreamContext, event: StreamEventOf<'object.probed'>): boolean =>
  event.object === 'foreign' && context.memory.failure?.code === 'precondition_failed';

/** Refused by name: the server looked at the parts and did not execute the Complete. */
export const refusedTheParts = (failure: Failure): boolean =>
  failure.code === 'part_invalid' || failure.code === 'part_too_small';

/** What the freeze saw needs more parts than S3 allows. */
export const isTooLarge = (_context: StreamContext, event: StreamEventOf<'source.verified'>): boolean =>
  event.differing.some((n) => n > MAX_PARTS);
