// When a stream is idle, and when the stale scan should look at it next. Pure functions of what the stream knows.
//
// D1. A writer known to hold the file open vetoes every timeout, however long the pause.
// D2. The short grace counts only after a writer was seen to close the file, and never for one that opens it again and again.
// D3. Where it cannot be known whether somebody writes, and nobody was seen to close the file, the long timeout decides.

import { countHeld } from './part-ledger.ts';
import type { StreamContext } from './stream.context.ts';

/** A file that is completed and grows again doubles its patience with each generation, up to an hour. */
const MAX_TIMEOUT_MS = 3_600_000;

/** Epoch ms from which on the stream counts as idle; null: not by time (D1). */
export function idleFromMs(context: StreamContext): number | null {
  const { settings, writer, lastActivityMs, memory } = context;
  if (writer.presence === 'open') return null;
  if (memory.reopenings > 0) return lastActivityMs + patientTimeoutMs(context);
  const timeoutMs = writer.presence === 'unknown' ? settings.streamTimeoutUnknownMs : settings.streamTimeoutMs;
  if (writer.closedAtMs === null || settings.writerCloseGraceMs === 0) return lastActivityMs + timeoutMs;
  const closedMs = Math.max(lastActivityMs, writer.closedAtMs) + settings.writerCloseGraceMs;
  return Math.min(closedMs, lastActivityMs + timeoutMs);
}

/**
 * For writers that open and close the file again and again: the full timeout, doubled with each generation that was completed too
 * soon. Uploads that were lost or rolled over count for nothing.
 */
function patientTimeoutMs({ settings, memory, writer }: StreamContext): number {
  const timeoutMs = writer.presence === 'unknown' ? settings.streamTimeoutUnknownMs : settings.streamTimeoutMs;
  const completed = memory.completion?.generation ?? 0;
  return Math.min(timeoutMs * 2 ** completed, Math.max(MAX_TIMEOUT_MS, timeoutMs));
}

const earliest = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.min(a, b);

export function isIdle(context: StreamContext, atMs: number): boolean {
  const from = idleFromMs(context);
  return from !== null && atMs >= from;
}

/** From half of its age on an upload is replaced, so that as much time is left to fill the next one; null: it does not grow old, or holds nothing. */
export function rolloverAtMs({ memory }: StreamContext): number | null {
  const { upload, parts } = memory;
  if (!upload || upload.expiresAtMs === null || countHeld(parts) === 0) return null;
  return upload.openedAtMs + (upload.expiresAtMs - upload.openedAtMs) / 2;
}

/** When `stream.due` should come next, by state; null: nothing happens by time. */
export function dueAtMs(state: string, context: StreamContext): number | null {
  if (state === 'active.waiting') return earliest(idleFromMs(context), rolloverAtMs(context));
  if (state === 'failed.parked') return context.parkedAtMs + context.settings.parkedRetryMs;
  return null;
}
