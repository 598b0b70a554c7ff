// The stream's chart as people decided it: state, event, guard -> next state and the work owed there. Written by hand from the
// architecture, never from the machine; `stream.paths.test.ts` walks the machine and compares. `*` is heard in every state,
// `at once` needs no event, `-` is no guard (or, after rows with guards, "else"), `stays` goes on with the same work.

/** What every state that owes work does when the work fails. */
const failing = (state: string, work: string, changed = 'active.waiting | -'): string => `
${state} | effect.failed | failedTransiently | ${state}       | ${work}
${state} | effect.failed | sourceChanged     | ${changed}
${state} | effect.failed | s3Diverged        | recovering     | reconcile
${state} | effect.failed | needsAPerson      | failed.parked  | -
${state} | effect.failed | -                 | failed.ended   | -
`;

const HEARD_EVERYWHERE = `
* | file.observed     | - | stays | -
* | writer.observed   | - | stays | -
* | operator.finalize | - | stays | -
* | operator.abort    | - | stays | -
`;

const RECOVERING = `
recovering | stream.reconciled | objectIsOurs              | finalizing.proving      | proveObject
recovering | stream.reconciled | mayHaveSentComplete       | finalizing.probing      | probeObject
recovering | stream.reconciled | owesReceipt               | s3_completed.publishing | publishReceipt
recovering | stream.reconciled | owesClearing              | s3_completed.clearing   | clearUploads
recovering | stream.reconciled | owesDisposal              | s3_completed.disposing  | disposeSource
recovering | stream.reconciled | isAsCompleted             | s3_completed.done       | -
recovering | stream.reconciled | abortIsWantedWhileOpening | active.opening          | openUpload
recovering | stream.reconciled | abortIsWanted             | finalizing.aborting     | abortUpload
recovering | stream.reconciled | emptyFileIsGone           | finalizing.aborting     | abortUpload
recovering | stream.reconciled | bytesAreGoneWhileOpening  | active.opening          | openUpload
recovering | stream.reconciled | bytesAreGone              | failed.ended            | -
recovering | stream.reconciled | isFoundCut                | active.waiting          | -
recovering | stream.reconciled | hasChangedSinceCompletion | active.waiting          | -
recovering | stream.reconciled | uploadIsGone              | active.waiting          | -
recovering | stream.reconciled | -                         | active.waiting          | -
${failing('recovering', 'reconcile')}
`;

const ACTIVE = `
active.waiting | at once    | abortIsWanted       | finalizing.aborting | abortUpload
active.waiting | at once    | isCutBelowSent      | recovering          | reconcile
active.waiting | at once    | finalizeIsWanted    | pending_completion  | checkWriter
active.waiting | at once    | outgrewItsPlan      | stays               | -
active.waiting | at once    | mayGoButS3IsUnknown | recovering          | reconcile
active.waiting | at once    | mayGoIntoUpload     | active.uploading    | uploadParts
active.waiting | at once    | partMayGo           | active.opening      | openUpload
active.waiting | stream.due | isIdle              | pending_completion  | checkWriter
active.waiting | stream.due | isUploadOld         | stays               | -
active.waiting | file.let_go | -                  | recovering          | reconcile

active.opening | upload.opened  | - | active.waiting    | -
active.opening | object.adopted | - | s3_completed.publishing | publishReceipt
${failing('active.opening', 'openUpload')}

active.uploading | part.uploaded  | -                 | stays          | uploadParts
active.uploading | file.observed  | wouldCutBelowSent | stays          | uploadParts
active.uploading | file.observed  | -                 | stays          | uploadParts
active.uploading | operator.abort | -                 | stays          | uploadParts
active.uploading | parts.settled  | failedForNow      | active.waiting | -
active.uploading | parts.settled  | s3Diverged        | recovering     | reconcile
active.uploading | parts.settled  | needsAPerson      | failed.parked  | -
active.uploading | parts.settled  | sourceIsGone      | failed.ended   | -
active.uploading | parts.settled  | failedForGood     | failed.ended   | -
active.uploading | parts.settled  | -                 | active.waiting | -
`;

