// The questions a stream asks before it moves. Each answers yes or no from the context and the event alone.

import { type Failure, type FailureKind, kindOf } from './failure.ts';
import { type Freeze, sameStat } from './file-identity.ts';
import { countHeld, holdsPart } from './part-ledger.ts';
import { lastPartThatMayGo, type PartPlan, partCount, roomyPlan } from './part-plan.ts';
import { seeFile, seeWriter, withRecalled } from './stream.changes.ts';
import { type StreamContext, sizeOf } from './stream.context.ts';
import type { StreamEventOf } from './stream.events.ts';
import { supersededIn } from './stream.generations.ts';
import { isIdle, rolloverAtMs } from './stream-due.ts';

/** One batch of `uploadParts`: small inputs, and new facts are taken in between batches. */
const MAX_BATCH_PARTS = 64;

/**
 * A file whose blocks are mostly missing was given its size before its data: sending it now would send zeros. Compressing file
 * systems also allocate less than the size, so only a file that is nearly all holes waits.
 */
const LEAST_ALLOCATED_SHARE = 1 / 8;

/** The rest of the numbers is for what the file grows while it is sent again. */
const FULL_SHARE = 0.9;

/** The plan of the upload, or of the one that would be opened now. */
export const planOf = ({ memory, settings, seen }: StreamContext): PartPlan =>
  memory.upload?.plan ?? roomyPlan(settings.plan, seen?.sizeBytes ?? 0, settings.maxParts);

