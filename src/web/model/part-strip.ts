// The parts of a stream as one strip: what becomes of 10,000 parts on a thousand pixels. Where several parts share a pixel, the
// one that needs attention most is seen: a dirty part must never hide behind a sent one.

import type { PartState, PartView } from '../../ports/stream-view.ts';

/** From the least to the most urgent. */
export const PART_STATES = ['verified', 'sent', 'in_flight', 'dirty'] as const satisfies readonly PartState[];
/** `unsent`: no part holds these bytes yet. */
export type StripState = PartState | 'unsent';

export interface StripRun {
  readonly fromPx: number;
  /** Exclusive. */
  readonly toPx: number;
  readonly state: StripState;
}

/** Narrower parts melt together: lines between them would be all that is seen. */
const NARROWEST_WITH_LINES_PX = 5;

const rankOf = (state: PartState): number => PART_STATES.indexOf(state) + 1;

/** The bytes that the strip is wide: parts may reach beyond a file that was cut off. */
export const stripBytes = (parts: readonly PartView[], fileBytes: number): number =>
  parts.reduce((end, { offset, sizeBytes }) => Math.max(end, offset + sizeBytes), fileBytes);

/** Neighbouring pixels of one state are one run; runs cover the strip without gaps. */
export function stripRuns(parts: readonly PartView[], fileBytes: number, widthPx: number): readonly StripRun[] {
  const total = stripBytes(parts, fileBytes);
  if (total <= 0 || widthPx <= 0) return [];
  const pixels = new Uint8Array(widthPx);
  for (const { offset, sizeBytes, state } of parts) {
    const from = Math.min(widthPx - 1, Math.floor((offset / total) * widthPx));
    const to = Math.max(from + 1, Math.floor(((offset + sizeBytes) / total) * widthPx));
    const rank = rankOf(state);
    for (let px = from; px < to; px += 1) if ((pixels[px] ?? 0) < rank) pixels[px] = rank;
  }
  const runs: StripRun[] = [];
  let fromPx = 0;
  for (let px = 1; px <= widthPx; px += 1) {
    if (px < widthPx && pixels[px] === pixels[fromPx]) continue;
    runs.push({ fromPx, toPx: px, state: PART_STATES[(pixels[fromPx] ?? 0) - 1] ?? 'unsent' });
    fromPx = px;
  }
  return runs;
}

/** Where parts meet, in pixels; none when the parts are too narrow for lines. */
export function stripLines(parts: readonly PartView[], fileBytes: number, widthPx: number): readonly number[] {
  const total = stripBytes(parts, fileBytes);
  if (parts.length === 0 || widthPx / parts.length < NARROWEST_WITH_LINES_PX) return [];
  return parts.map(({ offset, sizeBytes }) => Math.floor(((offset + sizeBytes) / total) * widthPx));
}

/** The part at a pixel, for whoever points at it. */
export function partAt(parts: readonly PartView[], fileBytes: number, widthPx: number, px: number): PartView | null {
  const byte = (px / Math.max(1, widthPx)) * stripBytes(parts, fileBytes);
  return parts.find(({ offset, sizeBytes }) => byte >= offset && byte < offset + sizeBytes) ?? null;
}

export function countByState(parts: readonly PartView[]): Readonly<Record<PartState, number>> {
  const counts = { verified: 0, sent: 0, in_flight: 0, dirty: 0 };
  for (const { state } of parts) counts[state] += 1;
  return counts;
}
