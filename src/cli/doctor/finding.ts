// What a check of `doctor` says: what was found, what it means for the user's files, and what to do. Part of `doctor --json`.

import type { ExaminedConfig } from '../../config/load-config.ts';
import type { Tools } from '../tools.ts';

export type Verdict = 'ok' | 'warn' | 'fail' | 'skipped';

export interface Finding {
  /** Stable, for programs: `redis.eviction`. */
  readonly id: string;
  readonly verdict: Verdict;
  /** One line; of what is skipped, the reason. */
  readonly found: string;
  readonly means: string | null;
  readonly cure: string | null;
  /** Of a failure: the exit code that it asks for. */
  readonly cause: 'configuration' | 'unavailable' | null;
  /** S3 refused it by its policy: the policy is then printed. */
  readonly denied: boolean;
}

/** What the checks look at. */
export interface Bench {
  readonly examined: ExaminedConfig;
  readonly embedded: boolean;
  readonly tools: Tools;
  /** Where programs are looked for. */
  readonly path: string;
  /** Fires when the user wants to end: the check begins nothing new, cleans up, and answers with what it has. */
  readonly signal: AbortSignal;
  /** Fires when the user wants it again: what makes something in the bucket is cut off too, and may leave it there. */
  readonly hurry: AbortSignal;
  /** To stderr, as it happens. */
  readonly talk: (line: string) => void;
}

export type Check = (bench: Bench) => Promise<readonly Finding[]>;

const plain = { means: null, cure: null, cause: null, denied: false } as const;

export const ok = (id: string, found: string): Finding => ({ ...plain, id, verdict: 'ok', found });
export const skipped = (id: string, found: string): Finding => ({ ...plain, id, verdict: 'skipped', found });
export const warn = (id: string, found: string, means: string, cure: string): Finding => ({
  ...plain,
  ...{ id, verdict: 'warn', found, means, cure },
});
export const fail = (
  id: string,
  cause: 'configuration' | 'unavailable',
  found: string,
  means: string,
  cure: string,
): Finding => ({ ...plain, id, verdict: 'fail', found, means, cure, cause });
