// What each fact changes in what a stream knows: pure functions (context, event) -> patch. The chart names them as actions.
//
// Every change of `memory` replaces the object, which is what makes a save due.

import type { Failure } from './failure.ts';
import { type FileStat, freezeOf, lastChangeMs, sameStat } from './file-identity.ts';
import { heldOf, type PartsHeld, withPart } from './part-ledger.ts';
import { bytesOfParts } from './part-plan.ts';
import { retryDelayMs } from './retry-plan.ts';
import { owedBy, owedIn, type Patch, remember, type SeenPatch, type StreamContext } from './stream.context.ts';
import type { Evidence, StreamEventOf, WriterPresence } from './stream.events.ts';
import type { Wishes } from './stream-record.ts';

/** A look at the file: activity is what differs from the look before. At the first look the file's own times tell how long it has been quiet. */
export function seeFile(context: StreamContext, stat: FileStat, atMs: number): SeenPatch {
  const { seen } = context;
  const unchanged = seen !== null && sameStat(seen, stat);
  const firstLookMs = Math.min(atMs, lastChangeMs(stat));
  return {
    seen: unchanged ? seen : freezeOf(stat),
    allocatedBytes: stat.allocatedBytes,
    lastActivityMs: unchanged ? context.lastActivityMs : seen === null ? firstLookMs : atMs,
  };
}

export function seeNewPath(context: StreamContext, path: string): Patch {
  return path === context.memory.path ? {} : remember(context, { path });
}

/**
 * Writers come and go; one that comes back after it was seen to close loses the short grace for this stream. A writer that was
 * seen and is not seen any more has closed the file, also where some other process may not be looked into.
 */
export function seeWriter(context: StreamContext, presence: WriterPresence, atMs: number): Patch {
  const before = context.writer;
  if (before.presence === presence) return {};
  const closedAtMs = presence === 'open' ? null : before.presence === 'open' ? atMs : before.closedAtMs;
  const reopened = presence === 'open' && before.closedAtMs !== null;
  return {
    writer: { presence, closedAtMs },
    ...(reopened ? remember(context, { reopenings: context.memory.reopenings + 1 }) : {}),
  };
}

export function backOff(context: StreamContext, failure: Failure, atMs: number): Patch {
  const attempt = context.attempt + 1;
  const owed = owedIn(context.memory.failure);
  return {
    ...waitForLateArrivals(context, failure.answered === false, atMs),
    attempt,
    notBeforeMs: atMs + retryDelayMs(context.streamId, attempt, failure),
    ...remember(context, { failure: { ...failure, ...(owed && { owed }) } }),
  };
}

/** Work succeeded: the next failure starts from the first delay again. */
export function breatheOut(context: StreamContext): Patch {
  if (context.attempt === 0 && context.memory.failure === null) return {};
  return { attempt: 0, notBeforeMs: 0, ...(context.memory.failure ? remember(context, { failure: null }) : {}) };
}

/** `during` is the state whose work failed: it tells `failed_s3_complete` from the other statuses. */
export function giveUpFor(context: StreamContext, failure: Failure, during: string, atMs: number): Patch {
  const owed = during === 'recovering' ? (context.cameFrom ?? owedIn(context.memory.failure)) : null;
  return {
    ...{ parkedAtMs: atMs, attempt: 0, notBeforeMs: 0 },
    ...remember(context, { failure: { ...failure, during, ...(owed && { owed }) } }),
  };
}

/** In a row: whatever is sent in another upload, or after the file changed, begins anew. */
export const countPartRefusal = (context: StreamContext): Patch => ({ partRefusals: context.partRefusals + 1 });

export const giveUpParts = (context: StreamContext, detail: string, atMs: number): Patch => ({
  ...giveUpFor(context, { code: 'parts_refused', detail }, 'finalizing.completing', atMs),
  partRefusals: 0,
});

/** An attempt ended without an answer: nothing is opened, completed or aborted beside it. */
export function waitForLateArrivals(context: StreamContext, unanswered: boolean, atMs: number): Patch {
  if (!unanswered) return {};
  return { lateArrivalUntilMs: Math.max(context.lateArrivalUntilMs, atMs + context.settings.lateArrivalMs) };
}

/** Goes on from the evidence: what was recalled is taken over first, then what S3 lists replaces what was recorded. */
export function believeEvidence(context: StreamContext, event: StreamEventOf<'stream.reconciled'>): Patch {
  const { evidence, atMs } = event;
  const known = withRecalled(context, evidence);
  // The clock may have been set since the record was written: what lies ahead would be waited for.
  const recalled = { ...known, lastActivityMs: Math.min(known.lastActivityMs, atMs) };
  const stat = evidence.stat;
  const listed =
    evidence.upload === 'listed' && evidence.parts
      ? { parts: evidence.parts, sentEndBytes: evidence.sentEndBytes }
      : {};
  return {
    mustRecall: false,
    cameFrom: null,
    s3Known: evidence.upload !== 'unasked',
    mustAskS3: false,
    ...(stat ? seeFile(recalled, stat, atMs) : {}),
    memory: { ...recalled.memory, ...listed, failure: withoutDebt(recalled.memory.failure) },
  };
}

