// The stream's chart, second half: `finalizing` (tail, full verification, Complete, proof) and the states it ends in.
//
// F1. Complete is sent only after every range was re-read and hashed under one freeze, S3 listed every part as recorded, and
//     the file's stat still equals the freeze with no writer, asked behind the journal's barrier.
// F2. A Complete without an answer is never repeated before the object and the upload were looked at and the doubt is over.
// F3. `s3_completed` is reached through `proving` (or a proof found again on restart), never by an answer alone.

import { inputOf } from './stream.effects.ts';
import { afterFailure } from './stream.failing.ts';
import { stream } from './stream.setup.ts';

const changed = { target: '#stream.active.waiting', actions: ['seeChangedFile', 'forgetWishes'] } as const;

const verifying = stream.createStateConfig({
  invoke: { id: 'verifySource', src: 'verifySource', input: inputOf.verifySource },
  on: {
    'source.verified': [
      { guard: 'isTooLarge', target: '#stream.failed.ended', actions: 'giveUpTooLarge' },
      { guard: 'needsMoreParts', target: '#stream.active.waiting', actions: 'startAfterRollover' },
      { guard: 'isFrozenCut', target: '#stream.recovering' },
      { guard: 'isFrozenEmpty', target: '#stream.finalizing.aborting' },
      { guard: 'cleanAndUploaded', target: '#stream.finalizing.checking', actions: 'takeFreeze' },
      { guard: 'hasUpload', target: '#stream.finalizing.resending', actions: 'takeFreeze' },
      { target: '#stream.finalizing.opening', actions: 'takeFreeze' },
    ],
    'source.changed': changed,
    'operator.abort': { target: '#stream.finalizing.aborting', actions: 'wishAbort' },
    ...afterFailure('finalizing.verifying'),
  },
});

/** A file shorter than one part has no upload until now. */
const opening = stream.createStateConfig({
  invoke: { id: 'openUpload', src: 'openUpload', input: inputOf.openUpload },
  on: {
    'upload.opened': [
      { guard: 'abortIsWanted', target: '#stream.finalizing.aborting', actions: 'takeUpload' },
      { target: '#stream.finalizing.resending', actions: 'takeUpload' },
    ],
    'object.adopted': { target: '#stream.s3_completed.publishing', actions: 'takeCompletion' },
    ...afterFailure('finalizing.opening'),
  },
});

/** The same number overwrites; the hash of the bytes sent replaces the re-read, as long as the freeze still holds afterwards. */
const resending = stream.createStateConfig({
  invoke: { id: 'uploadParts', src: 'uploadParts', input: inputOf.resendParts },
  on: {
    'part.uploaded': { actions: 'takePart' },
    'operator.abort': { actions: ['wishAbort', 'stopSending'] },
    'parts.settled': [
      { guard: 'abortIsWanted', target: '#stream.finalizing.aborting', actions: 'waitForLateArrivals' },
      {
        guard: 'failedTransiently',
        target: '#stream.finalizing.resending',
        reenter: true,
        actions: ['waitForLateArrivals', 'backOff'],
      },
      { guard: 'sourceChanged', target: '#stream.active.waiting', actions: ['seeChangedFile', 'waitForLateArrivals'] },
      { guard: 's3Diverged', target: '#stream.recovering', actions: ['waitForLateArrivals', 'backOff', 'askS3'] },
      {
        guard: 'needsAPerson',
        target: '#stream.failed.parked',
        actions: ['waitForLateArrivals', { type: 'giveUpFor', params: { during: 'finalizing.resending' } }],
      },
      {
        guard: 'sourceIsGone',
        target: '#stream.failed.ended',
        actions: { type: 'giveUpFor', params: { during: 'finalizing.resending' } },
      },
      {
        guard: 'failedForGood',
        target: '#stream.failed.ended',
        actions: { type: 'giveUpFor', params: { during: 'finalizing.resending' } },
      },
      {
        guard: 'hasDirtyParts',
        target: '#stream.finalizing.resending',
        reenter: true,
        actions: ['waitForLateArrivals', 'breatheOut'],
      },
      { target: '#stream.finalizing.verifying', actions: ['waitForLateArrivals', 'breatheOut'] },
    ],
  },
});

