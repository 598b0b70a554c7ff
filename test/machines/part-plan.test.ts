// Which bytes each part number stands for: numbers that were promised, and what must hold for every file and plan.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bytesOfParts,
  fits,
  growingPlan,
  lastPartThatMayGo,
  MAX_PART_BYTES,
  MAX_PARTS,
  MIN_PART_BYTES,
  type PartPlan,
  partCount,
  plannedRange,
  planWithParts,
  rangeWithin,
  roomyPlan,
  uniformPlan,
} from '../../src/machines/part-plan.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const TIB = 1024 ** 4;
const GROWING = growingPlan(8 * MIB);

const plans: fc.Arbitrary<PartPlan> = fc.oneof(
  fc.integer({ min: 5, max: 64 }).map((mib) => growingPlan(mib * MIB)),
  fc.integer({ min: 5, max: 512 }).map((mib) => uniformPlan(mib * MIB)),
  fc.record({ mib: fc.integer({ min: 5, max: 64 }), divisor: fc.integer({ min: 100, max: 5_000 }) }).map(
    ({ mib, divisor }): PartPlan => ({
      version: 1,
      kind: 'growing',
      firstPartBytes: mib * MIB,
      growthDivisor: divisor,
    }),
  ),
);
/** Files of up to a few hundred parts, so that all their ranges can be looked at; odd sizes included. */
const fileBytes = fc.oneof(
  fc.integer({ min: 0, max: 64 * MIB }),
  fc.integer({ min: 0, max: 2 * GIB }),
  fc.integer({ min: 0, max: 400 }).map((n) => n * 8 * MIB),
);

describe('the numbers that are promised for 8 MiB first parts', () => {
  test.each([
    ['an empty file', 0, 0],
    ['one byte', 1, 1],
    ['exactly one part', 8 * MIB, 1],
    ['one byte more', 8 * MIB + 1, 2],
    ['100 GiB', 100 * GIB, 3_495],
    ['5 TiB', 5 * TIB, 7_428],
  ])('%s', (_, size, parts) => {
    expect(partCount(GROWING, size)).toBe(parts);
  });

  test('10,000 parts reach 17.6 TiB, and 33 TiB with the divisor 500', () => {
    const faster: PartPlan = { version: 1, kind: 'growing', firstPartBytes: 8 * MIB, growthDivisor: 500 };
    expect(bytesOfParts(GROWING, MAX_PARTS) / TIB).toBeCloseTo(17.6, 1);
    expect(bytesOfParts(faster, MAX_PARTS) / TIB).toBeGreaterThan(33);
    expect(fits(GROWING, bytesOfParts(GROWING, MAX_PARTS))).toBe(true);
    expect(fits(GROWING, bytesOfParts(GROWING, MAX_PARTS) + 1)).toBe(false);
    expect(partCount(GROWING, 2 ** 53 - 1)).toBe(MAX_PARTS + 1);
  });

  test('the first 8 GB go in parts of 8 MiB, and no part is ever smaller than one before it', () => {
    let before = 0;
    for (let n = 1; n <= MAX_PARTS; n += 1) {
      const { sizeBytes, offset } = plannedRange(GROWING, n);
      if (offset <= 8 * 1000 * MIB) expect(sizeBytes).toBe(8 * MIB);
      expect(sizeBytes).toBeGreaterThanOrEqual(before);
      before = sizeBytes;
    }
  });
});

describe('for every file and plan', () => {
  test('F67 the ranges tile the file: no gap, no overlap, nothing beyond its end', () => {
    fc.assert(
      fc.property(plans, fileBytes, (plan, size) => {
        let end = 0;
        for (let n = 1; n <= partCount(plan, size); n += 1) {
          const range = rangeWithin(plan, n, size);
          expect(range.partNumber).toBe(n);
          expect(range.offset).toBe(end);
          expect(range.sizeBytes).toBeGreaterThan(0);
          end += range.sizeBytes;
        }
        expect(end).toBe(size);
        expect(rangeWithin(plan, partCount(plan, size) + 1, size).sizeBytes).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test('F20 every part but the tail keeps the limits of S3', () => {
    fc.assert(
      fc.property(plans, fc.integer({ min: 1, max: MAX_PARTS }), (plan, n) => {
        const { sizeBytes } = plannedRange(plan, n);
        expect(sizeBytes).toBeGreaterThanOrEqual(MIN_PART_BYTES);
        expect(sizeBytes).toBeLessThanOrEqual(MAX_PART_BYTES);
      }),
    );
  });

  test('a part never moves while the file grows: its range depends on its number alone', () => {
    fc.assert(
      fc.property(plans, fileBytes, fc.integer({ min: 1, max: GIB }), (plan, size, more) => {
        const whole = lastPartThatMayGo(plan, size);
        for (let n = 1; n <= whole; n += 1)
          expect(rangeWithin(plan, n, size)).toEqual(rangeWithin(plan, n, size + more));
      }),
      { numRuns: 40 },
    );
  });

  test('the number of parts agrees with the bytes they cover', () => {
    fc.assert(
      fc.property(plans, fc.integer({ min: 1, max: MAX_PARTS }), (plan, count) => {
        const bytes = bytesOfParts(plan, count);
        expect(partCount(plan, bytes)).toBe(count);
        expect(partCount(plan, bytes + 1)).toBe(count + 1);
        expect(partCount(plan, bytes - 1)).toBe(count);
      }),
    );
  });
});

describe('lag one: a part goes once the next has begun', () => {
  test.each([
    [0, 0],
    [8 * MIB - 1, 0],
    [8 * MIB, 1],
    [8 * MIB + 1, 1],
    [16 * MIB, 1],
    [16 * MIB + 1, 2],
    [24 * MIB, 2],
    [24 * MIB + 1, 3],
  ])('a file of %d bytes: up to part %d', (size, last) => {
    expect(lastPartThatMayGo(GROWING, size)).toBe(last);
  });

  test('never a part that the file does not fill yet, and never one beyond 10,000', () => {
    fc.assert(
      fc.property(plans, fc.double({ min: 0, max: 60 * TIB, noNaN: true }).map(Math.floor), (plan, size) => {
        const last = lastPartThatMayGo(plan, size);
        expect(bytesOfParts(plan, last)).toBeLessThanOrEqual(size);
        expect(last).toBeLessThanOrEqual(MAX_PARTS);
      }),
    );
  });
});

test('the plan that was made roomier is found again by the number of parts alone', () => {
  fc.assert(
    fc.property(
      plans,
      fc.integer({ min: 1, max: 2 * TIB }),
      fc.integer({ min: 10, max: MAX_PARTS }),
      (plan, size, maxParts) => {
        const used = roomyPlan(plan, size, maxParts);
        const found = planWithParts(plan, size, partCount(used, size));
        expect(found).toEqual(used);
      },
    ),
    // The largest part is hardly larger than the one before it.
    { examples: [[uniformPlan(72 * MIB), 40 * GIB + 1, 10]] },
  );
  expect(planWithParts(GROWING, 100 * GIB, 4_000)).toBeNull();
});
