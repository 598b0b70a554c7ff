// The stream: one growing file on its way to one object. Whoever reads only this chart knows everything that can happen to a
// file. Pure: no I/O, clock, randomness or `after`; a state names the work it owes, an effect does it and reports a fact.
//
// `file.*`, `writer.*` and the operator's wishes are heard in every state; a state that may not be left notes them, and the
// states that may be left look at the notes when they are entered.

import { active, pendingCompletion, recovering } from './stream.active.ts';
import { initialContext } from './stream.context.ts';
import { abortedNoParts, failed, finalizing, s3Completed } from './stream.finalizing.ts';
import { stream } from './stream.setup.ts';

/** A chart that goes round without an event is a bug; the longest chain of `always` has two steps. */
const MAX_ITERATIONS = 100;

export const streamMachine = stream.createMachine({
  id: 'stream',
  options: { maxIterations: MAX_ITERATIONS },
  context: ({ input }) => initialContext(input),
  initial: 'recovering',
  on: {
    'file.observed': { actions: 'seeFile' },
    'writer.observed': { actions: 'seeWriter' },
    'operator.finalize': { actions: 'wishFinalize' },
    'operator.abort': { actions: 'wishAbort' },
  },
  states: {
    recovering,
    active,
    pending_completion: pendingCompletion,
    finalizing,
    s3_completed: s3Completed,
    aborted_no_parts: abortedNoParts,
    failed,
  },
});

export type StreamMachine = typeof streamMachine;
