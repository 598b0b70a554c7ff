// States in words: what each means for a person who has never seen the chart, its tone (a colour) and its sign (so that no one
// needs colours to tell states apart).

export type Tone = 'flow' | 'wait' | 'work' | 'good' | 'bad' | 'look' | 'none';

interface StateWords {
  /** One or two words for a row. */
  readonly word: string;
  /** A sentence for the stream's own view. */
  readonly means: string;
}

/** In the order of a stream's life; also the order of the filter. */
export const TOP_STATES = [
  'recovering',
  'active',
  'pending_completion',
  'finalizing',
  's3_completed',
  'failed',
  'aborted_no_parts',
] as const;
export type TopState = (typeof TOP_STATES)[number];

const TONES: Readonly<Record<TopState, Tone>> = {
  recovering: 'look',
  active: 'flow',
  pending_completion: 'wait',
  finalizing: 'work',
  s3_completed: 'good',
  failed: 'bad',
  aborted_no_parts: 'none',
};

const SIGNS: Readonly<Record<Tone, string>> = {
  look: '↻',
  flow: '●',
  wait: '◐',
  work: '▲',
  good: '✓',
  bad: '✕',
  none: '–',
};

const WORDS: Readonly<Record<string, StateWords>> = {
  recovering: { word: 'recovering', means: 'It looks at the file and at S3, to go on from what is really there.' },
  active: { word: 'active', means: 'The file may still grow.' },
  'active.waiting': { word: 'waiting', means: 'The file is watched; the next part goes up as soon as it is full.' },
  'active.opening': { word: 'opening', means: 'The upload is opened in S3.' },
  'active.uploading': { word: 'uploading', means: 'Parts go up while the file grows.' },
  pending_completion: {
    word: 'writer done?',
    means: 'Nothing grew for a while: it asks whether a writer still holds the file.',
  },
  finalizing: { word: 'finalizing', means: 'The writer is done; the object is being finished.' },
  'finalizing.verifying': {
    word: 'verifying',
    means: 'The whole file is read once more and compared with what was sent.',
  },
  'finalizing.opening': { word: 'opening', means: 'The upload is opened in S3.' },
  'finalizing.resending': {
    word: 'sending rest',
    means: 'The tail, and every part that differs from the file, goes up.',
  },
  'finalizing.checking': { word: 'checking', means: 'The parts that S3 lists are compared with what was sent.' },
  'finalizing.completing': { word: 'completing', means: 'S3 puts the parts together.' },
  'finalizing.probing': { word: 'looking', means: 'It was not said whether S3 finished: it looks for the object.' },
  'finalizing.proving': { word: 'proving', means: 'The object is proven to be the file.' },
  'finalizing.aborting': { word: 'aborting', means: 'The upload is ended in S3.' },
  s3_completed: { word: 'completed', means: 'The object is proven to be the file.' },
  's3_completed.publishing': { word: 'receipt', means: 'The object is proven; its receipt is written.' },
  's3_completed.done': { word: 'done', means: 'The object is the file, byte for byte. Its receipt lies beside it.' },
  failed: { word: 'failed', means: 'It cannot go on.' },
  'failed.parked': {
    word: 'needs you',
    means: 'A person has to cure the cause. It tries again by itself, or at once by “Retry”.',
  },
  'failed.ended': { word: 'failed', means: 'It cannot go on by itself. Nothing was deleted.' },
  aborted_no_parts: { word: 'no object', means: 'There was nothing to upload.' },
  'aborted_no_parts.done': { word: 'empty', means: 'The file is empty: no object was made of it.' },
  'aborted_no_parts.by_operator': { word: 'aborted', means: 'Somebody aborted its upload. The file is still there.' },
};

export const topOf = (state: string): string => state.split('.')[0] ?? state;

export const toneOf = (state: string): Tone => TONES[topOf(state) as TopState] ?? 'none';

export const signOf = (state: string): string => SIGNS[toneOf(state)];

/** A state that this page does not know (a newer daemon) is shown by its own name. */
export const wordOf = (state: string): string => WORDS[state]?.word ?? WORDS[topOf(state)]?.word ?? state;

/** For a row: a stream that grows is `active`, not `waiting` and `uploading` by turns. */
export const rowWordOf = (state: string): string => (topOf(state) === 'active' ? wordOf('active') : wordOf(state));

export const meaningOf = (state: string): string => WORDS[state]?.means ?? WORDS[topOf(state)]?.means ?? '';

/** Nothing moves any more. */
export const isAtRest = (state: string): boolean =>
  ['s3_completed.done', 'failed.ended'].includes(state) || topOf(state) === 'aborted_no_parts';
