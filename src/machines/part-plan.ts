// Which bytes each part number stands for: a pure function of the number, so that nothing needs to be remembered
// about parts that were never sent, and what S3 lists can be compared with the file without a ledger.
//
// `growing`: parts grow with the sum of those before them, so that 10,000 suffice for the largest object while the
// first ones stay small. `uniform`: all equal, for providers that demand it. A plan never changes once its upload is open.
//
// len(n) = clamp(ceil to 1 MiB (max(first, S(n-1) / divisor)), first, 5 GiB), S(n-1) = bytes before part n.

import { type ByteOffset, byteOffset, type PartNumber, partNumber } from './ids.ts';

const MIB = 1024 * 1024;
/** S3: every part but the last has at least 5 MiB. */
export const MIN_PART_BYTES = 5 * MIB;
/** S3: no part has more than 5 GiB. */
export const MAX_PART_BYTES = 5 * 1024 * MIB;
/** S3: part numbers end here. */
export const MAX_PARTS = 10_000;
/** 3,495 parts at 100 GiB and 17.6 TiB in 10,000 parts (first part 8 MiB). */
const DEFAULT_GROWTH_DIVISOR = 1000;

export type PartPlan =
  | { readonly version: 1; readonly kind: 'growing'; readonly firstPartBytes: number; readonly growthDivisor: number }
  | { readonly version: 1; readonly kind: 'uniform'; readonly firstPartBytes: number };

/** One part's place in the file. `sizeBytes` is the planned length; the tail's is cut to the file's end. */
export interface PartRange {
  readonly partNumber: PartNumber;
  readonly offset: ByteOffset;
  readonly sizeBytes: number;
}

export const growingPlan = (firstPartBytes: number): PartPlan => ({
  version: 1,
  kind: 'growing',
  firstPartBytes,
  growthDivisor: DEFAULT_GROWTH_DIVISOR,
});

export const uniformPlan = (firstPartBytes: number): PartPlan => ({ version: 1, kind: 'uniform', firstPartBytes });

/** Part starts per plan: `starts[n - 1]` is the offset of part n. A cache of a pure function; one row per plan in use, 80 KB at most each. */
const startsOfPlan = new Map<string, number[]>();

function startOf(plan: PartPlan, n: number): number {
  if (plan.kind === 'uniform') return (n - 1) * plan.firstPartBytes;
  const key = `${plan.firstPartBytes}/${plan.growthDivisor}`;
  const starts = startsOfPlan.get(key) ?? [0];
  startsOfPlan.set(key, starts);
  while (starts.length < n) {
    const before = starts[starts.length - 1] ?? 0;
    starts.push(before + growingLength(before, plan.firstPartBytes, plan.growthDivisor));
  }
  return starts[n - 1] ?? 0;
}

function growingLength(bytesBefore: number, firstPartBytes: number, divisor: number): number {
  const wanted = Math.max(firstPartBytes, bytesBefore / divisor);
  const whole = wanted === firstPartBytes ? firstPartBytes : Math.ceil(wanted / MIB) * MIB;
  return Math.min(Math.max(whole, firstPartBytes), MAX_PART_BYTES);
}

/** Where part n lies when the file is long enough. n: 1 to 10,000. */
export function plannedRange(plan: PartPlan, n: number): PartRange {
  const start = startOf(plan, n);
  return { partNumber: partNumber(n), offset: byteOffset(start), sizeBytes: startOf(plan, n + 1) - start };
}

/** Where part n lies in a file of `fileBytes`: the last part is cut to the end. */
export function rangeWithin(plan: PartPlan, n: number, fileBytes: number): PartRange {
  const planned = plannedRange(plan, n);
  return { ...planned, sizeBytes: Math.max(0, Math.min(planned.sizeBytes, fileBytes - planned.offset)) };
}

/** Bytes that the first `count` whole parts cover. */
export const bytesOfParts = (plan: PartPlan, count: number): number => startOf(plan, count + 1);

/** How many parts a file of `fileBytes` has, tail included. 0 for an empty file. May exceed MAX_PARTS: see `fits`. */
export function partCount(plan: PartPlan, fileBytes: number): number {
  if (fileBytes <= 0) return 0;
  if (plan.kind === 'uniform') return Math.ceil(fileBytes / plan.firstPartBytes);
  let low = 1;
  let high = MAX_PARTS + 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (startOf(plan, middle + 1) >= fileBytes) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Half: a file that is being written when its upload opens may double before it needs another one. */
const ROOMY_SHARE = 0.5;

/**
 * The plan, with larger parts where a file of `fileBytes` would use more than half of `maxParts`. Of two that have as many parts (near
 * the largest part) it is the one with the smaller: the number of parts tells the plan.
 */
export function roomyPlan(plan: PartPlan, fileBytes: number, maxParts: number): PartPlan {
  const roomy = roomier(plan, (each) => partCount(each, fileBytes) <= maxParts * ROOMY_SHARE);
  return planWithParts(plan, fileBytes, partCount(roomy, fileBytes)) ?? roomy;
}

/** The plan by which a file of `fileBytes` has this many parts, if it is this one or one that `roomyPlan` may have made of it. */
export function planWithParts(plan: PartPlan, fileBytes: number, count: number): PartPlan | null {
  const found = roomier(plan, (each) => partCount(each, fileBytes) <= count);
  return partCount(found, fileBytes) === count ? found : null;
}

/** Doubles the parts until it is enough, or they are as large as parts can be. */
function roomier(plan: PartPlan, isEnough: (plan: PartPlan) => boolean): PartPlan {
  let roomy = plan;
  while (!isEnough(roomy) && roomy.firstPartBytes < MAX_PART_BYTES)
    roomy = { ...roomy, firstPartBytes: Math.min(2 * roomy.firstPartBytes, MAX_PART_BYTES) };
  return roomy;
}

/** Whether the plan can carry a file of this size in the parts S3 allows. */
export const fits = (plan: PartPlan, fileBytes: number): boolean => partCount(plan, fileBytes) <= MAX_PARTS;

/**
 * The highest part that may go while the file still grows: part k once part k+1 has begun ("lag one": most writers patch what
 * they just wrote), except part 1, which goes as soon as it is full. This saves re-sending; it proves nothing.
 */
export function lastPartThatMayGo(plan: PartPlan, fileBytes: number, maxParts = MAX_PARTS): number {
  const begun = Math.min(partCount(plan, fileBytes), maxParts);
  if (begun > 1) return begun - 1;
  return fileBytes >= bytesOfParts(plan, 1) ? 1 : 0;
}
