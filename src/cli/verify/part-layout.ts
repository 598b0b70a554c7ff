// Where an object's parts begin and end: nobody says so once it is completed, and its ETag can only be recomputed from the file by them.
// So each place that may know gives a layout, and the ETag itself tells which one is right: a match is a proof, however the
// layout was guessed.

import { growingPlan, type PartPlan, partCount, plannedRange, uniformPlan } from '../../machines/part-plan.ts';
import type { ObjectTarget } from '../../machines/stream-record.ts';
import type { ObjectHead } from '../../ports/object-store.ts';
import type { S3Access } from '../tools.ts';
import { type Receipt, readReceipt } from './receipt.ts';

export interface PartLayout {
  /** For people: who said so. */
  readonly from: string;
  /** Offset after each part's last byte; the last is the object's size. */
  readonly ends: readonly number[];
  /** As the receipt has them, when its ETags give the object's: then the layout is certain. */
  readonly receipt: Receipt | null;
}

const MIB = 2 ** 20;
/** Part sizes that uploaders use by default: s3cmd, aws and boto, rclone, MinIO's mc and others. */
const COMMON_PART_MIB = [5, 8, 10, 15, 16, 20, 25, 32, 50, 64, 100, 128, 256, 512, 1024];
/** Each costs an MD5 over the whole file. */
const MAX_LAYOUTS = 6;

/** How many parts the ETag speaks of; null: it is no ETag of parts. */
export function partsInEtag(etag: string): number | null {
  const count = /^[0-9a-f]{32}-(\d{1,5})$/.exec(etag)?.[1];
  return count === undefined ? null : Number(count);
}

export async function findLayouts(
  target: ObjectTarget,
  head: ObjectHead,
  s3: S3Access,
  ownPlan: PartPlan,
): Promise<readonly PartLayout[]> {
  const count = partsInEtag(head.etag);
  if (count === null || count === 0) return [];
  const { sizeBytes } = head;
  if (count === 1) return [{ from: 'the ETag: one part', ends: [sizeBytes], receipt: null }];
  const receipt = await readReceipt(target, head, s3.store);
  if (receipt) return [{ from: `the receipt ${receipt.key}`, ends: receipt.parts.map(({ end }) => end), receipt }];
  const first = await s3.inspection.firstPart(target);
  const asked = first?.parts === count ? plansFrom('the first part, as HEAD tells', first.sizeBytes) : [];
  const guessed = [
    { from: 'PART_PLAN and CHUNK_SIZE_BYTES', plan: ownPlan },
    ...COMMON_PART_MIB.map((size) => ({ from: `parts of ${size} MiB`, plan: uniformPlan(size * MIB) })),
  ];
  return distinct(
    [...asked, ...guessed]
      .filter(({ plan }) => partCount(plan, sizeBytes) === count)
      .map(({ from, plan }) => ({ from, ends: endsOf(plan, count, sizeBytes), receipt: null })),
  ).slice(0, MAX_LAYOUTS);
}

const plansFrom = (from: string, firstPartBytes: number) => [
  { from, plan: uniformPlan(firstPartBytes) },
  { from, plan: growingPlan(firstPartBytes) },
];

const endsOf = (plan: PartPlan, count: number, sizeBytes: number): readonly number[] =>
  Array.from({ length: count }, (_, i) => Math.min(sizeBytes, plannedRange(plan, i + 2).offset));

function distinct(layouts: readonly PartLayout[]): readonly PartLayout[] {
  const seen = new Set<string>();
  return layouts.filter(({ ends }) => {
    const name = ends.join();
    return !seen.has(name) && seen.add(name);
  });
}
