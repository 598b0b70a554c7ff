// Faults on demand: rules as data, and which rule hits which call.
//
// The first rule that fits, has hits left and wins its draw is taken; the draws of a rule come from its own seed, so a run
// repeats. What a fault does is said in fault-effects.ts; a further kind is a word here and a row there.

import { isS3ErrorCode, type S3ErrorCode } from './errors.ts';
import { MAX_FAULT_RULES } from './limits.ts';
import { OPERATION_NAMES, type OperationName } from './router.ts';

export const FAULT_KINDS = ['status503', 'stall', 'dropReply', 'resetMidBody', 'dropRequest', 'slow'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export type FaultRule = {
  readonly operation: OperationName | '*';
  readonly key?: string;
  readonly partNumber?: number;
  readonly fault: FaultKind;
  /** How many calls it hits; without it, all. */
  readonly times?: number;
  /** Of hitting a call that fits, 0 to 1; without it, 1. A draw that is lost does not count for `times`. */
  readonly probability?: number;
  /** Of the draws; without it, 1. */
  readonly seed?: number;
  /** How much of a body passes before the fault; see fault-effects.ts. */
  readonly afterBytes?: number;
  /** How long the fault lasts or waits; see fault-effects.ts. */
  readonly delayMs?: number;
  /** The error that `status503` answers, with its own status; without it SlowDown. */
  readonly code?: S3ErrorCode;
};

export type FaultTarget = {
  readonly operation: OperationName;
  readonly key: string;
  readonly partNumber: number | null;
};

type ActiveRule = { readonly rule: FaultRule; hitsLeft: number; readonly draw: () => number };

export class FaultPlan {
  #active: readonly ActiveRule[] = [];

  /** Behind the rules that are there. @throws RangeError if there would be too many */
  add(...rules: readonly FaultRule[]): void {
    if (this.#active.length + rules.length > MAX_FAULT_RULES) throw new RangeError('too many fault rules');
    const added = rules.map((rule) => ({
      rule,
      hitsLeft: rule.times ?? Number.POSITIVE_INFINITY,
      draw: randomDraws(rule.seed ?? 1),
    }));
    this.#active = [...this.#active, ...added];
  }

  /** The rules that can still hit. */
  rules(): readonly FaultRule[] {
    return this.#active.filter(({ hitsLeft }) => hitsLeft > 0).map(({ rule }) => rule);
  }

  clear(): void {
    this.#active = [];
  }

  /** The rule that hits this call; it counts as a hit. */
  take(target: FaultTarget): FaultRule | null {
    for (const active of this.#active) {
      if (active.hitsLeft <= 0 || !fits(active.rule, target)) continue;
      if (active.draw() >= (active.rule.probability ?? 1)) continue;
      active.hitsLeft -= 1;
      return active.rule;
    }
    return null;
  }
}

function fits(rule: FaultRule, { operation, key, partNumber }: FaultTarget): boolean {
  return (
    (rule.operation === '*' || rule.operation === operation) &&
    (rule.key === undefined || rule.key === key) &&
    (rule.partNumber === undefined || rule.partNumber === partNumber)
  );
}

/** Numbers from 0 to below 1, the same for the same seed: a 32-bit xorshift, good enough to choose victims. */
function randomDraws(seed: number): () => number {
  // Zero would stay zero for ever; the multiplication spreads small seeds.
  let state = Math.imul(seed, 0x9e3779b1) | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

const RULE_FIELDS: Readonly<Record<keyof FaultRule, (value: unknown) => boolean>> = {
  operation: (value) => value === '*' || OPERATION_NAMES.some((name) => name === value),
  key: (value) => typeof value === 'string',
  partNumber: isCount,
  fault: (value) => FAULT_KINDS.some((kind) => kind === value),
  times: isCount,
  probability: (value) => typeof value === 'number' && value >= 0 && value <= 1,
  seed: Number.isSafeInteger,
  afterBytes: isCount,
  delayMs: isCount,
  code: (value) => typeof value === 'string' && isS3ErrorCode(value),
};

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** One rule or a list of them, from outside. @throws TypeError that says what is wrong */
export function parseFaultRules(json: unknown): readonly FaultRule[] {
  return (Array.isArray(json) ? json : [json]).map(parseFaultRule);
}

function parseFaultRule(json: unknown): FaultRule {
  if (typeof json !== 'object' || json === null) throw new TypeError('a fault rule is an object');
  for (const field of ['operation', 'fault']) {
    if (!Object.hasOwn(json, field)) throw new TypeError(`a fault rule needs ${field}`);
  }
  for (const [field, value] of Object.entries(json)) {
    if (!Object.hasOwn(RULE_FIELDS, field)) throw new TypeError(`a fault rule has no ${field}`);
    if (!RULE_FIELDS[field as keyof FaultRule](value))
      throw new TypeError(`${field} cannot be ${JSON.stringify(value)}`);
  }
  return json as FaultRule;
}
