// Which upload and which object a stream is at: generation after generation, what is left behind on the way, and what was proven.
//
// G1. An upload that holds parts which nothing else holds is kept and named in the record, never dropped from sight.

import { freezeOf } from './file-identity.ts';
import { countHeld, holdsPart, NO_PARTS } from './part-ledger.ts';
import { type Patch, remember, type StreamContext, sizeOf } from './stream.context.ts';
import type { StreamEventOf } from './stream.events.ts';
import { type Completion, type LeftUpload, NO_WISHES } from './stream-record.ts';

/** A stream that truncates for ever must not grow its record for ever; the newest are shown, `gc` finds the others. */
const MAX_LEFT_UPLOADS = 100;

export function takeUpload(context: StreamContext, event: StreamEventOf<'upload.opened'>): Patch {
  const { target, upload, parts, sentEndBytes, generation, left = [] } = event;
  const known = new Set(context.memory.leftUploads.map((each) => each.uploadId));
  const leftUploads = [...context.memory.leftUploads, ...left.filter((each) => !known.has(each.uploadId))];
  // Found, not opened, and with the whole file: whoever opened it may have sent a Complete that nobody remembers.
  const isFoundWhole = countHeld(parts) > 0 && sentEndBytes >= sizeOf(context);
  const arrivedUntilMs = isFoundWhole ? event.atMs + context.settings.completeDoubtMs : 0;
  return {
    s3Known: true,
    attempt: 0,
    notBeforeMs: 0,
    lateArrivalUntilMs: Math.max(context.lateArrivalUntilMs, arrivedUntilMs),
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

/**
 * The next upload of this stream, from the file's first byte. `leave`: the present upload holds parts that nothing else holds,
 * so it is kept and listed; null: it is gone, completed, or holds nothing.
 */
export function startNextGeneration(
  context: StreamContext,
  how: { readonly leave: LeftUpload['why'] | null; readonly freshKey: boolean },
): Patch {
  const { memory } = context;
  const left = how.leave ? presentUpload(context, how.leave) : [];
  return {
    dirty: [],
    verified: false,
    partRefusals: 0,
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
      completeRefusal: null,
      leftUploads: [...keptAfter(how.leave, memory.leftUploads), ...left].slice(-MAX_LEFT_UPLOADS),
    }),
  };
}

function presentUpload({ memory }: StreamContext, why: LeftUpload['why']): readonly LeftUpload[] {
  const { target, upload, parts, sentEndBytes } = memory;
  if (!upload || !target) return [];
  return [{ target, uploadId: upload.uploadId, parts: countHeld(parts), sentEndBytes, why }];
}

/**
 * Complete was refused because our own object holds the key already: an upload that nobody remembered made it, late. The present one is
 * open still; it is ended with those that the object outlived, once that is proven.
 */
export function outliveRefused(context: StreamContext): Patch {
  const { completeRefusal, leftUploads } = context.memory;
  if (completeRefusal?.code !== 'precondition_failed') return {};
  const left = [...leftUploads, ...presentUpload(context, 'rolled_over')];
  return remember(context, { leftUploads: left.slice(-MAX_LEFT_UPLOADS) });
}

/** What was cut off is in no later object: an upload that was rolled over is then the only one that holds it. */
const keptAfter = (why: LeftUpload['why'] | null, before: readonly LeftUpload[]): readonly LeftUpload[] =>
  why === 'truncated'
    ? before.map((left) => (left.why === 'rolled_over' ? { ...left, why: 'truncated' as const } : left))
    : before;

/** Uploads of which the proven object holds every byte. */
export const supersededIn = ({ memory }: StreamContext): readonly LeftUpload[] =>
  memory.leftUploads.filter((left) => left.why === 'rolled_over');

export const dropSuperseded = (context: StreamContext): Patch =>
  remember(context, { leftUploads: context.memory.leftUploads.filter((left) => left.why !== 'rolled_over') });

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
    completeRefusal: null,
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
  remember(context, { upload: null, parts: NO_PARTS, sentEndBytes: 0, freeze: null, failure: null, wishes: NO_WISHES });
