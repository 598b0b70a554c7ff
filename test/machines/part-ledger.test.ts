// Which parts are held, and what a full list of S3 says against the ledger.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { byteOffset, partNumber } from '../../src/machines/ids.ts';
import {
  countHeld,
  differencesFrom,
  heldOf,
  holdsPart,
  type LedgerRow,
  type ListedPart,
  NO_PARTS,
  withPart,
} from '../../src/machines/part-ledger.ts';

const numbers = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 60 });

describe('parts held', () => {
  test('F21 are the same whatever the order of their answers, and however often one comes', () => {
    fc.assert(
      fc.property(numbers, (list) => {
        const held = list.reduce(withPart, NO_PARTS);
        expect(held).toEqual(heldOf(list));
        expect(held).toEqual(heldOf([...list, ...list].reverse()));
        expect(countHeld(held)).toBe(new Set(list).size);
      }),
    );
  });

  test('are exactly the numbers that were told', () => {
    fc.assert(
      fc.property(numbers, (list) => {
        const held = heldOf(list);
        for (let n = 1; n <= 61; n += 1) expect(holdsPart(held, n)).toBe(list.includes(n));
      }),
    );
  });

  test('beyond the first gap are ascending, and never the number that would close it', () => {
    fc.assert(
      fc.property(numbers, (list) => {
        const { contiguous, ahead } = heldOf(list);
        expect(ahead).toEqual([...ahead].sort((a, b) => a - b));
        expect(ahead.every((n) => n > contiguous + 1)).toBe(true);
      }),
    );
  });

  test.each([
    [[], { contiguous: 0, ahead: [] }],
    [[2], { contiguous: 0, ahead: [2] }],
    [[2, 1], { contiguous: 2, ahead: [] }],
    [[5, 1, 3], { contiguous: 1, ahead: [3, 5] }],
  ])('%j', (list, held) => {
    expect(heldOf(list)).toEqual(held);
  });
});

const row = (n: number): LedgerRow => ({
  partNumber: partNumber(n),
  offset: byteOffset((n - 1) * 10),
  sizeBytes: 10,
  etag: `e${n}`,
  crc32: '00000000',
  xxh64: '0000000000000000',
  uploadedAtMs: 1,
});
const part = (n: number, change: Partial<ListedPart> = {}): ListedPart => ({
  partNumber: partNumber(n),
  sizeBytes: 10,
  etag: `e${n}`,
  ...change,
});
const ledger = new Map([1, 2, 3].map((n) => [n, row(n)]));

describe('the ledger against what S3 lists', () => {
  test.each([
    ['all as recorded', [part(1), part(2), part(3)], 3, [], []],
    ['in another order', [part(3), part(1), part(2)], 3, [], []],
    ['another ETag', [part(1), part(2, { etag: 'x' }), part(3)], 3, [2], []],
    ['another size', [part(1, { sizeBytes: 9 }), part(2), part(3)], 3, [1], []],
    ['not listed', [part(1), part(3)], 3, [2], []],
    ['listed and not recorded', [part(1), part(2), part(3), part(4)], 4, [4], []],
    ['neither', [part(1), part(2), part(3)], 4, [4], []],
    ['more than there should be', [part(1), part(2), part(3), part(7)], 2, [], [3, 7]],
    ['nothing at all', [], 3, [1, 2, 3], []],
  ])('%s', (_, listed, count, wrong, excess) => {
    expect(differencesFrom(ledger, listed, count)).toEqual({ wrong, excess });
  });
});