/** What was owed is answered by the evidence. */
function withoutDebt(failure: Failure | null): Failure | null {
  if (!failure?.during && !failure?.owed) return failure;
  const { during, owed, ...rest } = failure;
  return rest;
}

export function withRecalled(context: StreamContext, evidence: Evidence): StreamContext {
  const record = evidence.recalled;
  if (!record) return context;
  const { folder, path, wishes } = context.memory;
  return {
    ...context,
    memory: { ...record.memory, folder, path, wishes: eitherOf(record.memory.wishes, wishes) },
    seen: record.seen,
    lastActivityMs: record.lastActivityMs,
    cameFrom: owedBy(record),
  };
}

const eitherOf = (a: Wishes, b: Wishes): Wishes => ({ finalize: a.finalize || b.finalize, abort: a.abort || b.abort });

/** A Complete may be under way, sent by this process or by a former one. `failure`: how it failed, where that is known. */
export const doubtCompletion = (context: StreamContext, failure: Failure | null, atMs: number): Patch =>
  remember(context, {
    completeDoubtUntilMs: atMs + context.settings.completeDoubtMs,
    completeRefusal: failure && failure.answered !== false ? failure : context.memory.completeRefusal,
  });

/**
 * What was doubted is not there. Where Complete was refused because our own last object is gone from the key, nothing is demanded of
 * the key any more but that it stays free.
 */
export function forgetDoubt(context: StreamContext, event: StreamEventOf<'object.probed'>): Patch {
  const { upload, completeRefusal } = context.memory;
  const isFree = event.object === 'absent' && completeRefusal?.code === 'precondition_failed';
  const condition = { kind: 'absent' } as const;
  return remember(context, {
    completeDoubtUntilMs: null,
    completeRefusal: null,
    ...(upload && isFree && { upload: { ...upload, condition } }),
  });
}

/** The refusal was no answer to this object, but to whatever would be sent again. */
export const giveUpRefused = (context: StreamContext, atMs: number): Patch => {
  const { completeRefusal } = context.memory;
  if (!completeRefusal) return {};
  const given = giveUpFor(context, completeRefusal, 'finalizing.completing', atMs);
  return { ...given, ...remember({ ...context, ...given }, { completeDoubtUntilMs: null, completeRefusal: null }) };
};

export function wish(context: StreamContext, change: Partial<Wishes>): Patch {
  const before = context.memory.wishes;
  const wishes = { ...before, ...change };
  const isSame = wishes.finalize === before.finalize && wishes.abort === before.abort;
  return isSame ? {} : remember(context, { wishes });
}

export function takePart(context: StreamContext, event: StreamEventOf<'part.uploaded'>): Patch {
  const { memory } = context;
  const sentEndBytes = Math.max(memory.sentEndBytes, event.offset + event.sizeBytes);
  return {
    dirty: context.dirty.filter((n) => n !== event.partNumber),
    ...remember(context, { parts: withPart(memory.parts, event.partNumber), sentEndBytes }),
  };
}

export const takeFreeze = (context: StreamContext, event: StreamEventOf<'source.verified'>): Patch => ({
  dirty: event.differing,
  verified: true,
  ...remember(context, { freeze: event.freeze }),
});

/** S3 does not list these as recorded: they are not held, whatever the ledger says. */
export function dropParts(context: StreamContext, numbers: readonly number[]): Patch {
  const { memory } = context;
  const parts = without(memory.parts, new Set(numbers));
  const furthest = parts.ahead.at(-1) ?? parts.contiguous;
  const plannedEndBytes = memory.upload ? bytesOfParts(memory.upload.plan, furthest) : 0;
  const sentEndBytes = Math.min(memory.sentEndBytes, plannedEndBytes);
  return { dirty: numbers, ...remember(context, { parts, sentEndBytes }) };
}

function without(held: PartsHeld, wrong: ReadonlySet<number>): PartsHeld {
  const kept: number[] = [];
  for (let n = 1; n <= held.contiguous; n += 1) if (!wrong.has(n)) kept.push(n);
  return heldOf([...kept, ...held.ahead.filter((n) => !wrong.has(n))]);
}

/** The file is not what was verified. */
export const thaw = (context: StreamContext): Patch => ({
  dirty: [],
  verified: false,
  partRefusals: 0,
  ...(context.memory.freeze || context.memory.finalizeReason
    ? remember(context, { freeze: null, finalizeReason: null })
    : {}),
});
