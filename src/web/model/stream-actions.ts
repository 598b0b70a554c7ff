// What a person may do to a stream, when it makes sense, and what will happen: the words of the buttons and of the confirmations.
// The daemon decides again: a state may have changed meanwhile.

import type { ShownStream } from '../../read-model/read-model.ts';
import { topOf } from './state-words.ts';
import { shown, sizeWords } from './words.ts';

export type ActionName = 'finalize' | 'retry' | 'abort' | 'forget';

export interface Action {
  readonly name: ActionName;
  /** On its button. */
  readonly label: string;
  /** The question over the confirmation. */
  readonly question: string;
  /** What will happen, one sentence each. */
  readonly effects: readonly string[];
  /** Something is lost: the button says so by its colour. */
  readonly isDestructive: boolean;
}

/** From here on S3 may already be putting the object together. */
const TOO_LATE_TO_ABORT = ['finalizing.completing', 'finalizing.probing', 'finalizing.proving', 'finalizing.aborting'];

export function actionsOf(view: ShownStream): readonly Action[] {
  const top = topOf(view.state);
  const isFinal = view.state === 's3_completed.done' || top === 'aborted_no_parts';
  const mayAbort =
    ['active', 'pending_completion', 'failed', 'recovering'].includes(top) ||
    (top === 'finalizing' && !TOO_LATE_TO_ABORT.includes(view.state));
  return [
    ...(top === 'active' || top === 'pending_completion' ? [finalize(view)] : []),
    ...(top === 'failed' ? [retry()] : []),
    ...(mayAbort ? [abort(view)] : []),
    ...(isFinal || top === 'failed' ? [forget(view)] : []),
  ];
}

const finalize = (view: ShownStream): Action => ({
  name: 'finalize',
  label: 'Finalize now',
  question: 'Finalize this stream now?',
  effects: [
    'The rest of the file goes up, all of it is compared, and the object is completed: now, whoever holds the file open.',
    view.writer === 'open'
      ? 'A writer is seen to hold it open. What it writes after this becomes the next generation.'
      : 'What is written after this becomes the next generation.',
  ],
  isDestructive: false,
});

const retry = (): Action => ({
  name: 'retry',
  label: 'Retry',
  question: 'Try again now?',
  effects: [
    'It looks at the file and at S3 again, and goes on with what it owes. If the cause is still there, it says so again.',
  ],
  isDestructive: false,
});

const abort = (view: ShownStream): Action => ({
  name: 'abort',
  label: 'Abort upload',
  question: 'Abort this upload?',
  effects: [
    `Its parts in S3 are removed${view.sentBytes > 0 ? ` (${sizeWords(view.sentBytes)})` : ''}. This cannot be undone.`,
    `The file stays where it is: ${shown(view.path)}`,
  ],
  isDestructive: true,
});

const forget = (view: ShownStream): Action => ({
  name: 'forget',
  label: 'Forget',
  question: 'Forget this stream?',
  effects: [
    'It leaves the journal, the registry and this page. The file and the object stay.',
    ...(view.leftUploads.length > 0 ? ['Uploads that it left in S3 are listed by `tailrace gc` from then on.'] : []),
  ],
  isDestructive: topOf(view.state) === 'failed',
});