const PENDING = `
pending_completion | writer.checked | abortIsWanted          | finalizing.aborting  | abortUpload
pending_completion | writer.checked | isBusyAndNotOverridden | active.waiting       | -
pending_completion | writer.checked | isCheckedEmpty         | finalizing.aborting  | abortUpload
pending_completion | writer.checked | s3IsUnknown            | recovering           | reconcile
pending_completion | writer.checked | -                      | finalizing.verifying | verifySource
${failing('pending_completion', 'checkWriter')}
`;

const VERIFYING = `
finalizing.verifying | source.verified | isTooLarge       | failed.ended         | -
finalizing.verifying | source.verified | needsMoreParts   | active.waiting       | -
finalizing.verifying | source.verified | isFrozenCut      | recovering           | reconcile
finalizing.verifying | source.verified | isFrozenEmpty    | finalizing.aborting  | abortUpload
finalizing.verifying | source.verified | cleanAndUploaded | finalizing.checking  | checkParts
finalizing.verifying | source.verified | hasUpload        | finalizing.resending | uploadParts
finalizing.verifying | source.verified | -                | finalizing.opening   | openUpload
finalizing.verifying | source.changed  | -                | active.waiting       | -
finalizing.verifying | operator.abort  | -                | finalizing.aborting  | abortUpload
${failing('finalizing.verifying', 'verifySource')}

finalizing.opening | upload.opened  | abortIsWanted | finalizing.aborting  | abortUpload
finalizing.opening | upload.opened  | -             | finalizing.resending | uploadParts
finalizing.opening | object.adopted | -             | s3_completed.publishing | publishReceipt
${failing('finalizing.opening', 'openUpload')}

finalizing.resending | part.uploaded  | -                 | stays                | uploadParts
finalizing.resending | operator.abort | -                 | stays                | uploadParts
finalizing.resending | parts.settled  | abortIsWanted     | finalizing.aborting  | abortUpload
finalizing.resending | parts.settled  | failedTransiently | finalizing.resending | uploadParts
finalizing.resending | parts.settled  | sourceChanged     | active.waiting       | -
finalizing.resending | parts.settled  | s3Diverged        | recovering           | reconcile
finalizing.resending | parts.settled  | needsAPerson      | failed.parked        | -
finalizing.resending | parts.settled  | sourceIsGone      | failed.ended         | -
finalizing.resending | parts.settled  | failedForGood     | failed.ended         | -
finalizing.resending | parts.settled  | hasDirtyParts     | finalizing.resending | uploadParts
finalizing.resending | parts.settled  | -                 | finalizing.verifying | verifySource
`;

const COMPLETING = `
finalizing.checking | parts.checked  | partsAreTooMany | active.waiting        | -
finalizing.checking | parts.checked  | partsStayWrong  | failed.parked         | -
finalizing.checking | parts.checked  | partsAreWrong   | finalizing.resending  | uploadParts
finalizing.checking | parts.checked  | -               | finalizing.completing | completeUpload
finalizing.checking | operator.abort | -               | finalizing.aborting   | abortUpload
${failing('finalizing.checking', 'checkParts')}

finalizing.completing | upload.completed         | -                 | finalizing.proving    | proveObject
finalizing.completing | source.changed           | -                 | active.waiting        | -
finalizing.completing | writer.checked           | -                 | active.waiting        | -
finalizing.completing | upload.completion_failed | refusedByItsPlan  | active.waiting        | -
finalizing.completing | upload.completion_failed | refusedTheSameParts | failed.parked       | -
finalizing.completing | upload.completion_failed | refusedTheParts   | finalizing.checking   | checkParts
finalizing.completing | upload.completion_failed | needsAPerson      | failed.parked         | -
finalizing.completing | upload.completion_failed | -                 | finalizing.probing    | probeObject
finalizing.completing | effect.failed            | failedTransiently | finalizing.completing | completeUpload
finalizing.completing | effect.failed            | needsAPerson      | failed.parked         | -
finalizing.completing | effect.failed            | -                 | failed.ended          | -
finalizing.completing | operator.abort           | -                 | stays                 | completeUpload
`;

