// What each fact changes in what a stream knows: pure functions (context, event) -> patch. The chart names them as actions.
//
// Every change of `memory` replaces the object, which is what makes a save due.

import type { Failure } from './failure.ts';
import { type FileStat, freezeOf, lastChangeMs, sameStat } from './file-identity.ts';
import { heldOf, holdsPart, NO_PARTS, type PartsHeld, withPart } from './part-ledger.ts';
import { bytesOfParts } from './part-plan.ts';
import { retryDelayMs } from './retry-plan.ts';
import type { SeenPatch, StreamContext } from './stream.context.ts';
import type { Evidence, StreamEventOf, WriterPresence } from './stream.events.ts';
import type { Completion, LeftUpload, StreamMemory } from './stream-record.ts';

type Patch = Partial<StreamContext>;

/** A stream that truncates for ever must not grow its record for ever; the newest are shown, `gc` finds the others. */
const MAX_LEFT_UPLOADS = 100;

const remember = (context: StreamContext, change: Partial<StreamMemory>): Patch => ({
  memory: { ...context.memory, ...change },
});

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
  return {
    ...waitForLateArrivals(context, failure.answered === false, atMs),
    attempt,
    notBeforeMs: atMs + retryDelayMs(context.streamId, attempt, failure),
    ...remember(context, { failure }),
  };
}

/** Work succeeded: the next failure starts from the first delay again. */
export function breatheOut(context: StreamContext): Patch {
  if (context.attempt === 0 && context.memory.failure === null) return {};
  return { attempt: 0, notBeforeMs: 0, ...(context.memory.failure ? remember(context, { failure: null }) : {}) };
}

/** `during` is the state whose work failed: it tells `failed_s3_complete` from the other statuses. */
export function giveUpFor(context: StreamContext, failure: Failure, during: string, atMs: number): Patch {
  return { parkedAtMs: atMs, attempt: 0, notBeforeMs: 0, ...remember(context, { failure: { ...failure, during } }) };
}

/** An attempt ended without an answer: nothing is opened, completed or aborted beside it. */
export function waitForLateArrivals(context: StreamContext, unanswered: boolean, atMs: number): Patch {
  if (!unanswered) return {};
  return { lateArrivalUntilMs: Math.max(context.lateArrivalUntilMs, atMs + context.settings.lateArrivalMs) };
}

/** Goes on from the evidence: what was recalled is taken over first, then what S3 lists replaces what was recorded. */
export function believeEvidence(context: StreamContext, event: StreamEventOf<'stream.reconciled'>): Patch {
  const { evidence, atMs } = event;
  const recalled = withRecalled(context, evidence);
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
    memory: { ...recalled.memory, ...listed },
  };
}

export function withRecalled(context: StreamContext, evidence: Evidence): StreamContext {
  const record = evidence.recalled;
  if (!record) return context;
  const { folder, path } = context.memory;
  return {
    ...context,
    memory: { ...record.memory, folder, path },
    seen: record.seen,
    lastActivityMs: record.lastActivityMs,
    cameFrom: record.state,
  };
}

/** A Complete may be under way, sent by this process or by a former one. */
export const doubtCompletion = (context: StreamContext, atMs: number): Patch =>
  remember(context, {
    completeDoubtUntilMs: Math.max(context.memory.completeDoubtUntilMs ?? 0, atMs + context.settings.completeDoubtMs),
  });

export function takeUpload(context: StreamContext, event: StreamEventOf<'upload.opened'>): Patch {
  const { target, upload, parts, sentEndBytes, generation, left = [] } = event;
  const known = new Set(context.memory.leftUploads.map((each) => each.uploadId));
  const leftUploads = [...context.memory.leftUploads, ...left.filter((each) => !known.has(each.uploadId))];
  return {
    s3Known: true,
    attempt: 0,
    notBeforeMs: 0,
    dirty: context.dirty.filter((n) => !holdsPart(parts, n)),
    ...remember(context, {
      target,
      upload,
      parts,
      sentEndBytes,
      generation,
      freshKey: false,
      failure: null,
      leftUploads: leftUploads.slice(-MAX_LEFT_UPLOADS),
    }),
  };
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
  ...(context.memory.freeze || context.memory.finalizeReason
    ? remember(context, { freeze: null, finalizeReason: null })
    : {}),
});

/**
 * The next upload of this stream, from the file's first byte. `leave`: the present upload holds parts that nothing else holds,
 * so it is kept and listed; null: it is gone, completed, or holds nothing.
 */
export function startNextGeneration(
  context: StreamContext,
  how: { readonly leave: LeftUpload['why'] | null; readonly freshKey: boolean },
): Patch {
  const { memory } = context;
  const left: readonly LeftUpload[] =
    how.leave && memory.upload && memory.target
      ? [
          {
            target: memory.target,
            uploadId: memory.upload.uploadId,
            parts: memory.parts.contiguous + memory.parts.ahead.length,
            why: how.leave,
          },
        ]
      : [];
  return {
    dirty: [],
    verified: false,
    s3Known: true,
    ...remember(context, {
      generation: memory.generation + 1,
      freshKey: how.freshKey,
      target: null,
      upload: null,
      parts: NO_PARTS,
      sentEndBytes: 0,
      freeze: null,
      finalizeReason: null,
      completeDoubtUntilMs: null,
      leftUploads: [...memory.leftUploads, ...left].slice(-MAX_LEFT_UPLOADS),
    }),
  };
}

/** Appended to or edited: the same key, on condition that our object is still there. Cut shorter: a key of its own. */
export const startAfterCompletion = (context: StreamContext): Patch =>
  startNextGeneration(context, {
    leave: null,
    freshKey: context.seen !== null && context.seen.sizeBytes < (context.memory.completion?.sizeBytes ?? 0),
  });

export const takeCompletion = (context: StreamContext, completion: Completion): Patch => ({
  attempt: 0,
  notBeforeMs: 0,
  ...remember(context, {
    completion,
    target: completion.target,
    generation: completion.generation,
    completeDoubtUntilMs: null,
    failure: null,
  }),
});

/**
 * The file's times changed, its bytes did not: the same object is proven for the file as it was compared. Not for what was seen
 * besides: a sweep may have seen the file at another name, with other bytes, while this look found nothing at the old one.
 */
export const keepCompletion = (context: StreamContext, { evidence }: StreamEventOf<'stream.reconciled'>): Patch => {
  const { completion } = context.memory;
  if (!completion || evidence.content !== 'same' || !evidence.stat) return {};
  return remember(context, { completion: { ...completion, freeze: freezeOf(evidence.stat) } });
};

/** Nothing is owed any more: the receipt has the parts, the ledger is dropped with the upload. */
export const closeLedger = (context: StreamContext): Patch =>
  remember(context, { upload: null, parts: NO_PARTS, sentEndBytes: 0, freeze: null, failure: null });
