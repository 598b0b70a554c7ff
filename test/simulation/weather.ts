// What the world does to a daemon's requests, as data: how long they take, and how often they fail in which way. A scenario
// changes it on its way; `calm` is what holds at the end of each run.

import type { S3Operation } from './checker/evidence.ts';

/** How one request to S3 goes. Named for what becomes of it. */
export type RequestFate =
  | 'served'
  /** 503: not executed, answered. */
  | 'refused'
  /** Not executed, no answer. */
  | 'dropped'
  /** Executed, no answer. */
  | 'reply_lost'
  /** No answer; executed when everybody has given it up. */
  | 'late'
  /** Answered with success, without effect (parts only). */
  | 'forgotten';

export interface S3Weather {
  readonly latencyMs: readonly [number, number];
  /** Of a thousand requests. */
  readonly fates: Readonly<Record<Exclude<RequestFate, 'served'>, number>>;
  /** The same for what must not be done twice: Create, Complete, Abort. */
  readonly weightyFates: Readonly<Record<Exclude<RequestFate, 'served'>, number>>;
  /** Operations that are answered with 403. */
  readonly denied: readonly S3Operation[];
  /** Nothing gets through. */
  readonly isDown: boolean;
}

export const NO_FATES = { refused: 0, dropped: 0, reply_lost: 0, late: 0, forgotten: 0 } as const;

export const CALM_S3: S3Weather = {
  latencyMs: [1, 20],
  fates: NO_FATES,
  weightyFates: NO_FATES,
  denied: [],
  isDown: false,
};

export interface StoreWeather {
  readonly latencyMs: readonly [number, number];
  readonly refuses: boolean;
  /** Of a thousand: executed, and the answer lost (registry only). */
  readonly replyLost: number;
}

export const CALM_STORE: StoreWeather = { latencyMs: [0, 2], refuses: false, replyLost: 0 };

export interface Weather {
  s3: S3Weather;
  journal: StoreWeather;
  registry: StoreWeather;
  /** Of a thousand looks at files: a slow one. */
  slowReads: number;
  /** Of a thousand paths that appear: no hint. */
  lostHints: number;
}

export const calm = (): Weather => ({
  s3: CALM_S3,
  journal: CALM_STORE,
  registry: CALM_STORE,
  slowReads: 0,
  lostHints: 0,
});