const PROVING = `
finalizing.probing | object.probed  | objectFoundOurs    | finalizing.proving | proveObject
finalizing.probing | object.probed  | uploadFoundGone    | active.waiting     | -
finalizing.probing | object.probed  | foreignMustStay    | failed.ended       | -
finalizing.probing | object.probed  | objectFoundForeign | active.waiting     | -
finalizing.probing | object.probed  | completeIsRefusedForGood | failed.ended | -
finalizing.probing | object.probed  | completeIsInConflict | active.waiting   | -
finalizing.probing | object.probed  | completeFoundNoUpload | active.waiting  | -
finalizing.probing | object.probed  | doubtIsOver        | active.waiting     | -
finalizing.probing | object.probed  | -                  | finalizing.probing | probeObject
finalizing.probing | operator.abort | -                  | stays              | probeObject
${failing('finalizing.probing', 'probeObject')}

finalizing.proving | object.proven     | - | s3_completed.publishing | publishReceipt
finalizing.proving | object.superseded | - | active.waiting          | -
finalizing.proving | object.mismatched | - | active.waiting          | -
finalizing.proving | operator.abort    | - | stays                   | proveObject
${failing('finalizing.proving', 'proveObject', 'finalizing.proving | proveObject')}
`;

const ABORTING = `
finalizing.aborting | upload.aborted      | abortIsWanted | aborted_no_parts.by_operator | -
finalizing.aborting | upload.aborted      | hasBytesByNow | recovering                   | reconcile
finalizing.aborting | upload.aborted      | -             | aborted_no_parts.done        | -
finalizing.aborting | upload.found_filled | -             | active.waiting               | -
${failing('finalizing.aborting', 'abortUpload')}
`;

const ENDS = `
s3_completed            | operator.abort    | -                    | stays                   | -
s3_completed.publishing | receipt.published | hasChangedSinceProof | recovering              | reconcile
s3_completed.publishing | receipt.published | hasSupersededUploads | s3_completed.clearing   | clearUploads
s3_completed.publishing | receipt.published | mustDispose          | s3_completed.disposing  | disposeSource
s3_completed.publishing | receipt.published | -                    | s3_completed.done       | -
s3_completed.clearing   | uploads.cleared   | hasChangedSinceProof | recovering              | reconcile
s3_completed.clearing   | uploads.cleared   | mustDispose          | s3_completed.disposing  | disposeSource
s3_completed.clearing   | uploads.cleared   | -                    | s3_completed.done       | -
s3_completed.clearing   | effect.failed     | -                    | s3_completed.clearing   | clearUploads
s3_completed.publishing | effect.failed     | -                    | s3_completed.publishing | publishReceipt
s3_completed.disposing  | source.disposed   | -                    | s3_completed.done       | -
s3_completed.disposing  | source.changed    | -                    | recovering              | reconcile
s3_completed.disposing  | object.mismatched | -                    | active.waiting          | -
s3_completed.disposing  | effect.failed     | -                    | s3_completed.disposing  | disposeSource

failed        | operator.retry    | -          | recovering | reconcile
failed        | operator.abort    | -          | recovering | reconcile
failed        | operator.finalize | -          | stays      | -
failed.parked | stream.due        | isRetryDue | recovering | reconcile
failed.ended  | file.observed     | sourceWasGone | recovering | reconcile
`;

export const STREAM_ROWS = [
  HEARD_EVERYWHERE,
  RECOVERING,
  ACTIVE,
  PENDING,
  VERIFYING,
  COMPLETING,
  PROVING,
  ABORTING,
  ENDS,
].join('\n');