const checking = stream.createStateConfig({
  invoke: { id: 'checkParts', src: 'checkParts', input: inputOf.checkParts },
  on: {
    'parts.checked': [
      { guard: 'partsAreTooMany', target: '#stream.active.waiting', actions: 'startAfterExcess' },
      { guard: 'partsStayWrong', target: '#stream.failed.parked', actions: 'giveUpParts' },
      {
        guard: 'partsAreWrong',
        target: '#stream.finalizing.resending',
        actions: ['dropWrongParts', 'backOffFromWrongParts', 'countPartRefusal'],
      },
      { target: '#stream.finalizing.completing', actions: 'breatheOut' },
    ],
    'operator.abort': { target: '#stream.finalizing.aborting', actions: 'wishAbort' },
    ...afterFailure('finalizing.checking'),
  },
});

/** Left only by its own outcome. `source.changed` and a writer come before Complete is sent. */
const completing = stream.createStateConfig({
  invoke: { id: 'completeUpload', src: 'completeUpload', input: inputOf.completeUpload },
  on: {
    'upload.completed': { target: '#stream.finalizing.proving' },
    'source.changed': changed,
    'writer.checked': { target: '#stream.active.waiting', actions: ['seeChangedFile', 'seeWriter'] },
    'upload.completion_failed': [
      { guard: 'refusedByItsPlan', target: '#stream.active.waiting', actions: 'startAfterRollover' },
      { guard: 'refusedTheSameParts', target: '#stream.failed.parked', actions: 'giveUpParts' },
      { guard: 'refusedTheParts', target: '#stream.finalizing.checking', actions: ['backOff', 'countPartRefusal'] },
      {
        guard: 'needsAPerson',
        target: '#stream.failed.parked',
        actions: { type: 'giveUpFor', params: { during: 'finalizing.completing' } },
      },
      { target: '#stream.finalizing.probing', actions: ['doubtCompletion', 'backOff'] },
    ],
    'effect.failed': [
      { guard: 'failedTransiently', target: '#stream.finalizing.completing', reenter: true, actions: 'backOff' },
      {
        guard: 'needsAPerson',
        target: '#stream.failed.parked',
        actions: { type: 'giveUpFor', params: { during: 'finalizing.completing' } },
      },
      { target: '#stream.failed.ended', actions: { type: 'giveUpFor', params: { during: 'finalizing.completing' } } },
    ],
    'operator.abort': {},
  },
});

const probing = stream.createStateConfig({
  invoke: { id: 'probeObject', src: 'probeObject', input: inputOf.probeObject },
  on: {
    'object.probed': [
      { guard: 'objectFoundOurs', target: '#stream.finalizing.proving', actions: ['outliveRefused', 'breatheOut'] },
      { guard: 'uploadFoundGone', target: '#stream.active.waiting', actions: 'startAfterLoss' },
      { guard: 'foreignMustStay', target: '#stream.failed.ended', actions: 'giveUpForeign' },
      { guard: 'objectFoundForeign', target: '#stream.active.waiting', actions: 'startAfterForeign' },
      { guard: 'completeIsRefusedForGood', target: '#stream.failed.ended', actions: 'giveUpRefused' },
      { guard: 'completeIsInConflict', target: '#stream.active.waiting', actions: 'startAfterRollover' },
      { guard: 'completeFoundNoUpload', target: '#stream.active.waiting', actions: 'startAfterLoss' },
      { guard: 'doubtIsOver', target: '#stream.active.waiting', actions: ['forgetDoubt', 'breatheOut'] },
      { target: '#stream.finalizing.probing', reenter: true, actions: 'lookAgainLater' },
    ],
    'operator.abort': {},
    ...afterFailure('finalizing.probing'),
  },
});

const proving = stream.createStateConfig({
  invoke: { id: 'proveObject', src: 'proveObject', input: inputOf.proveObject },
  on: {
    'object.proven': { target: '#stream.s3_completed.publishing', actions: 'takeCompletion' },
    'object.superseded': {
      target: '#stream.active.waiting',
      actions: ['takeCompletion', 'seeChangedFile', 'startAfterCompletion'],
    },
    'object.mismatched': { target: '#stream.active.waiting', actions: ['backOff', 'startAfterLoss'] },
    'operator.abort': {},
    // The object is there: a file that changes while it is compared is looked at again, the freeze stays what the proof is about.
    ...afterFailure('finalizing.proving', 'finalizing.proving'),
  },
});

