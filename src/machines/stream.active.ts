// The stream's chart, first half: `recovering`, `active` and `pending_completion`. The file grows and its parts follow.

import { inputOf } from './stream.effects.ts';
import { afterFailure } from './stream.failing.ts';
import { stream } from './stream.setup.ts';

/**
 * Entry of every stream; a new one is one with an empty record. Never journaled itself: the stored record stands until there
 * is an outcome. The file is looked at first, also when it was seen to be shorter than what was sent: one look may be late; S3 only where it could have been changed, or before the first work that needs it.
 */
export const recovering = stream.createStateConfig({
  invoke: { id: 'reconcile', src: 'reconcile', input: inputOf.reconcile },
  on: {
    'stream.reconciled': [
      { guard: 'objectIsOurs', target: '#stream.finalizing.proving', actions: 'believeEvidence' },
      {
        guard: 'mayHaveSentComplete',
        target: '#stream.finalizing.probing',
        actions: ['believeEvidence', 'doubtCompletion'],
      },
      { guard: 'owesReceipt', target: '#stream.s3_completed.publishing', actions: 'believeEvidence' },
      { guard: 'owesClearing', target: '#stream.s3_completed.clearing', actions: 'believeEvidence' },
      { guard: 'owesDisposal', target: '#stream.s3_completed.disposing', actions: 'believeEvidence' },
      { guard: 'isAsCompleted', target: '#stream.s3_completed.done', actions: ['believeEvidence', 'keepCompletion'] },
      { guard: 'abortIsWantedWhileOpening', target: '#stream.active.opening', actions: 'believeEvidence' },
      { guard: 'abortIsWanted', target: '#stream.finalizing.aborting', actions: 'believeEvidence' },
      { guard: 'emptyFileIsGone', target: '#stream.finalizing.aborting', actions: 'believeEvidence' },
      { guard: 'bytesAreGoneWhileOpening', target: '#stream.active.opening', actions: 'believeEvidence' },
      { guard: 'bytesAreGone', target: '#stream.failed.ended', actions: ['believeEvidence', 'giveUpGone'] },
      { guard: 'isFoundCut', target: '#stream.active.waiting', actions: ['believeEvidence', 'startAfterTruncation'] },
      {
        guard: 'hasChangedSinceCompletion',
        target: '#stream.active.waiting',
        actions: ['believeEvidence', 'startAfterCompletion'],
      },
      { guard: 'uploadIsGone', target: '#stream.active.waiting', actions: ['believeEvidence', 'startAfterLoss'] },
      { target: '#stream.active.waiting', actions: 'believeEvidence' },
    ],
    ...afterFailure('recovering'),
  },
});

export const active = stream.createStateConfig({
  entry: 'thaw',
  initial: 'waiting',
  states: {
    waiting: {
      always: [
        { guard: 'abortIsWanted', target: '#stream.finalizing.aborting' },
        { guard: 'isCutBelowSent', target: '#stream.recovering' },
        { guard: 'finalizeIsWanted', target: '#stream.pending_completion', actions: 'noteReason' },
        { guard: 'outgrewItsPlan', actions: 'startAfterRollover' },
        { guard: 'mayGoButS3IsUnknown', target: '#stream.recovering', actions: 'askS3' },
        { guard: 'mayGoIntoUpload', target: '#stream.active.uploading' },
        { guard: 'partMayGo', target: '#stream.active.opening' },
      ],
      on: {
        'stream.due': [
          { guard: 'isIdle', target: '#stream.pending_completion', actions: 'noteReason' },
          { guard: 'isUploadOld', actions: 'startAfterRollover' },
        ],
        /** Elsewhere the work that is owed finds out. Here nothing is, and a writer may hold the file open for ever. */
        'file.let_go': { target: '#stream.recovering' },
      },
    },
    /** Owed only when the first part may go: an empty file opens nothing. */
    opening: {
      invoke: { id: 'openUpload', src: 'openUpload', input: inputOf.openUpload },
      on: {
        'upload.opened': { target: '#stream.active.waiting', actions: 'takeUpload' },
        'object.adopted': { target: '#stream.s3_completed.publishing', actions: 'takeCompletion' },
        ...afterFailure('active.opening'),
      },
    },
    /** Left only on `parts.settled`: outside of here and `resending` nothing is in flight, by construction. */
    uploading: {
      invoke: { id: 'uploadParts', src: 'uploadParts', input: inputOf.uploadParts },
      on: {
        'part.uploaded': { actions: ['takePart', 'breatheOut'] },
        'file.observed': [{ guard: 'wouldCutBelowSent', actions: ['seeFile', 'stopSending'] }, { actions: 'seeFile' }],
        'operator.abort': { actions: ['wishAbort', 'stopSending'] },
        'parts.settled': [
          {
            guard: 'failedForNow',
            target: '#stream.active.waiting',
            actions: ['seeChangedFile', 'waitForLateArrivals', 'backOff'],
          },
          { guard: 's3Diverged', target: '#stream.recovering', actions: ['waitForLateArrivals', 'backOff', 'askS3'] },
          {
            guard: 'needsAPerson',
            target: '#stream.failed.parked',
            actions: ['waitForLateArrivals', { type: 'giveUpFor', params: { during: 'active.uploading' } }],
          },
          {
            guard: 'sourceIsGone',
            target: '#stream.failed.ended',
            actions: { type: 'giveUpFor', params: { during: 'active.uploading' } },
          },
          {
            guard: 'failedForGood',
            target: '#stream.failed.ended',
            actions: { type: 'giveUpFor', params: { during: 'active.uploading' } },
          },
          { target: '#stream.active.waiting', actions: ['seeChangedFile', 'waitForLateArrivals'] },
        ],
      },
    },
  },
});

/** The stale scan's word is not believed: the stream looks at the file and asks for its writer itself. */
export const pendingCompletion = stream.createStateConfig({
  invoke: { id: 'checkWriter', src: 'checkWriter', input: inputOf.checkWriter },
  on: {
    'writer.checked': [
      { guard: 'abortIsWanted', target: '#stream.finalizing.aborting' },
      { guard: 'isBusyAndNotOverridden', target: '#stream.active.waiting', actions: ['seeChangedFile', 'seeWriter'] },
      { guard: 'isCheckedEmpty', target: '#stream.finalizing.aborting', actions: ['seeChangedFile', 'seeWriter'] },
      { guard: 's3IsUnknown', target: '#stream.recovering', actions: ['seeChangedFile', 'seeWriter', 'askS3'] },
      { target: '#stream.finalizing.verifying', actions: ['seeChangedFile', 'seeWriter', 'breatheOut'] },
    ],
    ...afterFailure('pending_completion'),
  },
});
