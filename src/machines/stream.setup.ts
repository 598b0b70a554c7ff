// The vocabulary of the stream's chart: its effects, guards and actions by name, so that the chart reads as a table.
//
// Effects are declared here without work (they never report); the actors provide the real ones under the same names.

import { assign, enqueueActions, fromCallback, sendTo, setup } from 'xstate';
import type { Failure, FailureKind } from './failure.ts';
import * as change from './stream.changes.ts';
import { type StreamContext, type StreamInput, sizeOf } from './stream.context.ts';
import type * as effects from './stream.effects.ts';
import type { StreamEvent, StreamEventOf } from './stream.events.ts';
import * as generation from './stream.generations.ts';
import * as ask from './stream.guards.ts';
import { isIdle } from './stream-due.ts';
import { NO_WISHES } from './stream-record.ts';

/** What a stream tells the group it lives in. */
export interface StreamLeft {
  readonly type: 'stream.left';
  readonly streamId: StreamContext['streamId'];
  /** The stat that the object was proven for; without an object, the file as last seen. */
  readonly seen: StreamContext['seen'];
}
/** What a stream tells the effect that sends its parts: begin no more, and report when nothing is in flight. */
export interface StopSending {
  readonly type: 'sending.stop';
}

/** The same work would fail in the same way again. */
const FOR_GOOD: readonly FailureKind[] = ['bug', 'limit', 'conflict', 'snapshot_unreadable'];

const effect = <Input>() => fromCallback<StreamEvent | StopSending, Input, StreamEvent>(() => {});

type Args = { readonly context: StreamContext; readonly event: StreamEvent };

const failureIn = (event: StreamEvent): Failure | null => ('failure' in event ? event.failure : null);
const failedAs =
  (...kinds: readonly FailureKind[]) =>
  ({ event }: Args): boolean =>
    ask.isKind(failureIn(event), ...kinds);

const when =
  <T extends StreamEvent['type']>(type: T, question: (context: StreamContext, event: StreamEventOf<T>) => boolean) =>
  ({ context, event }: Args): boolean =>
    event.type === type && question(context, event as StreamEventOf<T>);

const on =
  <T extends StreamEvent['type']>(
    type: T,
    patch: (context: StreamContext, event: StreamEventOf<T>) => Partial<StreamContext>,
  ) =>
  ({ context, event }: Args): Partial<StreamContext> =>
    event.type === type ? patch(context, event as StreamEventOf<T>) : {};

const evidence = (question: (found: StreamEventOf<'stream.reconciled'>['evidence']) => boolean) =>
  when('stream.reconciled', (_, event) => question(event.evidence));

