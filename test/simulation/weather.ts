// What the world does to a daemon's requests, as data: how long they take, and how often they fail in which way. A scenario
// changes it on its way; `calm` is what holds at the end of each run.

import type { FailureCode } from '../../src/machines/failure.ts';
import type { S3Operation } from './checker/evidence.ts';
import type { Random } from './random.ts';

/** How one request to S3 goes. Named for what becomes of it. */
export type RequestFate =
  | 'served'
  /** 503: not executed, answered. */
  | 'refused'
  /** Not executed, no answer. */
  | 'dropped'
  /** Executed, no answer. */
  | 'reply_lost'
  /** Executed, and the answer is a page of HTML, a cut off body or a 200 with an error in it: nothing can be read from it. */
  | 'garbled'
  /** No answer; executed when everybody has given it up. */
  | 'late'
  /** Answered with success, without effect (parts only). */
  | 'forgotten';

export const FATES = ['refused', 'dropped', 'reply_lost', 'garbled', 'late', 'forgotten'] as const;

type Fates = Readonly<Record<Exclude<RequestFate, 'served'>, number>>;

export interface S3Weather {
  readonly latencyMs: readonly [number, number];
  /** Of a thousand requests. */
  readonly fates: Fates;
  /** The same for what must not be done twice: Create, Complete, Abort. */
  readonly weightyFates: Fates;
  /** Operations that are refused whatever they ask, and as what. */
  readonly denied: readonly S3Operation[];
  readonly deniedAs: FailureCode;
  /** Nothing gets through. */
  readonly isDown: boolean;
}

export const NO_FATES = { refused: 0, dropped: 0, reply_lost: 0, garbled: 0, late: 0, forgotten: 0 } as const;

export const CALM_S3: S3Weather = {
  latencyMs: [1, 20],
  fates: NO_FATES,
  weightyFates: NO_FATES,
  denied: [],
  deniedAs: 's3_access_denied',
  isDown: false,
};

export interface StoreWeather {
  readonly latencyMs: readonly [number, number];
  readonly refuses: boolean;
  /** Of a thousand: executed, and the answer lost (registry only). */
  readonly replyLost: number;
  /** A daemon that starts cannot open it (journal only). */
  readonly isShut: boolean;
}

export const CALM_STORE: StoreWeather = { latencyMs: [0, 2], refuses: false, replyLost: 0, isShut: false };

/** One operation that goes wrong in one way, again and again, whatever the weather is. Of a thousand requests. */
export interface Curse {
  readonly operation: S3Operation;
  readonly fate: (typeof FATES)[number] | 'denied';
  readonly often: number;
}

export interface Weather {
  s3: S3Weather;
  curses: readonly Curse[];
  journal: StoreWeather;
  registry: StoreWeather;
  /** Of a thousand looks at files: a slow one. */
  slowReads: number;
  /** Of a thousand looks at files: one that fails (EIO, EACCES, EMFILE). */
  badReads: number;
  /** Of a thousand paths that appear: no hint. */
  lostHints: number;
}

export const calm = (): Weather => ({
  s3: CALM_S3,
  curses: [],
  journal: CALM_STORE,
  registry: CALM_STORE,
  slowReads: 0,
  badReads: 0,
  lostHints: 0,
});

const EVERYTHING = [
  'probe',
  'createUpload',
  'uploadPart',
  'copyPart',
  'listParts',
  'listUploads',
  'completeUpload',
  'abortUpload',
  'headObject',
  'putObject',
] as const satisfies readonly S3Operation[];

/** What must not be done twice is cursed as often as all the rest. */
export function cursesOf(random: Random): Curse[] {
  return Array.from({ length: random.pick([0, 0, 1, 2]) }, () => ({
    operation: random.chance(0.5) ? random.pick(['createUpload', 'completeUpload'] as const) : random.pick(EVERYTHING),
    fate: random.pick([...FATES, 'denied'] as const),
    often: random.pick([100, 300, 600]),
  }));
}

/** What a policy may leave out, and what is refused to everybody. */
const DENIALS: readonly (readonly [FailureCode, readonly S3Operation[]])[] = [
  ['s3_access_denied', ['headObject']],
  ['s3_access_denied', ['listParts']],
  ['s3_access_denied', ['listUploads']],
  ['s3_access_denied', ['completeUpload']],
  ['s3_access_denied', ['abortUpload']],
  ['s3_access_denied', ['uploadPart']],
  ['s3_access_denied', ['headObject', 'listParts', 'listUploads']],
  ['s3_access_denied', EVERYTHING],
  ['s3_no_such_bucket', EVERYTHING],
  ['s3_credentials_wrong', EVERYTHING],
  ['s3_credentials_expired', EVERYTHING],
  ['s3_clock_skew', EVERYTHING],
];

/** Many kinds of trouble at times, or much of one kind. `worst`: of a thousand requests. */
export function stormy(random: Random, worst: number): S3Weather {
  if (random.chance(0.5)) {
    const focused = { ...NO_FATES, [random.pick(FATES)]: random.between(100, 700) };
    const weighty = { ...NO_FATES, [random.pick(FATES)]: random.between(100, 700) };
    const latencyMs = [1, random.pick([20, 200])] as const;
    return { ...CALM_S3, latencyMs, ...(random.chance(0.6) ? { fates: focused } : { weightyFates: weighty }) };
  }
  const often = (): number => (random.chance(0.5) ? random.between(0, worst) : 0);
  const [deniedAs, denied] = random.chance(0.3) ? random.pick(DENIALS) : (['s3_access_denied', []] as const);
  return {
    latencyMs: random.pick([
      [1, 20],
      [10, 200],
      [50, 900],
    ] as const),
    fates: {
      refused: often(),
      dropped: often(),
      reply_lost: often(),
      garbled: often() >> 1,
      late: often(),
      forgotten: often() >> 1,
    },
    weightyFates: {
      ...NO_FATES,
      refused: often(),
      dropped: often(),
      reply_lost: often() * 2,
      garbled: often(),
      late: often() * 2,
    },
    denied,
    deniedAs,
    isDown: random.chance(0.1),
  };
}
