// When work that failed is tried again.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { failureOf } from '../../src/machines/failure.ts';
import { streamId } from '../../src/machines/ids.ts';
import { MAX_DELAY_MS, retryDelayMs } from '../../src/machines/retry-plan.ts';

const ids = fc.string({ minLength: 32, maxLength: 32, unit: fc.constantFrom(...'0123456789abcdef') }).map(streamId);
const attempts = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 1_000_000 }));

test('a retry never comes at once and never later than a minute, however often it failed', () => {
  fc.assert(
    fc.property(ids, attempts, (id, attempt) => {
      const delay = retryDelayMs(id, attempt);
      const doubled = Math.min(500 * 2 ** Math.min(attempt - 1, 20), MAX_DELAY_MS);
      expect(delay).toBeGreaterThanOrEqual(doubled / 2);
      expect(delay).toBeLessThanOrEqual(doubled);
    }),
  );
});

/** Written down once: a change of the hash changes every replay. */
const KNOWN_DELAY_MS = 1_963;

test('the same stream and attempt wait equally long in every run', () => {
  expect(retryDelayMs(streamId('0123456789abcdef0123456789abcdef'), 3)).toBe(KNOWN_DELAY_MS);
});
test('streams that fail together spread out', () => {
  const delays = Array.from({ length: 400 }, (_, n) => retryDelayMs(streamId(n.toString(16).padStart(32, '0')), 8));
  const quarters = [0, 1, 2, 3].map(
    (q) => delays.filter((ms) => Math.min(3, Math.floor((ms - 30_000) / 7_500)) === q).length,
  );
  for (const count of quarters) expect(count).toBeGreaterThan(50);
});

test("a server's own wish is kept, up to ten minutes", () => {
  const id = streamId('0123456789abcdef0123456789abcdef');
  const asked = (retryAfterMs: number) => failureOf('s3_throttled', 'slow down', { retryAfterMs });
  expect(retryDelayMs(id, 1, asked(90_000))).toBe(90_000);
  expect(retryDelayMs(id, 1, asked(86_400_000))).toBe(600_000);
  expect(retryDelayMs(id, 1, asked(1))).toBe(retryDelayMs(id, 1));
});
