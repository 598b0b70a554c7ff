// The parts of a stream's present upload as people see them: the ledger's rows, and what the stream knows of them beyond that.

import { holdsPart, type LedgerRow } from '../machines/part-ledger.ts';
import { plannedRange, rangeWithin } from '../machines/part-plan.ts';
import type { StreamContext } from '../machines/stream.context.ts';
import { partsThatMayGo, partsToSendAgain, planOf } from '../machines/stream.guards.ts';
import type { PartState, PartView } from '../ports/stream-view.ts';
import { PARTS_PER_STREAM } from './effects/upload-parts.ts';

export function partsOf(state: string, context: StreamContext, rows: readonly LedgerRow[]): readonly PartView[] {
  const byNumber = new Map(rows.map((row) => [row.partNumber as number, row]));
  const { parts, freeze } = context.memory;
  const inFlight = new Set(inFlightOf(state, context));
  const dirty = new Set(context.dirty);
  const held = [...Array.from({ length: parts.contiguous }, (_, index) => index + 1), ...parts.ahead];
  const numbers = [...new Set([...held, ...dirty, ...inFlight])].sort((a, b) => a - b);
  const stateOf = (n: number): PartState => {
    if (inFlight.has(n)) return 'in_flight';
    if (dirty.has(n)) return 'dirty';
    return context.verified && freeze ? 'verified' : 'sent';
  };
  return numbers.map((n) => {
    const row = holdsPart(parts, n) ? byNumber.get(n) : undefined;
    const range = freeze ? rangeWithin(planOf(context), n, freeze.sizeBytes) : plannedRange(planOf(context), n);
    return {
      partNumber: n,
      offset: row?.offset ?? range.offset,
      sizeBytes: row?.sizeBytes ?? range.sizeBytes,
      state: stateOf(n),
      etag: row?.etag ?? null,
      crc32: row?.crc32 ?? null,
      uploadedAt: row ? new Date(row.uploadedAtMs).toISOString() : null,
    };
  });
}

/** The effect takes its numbers in order, a few at once: those that it has, or that wait for memory, are the next ones. */
function inFlightOf(state: string, context: StreamContext): readonly number[] {
  if (state === 'active.uploading') return partsThatMayGo(context).slice(0, PARTS_PER_STREAM);
  return state === 'finalizing.resending' ? partsToSendAgain(context).slice(0, PARTS_PER_STREAM) : [];
}