export const stream = setup({
  types: {
    context: {} as StreamContext,
    events: {} as StreamEvent,
    input: {} as StreamInput,
  },
  actors: {
    reconcile: effect<effects.ReconcileInput>(),
    openUpload: effect<effects.OpenUploadInput>(),
    uploadParts: effect<effects.UploadPartsInput>(),
    checkWriter: effect<effects.CheckWriterInput>(),
    verifySource: effect<effects.VerifySourceInput>(),
    checkParts: effect<effects.CheckPartsInput>(),
    completeUpload: effect<effects.CompleteUploadInput>(),
    probeObject: effect<effects.ProbeObjectInput>(),
    proveObject: effect<effects.ProveObjectInput>(),
    abortUpload: effect<effects.AbortUploadInput>(),
    publishReceipt: effect<effects.PublishReceiptInput>(),
    clearUploads: effect<effects.ClearUploadsInput>(),
    disposeSource: effect<effects.DisposeSourceInput>(),
  },
  guards: {
    // how work failed
    failedTransiently: failedAs('transient'),
    failedForNow: failedAs('transient', 'source_changed'),
    sourceChanged: failedAs('source_changed'),
    sourceIsGone: failedAs('source_gone'),
    s3Diverged: failedAs('diverged'),
    needsAPerson: failedAs('refused'),
    refusedTheParts: ({ event }) =>
      ask.isKind(failureIn(event), 'diverged') && ask.refusedTheParts(failureIn(event) as Failure),
    refusedByItsPlan: when(
      'upload.completion_failed',
      (context, { failure }) =>
        ask.refusedTheParts(failure) && ask.isLastPartRefusal(context) && ask.hasOtherPlan(context),
    ),
    refusedTheSameParts: when(
      'upload.completion_failed',
      (context, { failure }) => ask.refusedTheParts(failure) && ask.isLastPartRefusal(context),
    ),
    partsStayWrong: when('parts.checked', (context, event) => event.wrong.length > 0 && ask.isLastPartRefusal(context)),
    // what the evidence says
    objectIsOurs: evidence((found) => found.object === 'ours'),
    bytesAreGone: evidence((found) => found.stat === null),
    bytesAreGoneWhileOpening: when('stream.reconciled', ask.areBytesGoneWhileOpening),
    abortIsWantedWhileOpening: when('stream.reconciled', ask.isAbortWantedWhileOpening),
    emptyFileIsGone: ({ context, event }) =>
      event.type === 'stream.reconciled' &&
      event.evidence.stat === null &&
      !event.evidence.recalled &&
      ask.isEmpty(context),
    uploadIsGone: evidence((found) => found.upload === 'gone'),
    owesReceipt: when('stream.reconciled', ask.owesReceipt),
    owesDisposal: when('stream.reconciled', ask.owesDisposal),
    mustDispose: ({ context }) => context.settings.afterComplete.kind !== 'keep',
    owesClearing: when('stream.reconciled', ask.owesClearing),
    isAsCompleted: when('stream.reconciled', ask.isAsCompleted),
    isFrozenCut: when(
      'source.verified',
      (context, event) => context.memory.upload !== null && event.freeze.sizeBytes < context.memory.sentEndBytes,
    ),
    isFoundCut: when('stream.reconciled', ask.isFoundCut),
    hasChangedSinceCompletion: when('stream.reconciled', ask.hasChangedSinceCompletion),
    mayHaveSentComplete: when('stream.reconciled', ask.mayHaveSentComplete),
    // the file
    isCutBelowSent: ({ context }) => ask.isCutBelowSent(context),
    wouldCutBelowSent: when('file.observed', ask.wouldCutBelowSent),
    isIdle: when('stream.due', (context, event) => isIdle(context, event.atMs)),
    hasChangedSinceProof: ({ context }) => ask.hasChangedSinceProof(context),
    sourceWasGone: ({ context }) => context.memory.failure?.code === 'source_gone',
    // parts
    partMayGo: ({ context }) => ask.partMayGo(context),
    hasBytesByNow: ({ context }) => sizeOf(context) > 0,
    hasUpload: ({ context }) => context.memory.upload !== null,
    s3IsUnknown: ({ context }) => !context.s3Known,
    hasDirtyParts: ({ context }) => context.dirty.length > 0,
    isTooLarge: when('source.verified', ask.isTooLarge),
    needsMoreParts: when('source.verified', ask.needsMoreParts),
    outgrewItsPlan: ({ context }) => ask.outgrewItsPlan(context),
    isUploadOld: when('stream.due', (context, event) => ask.isUploadOld(context, event.atMs)),
    hasSupersededUploads: ({ context }) => generation.supersededIn(context).length > 0,
    partsAreWrong: when('parts.checked', (_, event) => event.wrong.length > 0),
    partsAreTooMany: when('parts.checked', (_, event) => event.excess.length > 0),
    // the object
    objectFoundOurs: when('object.probed', (_, event) => event.object === 'ours'),
    objectFoundForeign: when('object.probed', ask.lostToForeign),
    uploadFoundGone: when('object.probed', (_, event) => event.upload === 'gone'),
    completeIsRefusedForGood: ({ context }) => ask.isKind(context.memory.completeRefusal, ...FOR_GOOD),
    completeIsInConflict: ({ context }) => ask.isInConflict(context),
    completeFoundNoUpload: when('object.probed', ask.foundNoUpload),
    doubtIsOver: when('object.probed', (context, event) => ask.isDoubtOver(context, event.atMs)),
    mayGoButS3IsUnknown: ({ context }) => !context.s3Known && ask.partMayGo(context),
    mayGoIntoUpload: ({ context }) => context.memory.upload !== null && ask.partMayGo(context),
    cleanAndUploaded: when(
      'source.verified',
      (context, event) => event.differing.length === 0 && context.memory.upload !== null,
    ),
    failedForGood: failedAs(...FOR_GOOD),
    isBusyAndNotOverridden: when(
      'writer.checked',
      (context, event) => !context.memory.wishes.finalize && !ask.isStillIdle(context, event),
    ),
    isCheckedEmpty: when('writer.checked', (context, event) => ask.isWithoutBytes(context, event.stat)),
    isFrozenEmpty: when('source.verified', (context, event) => ask.isWithoutBytes(context, event.freeze)),
    foreignMustStay: when(
      'object.probed',
      (context, event) => ask.lostToForeign(context, event) && context.settings.onExisting === 'fail',
    ),
    isRetryDue: when(
      'stream.due',
      (context, event) => event.atMs >= context.parkedAtMs + context.settings.parkedRetryMs,
    ),
    // wishes
    finalizeIsWanted: ({ context }) => context.memory.wishes.finalize,
    abortIsWanted: ({ context }) => context.memory.wishes.abort,
  },
  actions: {
    seeFile: assign(
      on('file.observed', (context, event) => ({
        ...change.seeFile(context, event.stat, event.atMs),
        ...change.seeNewPath(context, event.path),
      })),
    ),
    seeChangedFile: assign(({ context, event }) =>
      'stat' in event && event.stat ? change.seeFile(context, event.stat, event.atMs) : {},
    ),
    seeWriter: assign(({ context, event }) =>
      event.type === 'writer.observed' || event.type === 'writer.checked'
        ? change.seeWriter(context, event.presence, event.atMs)
        : {},
    ),
    wishFinalize: assign(({ context }) => change.wish(context, { finalize: true })),
    wishAbort: assign(({ context }) => change.wish(context, { abort: true })),
    forgetWishes: assign(({ context }) => change.wish(context, NO_WISHES)),
    noteReason: assign(({ context }) => ({ memory: { ...context.memory, finalizeReason: reasonOf(context) } })),
    backOff: assign(({ context, event }) => {
      const failure = failureIn(event);
      return failure ? change.backOff(context, failure, event.atMs) : {};
    }),
    backOffFromWrongParts: assign(
      on('parts.checked', (context, event) => change.backOff(context, WRONG_PARTS, event.atMs)),
    ),
    countPartRefusal: assign(({ context }) => change.countPartRefusal(context)),
    giveUpParts: assign(({ context, event }) =>
      change.giveUpParts(context, (failureIn(event) ?? WRONG_PARTS).detail, event.atMs),
    ),
    lookAgainLater: assign(
      on('object.probed', (context, event) => change.backOff(context, STILL_IN_DOUBT, event.atMs)),
    ),
    breatheOut: assign(({ context }) => change.breatheOut(context)),
    giveUpFor: assign(({ context, event }, params: { readonly during: string }) => {
      const failure = failureIn(event);
      return failure ? change.giveUpFor(context, failure, params.during, event.atMs) : {};
    }),
    giveUpGone: assign(({ context, event }) => change.giveUpFor(context, SOURCE_GONE, 'recovering', event.atMs)),
    giveUpTooLarge: assign(({ context, event }) =>
      change.giveUpFor(context, FILE_TOO_LARGE, 'finalizing.verifying', event.atMs),
    ),
    giveUpRefused: assign(({ context, event }) => change.giveUpRefused(context, event.atMs)),
    giveUpForeign: assign(({ context, event }) =>
      change.giveUpFor(context, FOREIGN_OBJECT, 'finalizing.completing', event.atMs),
    ),
    waitForLateArrivals: assign(
      on('parts.settled', (context, event) => change.waitForLateArrivals(context, event.unanswered, event.atMs)),
    ),
    believeEvidence: assign(on('stream.reconciled', change.believeEvidence)),
    doubtCompletion: assign(({ context, event }) => change.doubtCompletion(context, failureIn(event), event.atMs)),
    outliveRefused: assign(({ context }) => generation.outliveRefused(context)),
    forgetDoubt: assign(on('object.probed', change.forgetDoubt)),
    askS3: assign({ mustAskS3: true }),
    takeUpload: assign(on('upload.opened', generation.takeUpload)),
    takePart: assign(on('part.uploaded', change.takePart)),
    takeFreeze: assign(on('source.verified', change.takeFreeze)),
    dropWrongParts: assign(on('parts.checked', (context, event) => change.dropParts(context, event.wrong))),
    thaw: assign(({ context }) => change.thaw(context)),
    startAfterTruncation: assign(({ context }) =>
      generation.startNextGeneration(context, { leave: 'truncated', freshKey: true }),
    ),
    startAfterExcess: assign(({ context }) =>
      generation.startNextGeneration(context, { leave: 'excess_parts', freshKey: false }),
    ),
    startAfterForeign: assign(({ context }) =>
      generation.startNextGeneration(context, { leave: 'foreign_object', freshKey: true }),
    ),
    startAfterRollover: assign(({ context }) =>
      generation.startNextGeneration(context, { leave: 'rolled_over', freshKey: false }),
    ),
    dropSuperseded: assign(({ context }) => generation.dropSuperseded(context)),
    startAfterLoss: assign(({ context }) => generation.startNextGeneration(context, { leave: null, freshKey: false })),
    startAfterCompletion: assign(({ context }) => generation.startAfterCompletion(context)),
    takeCompletion: assign(({ context, event }) =>
      event.type === 'object.proven' || event.type === 'object.superseded' || event.type === 'object.adopted'
        ? generation.takeCompletion(context, event.completion)
        : {},
    ),
    keepCompletion: assign(on('stream.reconciled', generation.keepCompletion)),
    closeLedger: assign(({ context }) => generation.closeLedger(context)),
    stopSending: sendTo('uploadParts', { type: 'sending.stop' } satisfies StopSending),
    leave: enqueueActions(({ enqueue, context, self }) => {
      const parent = self._parent;
      if (parent)
        enqueue.sendTo(parent, {
          type: 'stream.left',
          streamId: context.streamId,
          seen: ask.leftAs(context),
        } satisfies StreamLeft);
    }),
  },
});

const WRONG_PARTS: Failure = { code: 'part_invalid', detail: 'S3 does not list every part as it was recorded' };
const STILL_IN_DOUBT: Failure = {
  code: 's3_unavailable',
  detail: 'Complete was sent and not answered; the object is not there yet',
};
const SOURCE_GONE: Failure = { code: 'source_gone', detail: 'the file was removed and nobody holds it open' };
const FILE_TOO_LARGE: Failure = { code: 'file_too_large', detail: 'the file needs more than 10,000 parts' };
const FOREIGN_OBJECT: Failure = {
  code: 'foreign_object',
  detail: 'another object appeared at the key before Complete',
};

function reasonOf(context: StreamContext): 'operator' | 'writer_closed' | 'idle' | 'idle_writer_unknown' {
  if (context.memory.wishes.finalize) return 'operator';
  // A writer that was seen and is gone has closed, also where some other process may not be looked into.
  if (context.writer.closedAtMs !== null) return 'writer_closed';
  return context.writer.presence === 'unknown' ? 'idle_writer_unknown' : 'idle';
}
