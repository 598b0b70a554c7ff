// The ledger: one row for each part that S3 acknowledged, with two hashes of the very bytes that were sent.
// Rows live in the journal (one row per part, never inside a snapshot); here is what can be decided from them.

import type { ByteOffset, PartNumber } from './ids.ts';

export interface LedgerRow {
  readonly partNumber: PartNumber;
  readonly offset: ByteOffset;
  readonly sizeBytes: number;
  /** As S3 returned it, without quotes. */
  readonly etag: string;
  /** 8 hex digits, of the bytes sent. Combinable into the whole object's. */
  readonly crc32: string;
  /** 16 hex digits, of the bytes sent. A range is clean only if both hashes agree. */
  readonly xxh64: string;
  readonly uploadedAtMs: number;
}

/** A part as ListParts tells of it. */
export interface ListedPart {
  readonly partNumber: PartNumber;
  readonly sizeBytes: number;
  readonly etag: string;
  /** 8 hex digits where the server stores it. */
  readonly crc32?: string;
}

/** Which parts S3 acknowledged: 1..contiguous, and those beyond the first gap (at most as many as were in flight). */
export interface PartsHeld {
  readonly contiguous: number;
  readonly ahead: readonly number[];
}

export const NO_PARTS: PartsHeld = { contiguous: 0, ahead: [] };

export const holdsPart = (held: PartsHeld, n: number): boolean => n <= held.contiguous || held.ahead.includes(n);

/** How many parts are held. */
export const countHeld = (held: PartsHeld): number => held.contiguous + held.ahead.length;

export function withPart(held: PartsHeld, n: number): PartsHeld {
  return holdsPart(held, n) ? held : fold(held.contiguous, [...held.ahead, n]);
}

/** What a set of numbers amounts to, in any order. */
export const heldOf = (numbers: Iterable<number>): PartsHeld => fold(0, [...numbers]);

function fold(contiguous: number, others: readonly number[]): PartsHeld {
  const waiting = new Set(others);
  let end = contiguous;
  while (waiting.delete(end + 1)) end += 1;
  return { contiguous: end, ahead: [...waiting].filter((n) => n > end).sort((a, b) => a - b) };
}

/**
 * Compares the ledger with a full ListParts: numbers 1..count, each with the recorded size and ETag.
 * Returns the numbers that must be sent again, ascending; listed numbers beyond `count` are reported in `excess`.
 */
export function differencesFrom(
  rows: ReadonlyMap<number, LedgerRow>,
  listed: readonly ListedPart[],
  count: number,
): { readonly wrong: readonly number[]; readonly excess: readonly number[] } {
  const byNumber = new Map(listed.map((part) => [part.partNumber as number, part]));
  const wrong: number[] = [];
  for (let n = 1; n <= count; n += 1) {
    const row = rows.get(n);
    const part = byNumber.get(n);
    if (!row || !part || part.etag !== row.etag || part.sizeBytes !== row.sizeBytes) wrong.push(n);
  }
  return { wrong, excess: listed.map((part) => part.partNumber as number).filter((n) => n > count) };
}
