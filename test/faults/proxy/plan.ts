// The plan of a fault proxy, as data: which call meets which fault.
//
// Rules stand in order: the first that fits, whose turn it is and that wins its draw is taken. A draw comes from the rule's own
// seed, so that a run repeats. What each fault does is in acts.ts; a further fault is a word here and an act there.

import type { ProxiedOperation, Recognized } from './operations.ts';

/** The bodies of a 200 that is none (see bodies.ts). */
export const WRONG_BODIES = [
  'error after blanks',
  'error with a newline at its end',
  'error cut short',
  'nothing',
  'an HTML page',
  'another root element',
  'the result without its fields',
] as const;
export type WrongBody = (typeof WRONG_BODIES)[number];

/** What becomes of a good reply on its way back. */
export type Edit =
  | 'without its ETag'
  | 'with another checksum'
  | 'without a part'
  | 'with the first page for ever'
  | 'with nothing listed';

/** What happens at the server itself, by somebody else, before the call is passed on. */
export type Deed =
  | 'the upload is aborted'
  | 'a foreign object is put'
  | 'another part 1 is uploaded'
  | 'the object is deleted';

export type Fault =
  /** Executed; the connection is reset instead of a reply. */
  | { readonly kind: 'drop reply' }
  /** Not executed: reset after this share of the body (0 to 1). */
  | { readonly kind: 'drop request'; readonly afterShare?: number }
  /** Executed; the reply is cut by a reset after this share of its body. */
  | { readonly kind: 'cut reply'; readonly afterShare: number }
  /** Nothing moves any more, for `forMs`, then it goes on; without it until the client leaves. */
  | {
      readonly kind: 'stall';
      readonly at: 'start' | 'request body' | 'reply' | 'reply headers' | 'reply body';
      readonly forMs?: number;
    }
  /** An answer of the proxy's own; `code`: as S3's error of this name, else without a body, or `html`. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly code?: string;
      readonly html?: true;
      readonly retryAfterSeconds?: number;
      /** The call is passed on before, and its own reply thrown away. */
      readonly executed?: true;
    }
  | { readonly kind: 'wrong body'; readonly body: WrongBody; readonly executed: boolean }
  | { readonly kind: 'edit'; readonly edit: Edit }
  | { readonly kind: 'meanwhile'; readonly deed: Deed }
  /** Taken whole and kept back; the client is reset. Passed on when a `release` comes. */
  | { readonly kind: 'hold' }
  /** What was held is passed on, before this call or right after it. */
  | { readonly kind: 'release'; readonly when: 'before' | 'after' }
  /** Passed on after `delayMs`; `keepsAlive`: a 200 and blanks are sent meanwhile, as AWS does at Complete. */
  | { readonly kind: 'slow'; readonly delayMs: number; readonly keepsAlive?: true }
  | { readonly kind: 'bandwidth'; readonly bytesPerSecond: number };

export interface FaultRule {
  readonly on: ProxiedOperation | '*';
  /** Exactly; or, with a `/` at its end, everything below it. */
  readonly key?: string;
  readonly partNumber?: number;
  /** Only requests with a header whose name begins so. */
  readonly header?: string;
  /** Only calls of the same upload as the first call that fitted. */
  readonly ofFirstUpload?: true;
  /** The first of the calls that fit which is hit, counted from 1. */
  readonly from?: number;
  /** How many calls it hits; without it, all. */
  readonly times?: number;
  readonly probability?: number;
  readonly seed?: number;
  readonly fault: Fault;
}

interface ActiveRule {
  readonly rule: FaultRule;
  readonly draw: () => number;
  fitted: number;
  firstUploadId: string | null;
  hits: number;
}

export class FaultPlan {
  #active: readonly ActiveRule[] = [];

  constructor(rules: readonly FaultRule[] = []) {
    this.add(...rules);
  }

  add(...rules: readonly FaultRule[]): void {
    const added = rules.map((rule) => ({ rule, draw: draws(rule.seed ?? 1), fitted: 0, hits: 0, firstUploadId: null }));
    this.#active = [...this.#active, ...added];
  }

  clear(): void {
    this.#active = [];
  }

  /** The fault that this call meets; it counts as a hit. */
  take(call: Recognized, headerNames: readonly string[]): Fault | null {
    for (const active of this.#active) {
      const { rule } = active;
      if (!fits(rule, call, headerNames)) continue;
      active.firstUploadId ??= call.uploadId;
      if (rule.ofFirstUpload && call.uploadId !== active.firstUploadId) continue;
      active.fitted += 1;
      if (active.fitted < (rule.from ?? 1) || active.hits >= (rule.times ?? Number.POSITIVE_INFINITY)) continue;
      if (active.draw() >= (rule.probability ?? 1)) continue;
      active.hits += 1;
      return rule.fault;
    }
    return null;
  }
}

function fits(rule: FaultRule, call: Recognized, headerNames: readonly string[]): boolean {
  const { key, partNumber, header } = rule;
  return (
    (rule.on === '*' || rule.on === call.operation) &&
    (key === undefined || (key.endsWith('/') ? call.key.startsWith(key) : call.key === key)) &&
    (partNumber === undefined || partNumber === call.partNumber) &&
    (header === undefined || headerNames.some((name) => name.startsWith(header)))
  );
}

/** Numbers from 0 to below 1, the same for the same seed. */
function draws(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1) | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