/** The next part numbers that may go while the file grows (lag one), ascending, at most one batch. */
export function partsThatMayGo(context: StreamContext): readonly number[] {
  const size = sizeOf(context);
  if (context.allocatedBytes < size * LEAST_ALLOCATED_SHARE) return [];
  const last = lastPartThatMayGo(planOf(context), size, context.settings.maxParts);
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

/** The file may lie aside by now: it is looked for there. */
export function owesDisposal(context: StreamContext, event: StreamEventOf<'stream.reconciled'>): boolean {
  const { cameFrom, memory } = withRecalled(context, event.evidence);
  return (
    cameFrom === 's3_completed.disposing' &&
    memory.completion?.generation === memory.generation &&
    (event.evidence.stat === null || isAsCompleted(context, event))
  );
}

/** The present generation was proven: whatever the file is now, its object holds what the uploads before held. */
export function owesClearing(context: StreamContext, event: StreamEventOf<'stream.reconciled'>): boolean {
  const known = withRecalled(context, event.evidence);
  const { completion, generation } = known.memory;
  return completion?.generation === generation && supersededIn(known).length > 0;
}

/** A former process may have opened an upload that nobody knows of. Its intent may be older than the state that the record names. */
function mayHaveOpened(context: StreamContext, event: StreamEventOf<'stream.reconciled'>): boolean {
  const { cameFrom, memory } = withRecalled(context, event.evidence);
  const isProven = memory.completion?.generation === memory.generation;
  const wasOpening = (memory.failure?.owed ?? memory.failure?.during)?.endsWith('.opening') === true;
  const isUnderWay = cameFrom !== null && /^(active|pending|finalizing)/.test(cameFrom);
  return memory.upload === null && !isProven && (wasOpening || isUnderWay);
}

/** It is looked for although there is nothing more to send. */
export const areBytesGoneWhileOpening = (context: StreamContext, event: StreamEventOf<'stream.reconciled'>): boolean =>
  event.evidence.stat === null && mayHaveOpened(context, event);

/** It is found by opening, and then there is something to abort. */
export const isAbortWantedWhileOpening = (context: StreamContext, event: StreamEventOf<'stream.reconciled'>): boolean =>
  withRecalled(context, event.evidence).memory.wishes.abort && mayHaveOpened(context, event);

/** A former process owed a Complete: it may have been sent. */
export function mayHaveSentComplete(context: StreamContext, event: StreamEventOf<'stream.reconciled'>): boolean {
  if (event.evidence.upload !== 'listed') return false;
  const { cameFrom, memory } = withRecalled(context, event.evidence);
  const owed = cameFrom === 'finalizing.completing' || cameFrom === 'finalizing.probing';
  return memory.freeze !== null && (owed || memory.completeDoubtUntilMs !== null);
}

export const isDoubtOver = (context: StreamContext, atMs: number): boolean =>
  atMs >= (context.memory.completeDoubtUntilMs ?? 0);

/** Each one means that the whole file is sent again: after these the present upload is completed again instead, at the pace of the retry plan. */
const MAX_CONFLICTED_UPLOADS = 3;

/** Refused by name, and not executed: AWS wants another upload. */
export const isInConflict = (context: StreamContext): boolean =>
  context.memory.completeRefusal?.code === 'upload_conflicted' && supersededIn(context).length < MAX_CONFLICTED_UPLOADS;

/** Swift lists the parts of a completed upload as before: Complete itself knows better, and what it made is not there. */
export const foundNoUpload = (context: StreamContext, event: StreamEventOf<'object.probed'>): boolean =>
  context.memory.completeRefusal?.code === 'upload_not_found' &&
  event.object === 'absent' &&
  isDoubtOver(context, event.atMs);

export const isKind = (failure: Failure | null, ...kinds: readonly FailureKind[]): boolean =>
  failure !== null && kinds.includes(kindOf(failure));

/** Complete was refused because another object holds the key, and that object is not ours. */
export const lostToForeign = (context: StreamContext, event: StreamEventOf<'object.probed'>): boolean =>
  event.object === 'foreign' && context.memory.completeRefusal?.code === 'precondition_failed';

/** Refused by name: the server looked at the parts and did not execute the Complete. */
export const refusedTheParts = (failure: Failure): boolean =>
  failure.code === 'part_invalid' || failure.code === 'part_too_small';

/** Each time the parts were listed and compared, and sent again where they differed: after so many it is no passing mistake. */
const MAX_PART_REFUSALS = 5;

/** `partRefusals` counts those before this one. */
export const isLastPartRefusal = ({ partRefusals }: StreamContext): boolean => partRefusals + 1 >= MAX_PART_REFUSALS;

/** The operator chose another plan since the upload was opened. */
export const hasOtherPlan = ({ memory, settings }: StreamContext): boolean =>
  memory.upload !== null && memory.upload.plan.kind !== settings.plan.kind;

/** What the freeze saw needs more parts than S3 allows. */
export const needsMoreParts = ({ settings }: StreamContext, event: StreamEventOf<'source.verified'>): boolean =>
  event.differing.some((n) => n > settings.maxParts);

/** And larger parts would not help. */
export const isTooLarge = (context: StreamContext, event: StreamEventOf<'source.verified'>): boolean =>
  needsMoreParts(context, event) && !hasRoomierPlan(context, event.freeze.sizeBytes);

/** Whether larger parts could carry the file. */
function hasRoomierPlan(context: StreamContext, fileBytes: number): boolean {
  const { plan, maxParts } = context.settings;
  const roomy = roomyPlan(plan, fileBytes, maxParts);
  return roomy.firstPartBytes > planOf(context).firstPartBytes && partCount(roomy, fileBytes) <= maxParts;
}

/** Its upload will not have numbers enough for what the file becomes. */
export function outgrewItsPlan(context: StreamContext): boolean {
  const { memory, settings } = context;
  if (!memory.upload || countHeld(memory.parts) === 0) return false;
  const size = sizeOf(context);
  return partCount(memory.upload.plan, size) > settings.maxParts * FULL_SHARE && hasRoomierPlan(context, size);
}

/** Before an upload is half as old as it may become, its parts can be sent once more in good time. */
export const isUploadOld = (context: StreamContext, atMs: number): boolean =>
  atMs >= (rolloverAtMs(context) ?? Number.POSITIVE_INFINITY);
