// Which of the parts that S3 lists are the file's: what lets a restart go on without sending a byte twice.
//
// A1. A listed part that the ledger has with the same ETag and size is kept as recorded.
// A2. Any other is adopted only if its ETag is the MD5 of the file's range as it is now: CRC32 alone proves too little.
// A3. All else is not held, and will be sent (again) under its number.

import type { Failure } from '../machines/failure.ts';
import type { FileRef } from '../machines/file-identity.ts';
import { heldOf, type LedgerRow, type ListedPart, type PartsHeld } from '../machines/part-ledger.ts';
import { MAX_PARTS, type PartPlan, rangeWithin } from '../machines/part-plan.ts';
import type { Outcome } from '../ports/outcome.ts';
import { hashRange } from './range-reading.ts';
import type { World } from './world.ts';

export interface Adopted {
  readonly rows: readonly LedgerRow[];
  readonly parts: PartsHeld;
  readonly sentEndBytes: number;
}

export interface AdoptionInput {
  readonly file: FileRef;
  readonly plan: PartPlan;
  readonly fileBytes: number;
  readonly listed: readonly ListedPart[];
  readonly rows: ReadonlyMap<number, LedgerRow>;
}

export async function adoptListed(input: AdoptionInput, world: World, signal: AbortSignal): Promise<Outcome<Adopted>> {
  return await world.readers.through(signal, async (scratch) => {
    const rows: LedgerRow[] = [];
    for (const part of input.listed) {
      if (signal.aborted) break;
      const recorded = input.rows.get(part.partNumber);
      if (recorded && recorded.etag === part.etag && recorded.sizeBytes === part.sizeBytes) rows.push(recorded);
      else {
        const compared = await compare(input, part, scratch, world);
        if (!compared.ok) return { ok: false, failure: compared.failure };
        if (compared.value) rows.push(compared.value);
      }
    }
    return { ok: true, value: summed(rows) };
  });
}

export const summed = (rows: readonly LedgerRow[]): Adopted => ({
  rows,
  parts: heldOf(rows.map((row) => row.partNumber)),
  sentEndBytes: rows.reduce((end, row) => Math.max(end, row.offset + row.sizeBytes), 0),
});

async function compare(
  input: AdoptionInput,
  part: ListedPart,
  scratch: Uint8Array,
  world: World,
): Promise<Outcome<LedgerRow | null>> {
  if (part.partNumber > MAX_PARTS) return { ok: true, value: null };
  const range = rangeWithin(input.plan, part.partNumber, input.fileBytes);
  if (range.sizeBytes === 0 || range.sizeBytes !== part.sizeBytes) return { ok: true, value: null };
  const digest = await hashRange(world, input.file, range, scratch, true);
  if (!digest.ok) return isShort(digest.failure) ? { ok: true, value: null } : digest;
  if (digest.value.md5 !== part.etag) return { ok: true, value: null };
  const { crc32, xxh64 } = digest.value;
  return { ok: true, value: { ...range, etag: part.etag, crc32, xxh64, uploadedAtMs: world.clock.nowMs() } };
}

const isShort = (failure: Failure): boolean => failure.code === 'source_changed';