/** By itself only for a file without bytes and an upload without parts; else only on the user's word. */
const aborting = stream.createStateConfig({
  invoke: { id: 'abortUpload', src: 'abortUpload', input: inputOf.abortUpload },
  on: {
    'upload.aborted': [
      { guard: 'abortIsWanted', target: '#stream.aborted_no_parts.by_operator' },
      { guard: 'hasBytesByNow', target: '#stream.recovering', actions: 'askS3' },
      { target: '#stream.aborted_no_parts.done' },
    ],
    'upload.found_filled': { target: '#stream.active.waiting' },
    ...afterFailure('finalizing.aborting'),
  },
});

export const finalizing = stream.createStateConfig({
  initial: 'verifying',
  states: { verifying, opening, resending, checking, completing, probing, proving, aborting },
});

export const s3Completed = stream.createStateConfig({
  initial: 'publishing',
  on: { 'operator.abort': {} },
  states: {
    publishing: {
      entry: 'forgetWishes',
      invoke: { id: 'publishReceipt', src: 'publishReceipt', input: inputOf.publishReceipt },
      on: {
        'receipt.published': [
          { guard: 'hasChangedSinceProof', target: '#stream.recovering' },
          { guard: 'hasSupersededUploads', target: '#stream.s3_completed.clearing', actions: 'breatheOut' },
          { guard: 'mustDispose', target: '#stream.s3_completed.disposing', actions: 'breatheOut' },
          { target: '#stream.s3_completed.done' },
        ],
        // The object is proven whatever becomes of its receipt: it is tried again for ever, at the pace of the retry plan.
        'effect.failed': { target: '#stream.s3_completed.publishing', reenter: true, actions: 'backOff' },
      },
    },
    /** All that the uploads before this one held is in the proven object. */
    clearing: {
      invoke: { id: 'clearUploads', src: 'clearUploads', input: inputOf.clearUploads },
      on: {
        'uploads.cleared': [
          { guard: 'hasChangedSinceProof', target: '#stream.recovering', actions: 'dropSuperseded' },
          { guard: 'mustDispose', target: '#stream.s3_completed.disposing', actions: ['dropSuperseded', 'breatheOut'] },
          { target: '#stream.s3_completed.done', actions: 'dropSuperseded' },
        ],
        'effect.failed': { target: '#stream.s3_completed.clearing', reenter: true, actions: 'backOff' },
      },
    },
    /** What AFTER_COMPLETE asks for. The object is proven, whatever becomes of it: it is tried again for ever. */
    disposing: {
      invoke: { id: 'disposeSource', src: 'disposeSource', input: inputOf.disposeSource },
      on: {
        'source.disposed': { target: '#stream.s3_completed.done' },
        'source.changed': { target: '#stream.recovering', actions: 'seeChangedFile' },
        'object.mismatched': { target: '#stream.active.waiting', actions: ['backOff', 'startAfterLoss'] },
        'effect.failed': { target: '#stream.s3_completed.disposing', reenter: true, actions: 'backOff' },
      },
    },
    done: { type: 'final', entry: ['closeLedger', 'leave'] },
  },
});

export const abortedNoParts = stream.createStateConfig({
  initial: 'done',
  states: {
    done: { type: 'final', entry: ['closeLedger', 'leave'] },
    by_operator: { type: 'final', entry: ['closeLedger', 'leave'] },
  },
});

export const failed = stream.createStateConfig({
  entry: 'forgetWishes',
  initial: 'ended',
  on: {
    'operator.retry': { target: '#stream.recovering', actions: 'askS3' },
    'operator.abort': { target: '#stream.recovering', actions: ['wishAbort', 'askS3'] },
    'operator.finalize': {},
  },
  states: {
    /** A person can cure it; it is tried again by itself. */
    parked: { on: { 'stream.due': { guard: 'isRetryDue', target: '#stream.recovering', actions: 'askS3' } } },
    /** Source gone, limit, conflict or bug: reason, hint and parts are kept. A file that was gone and is seen again was only moved. */
    ended: {
      on: {
        'file.observed': { guard: 'sourceWasGone', target: '#stream.recovering', actions: ['seeFile', 'askS3'] },
      },
    },
  },
});
