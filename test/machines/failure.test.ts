// The failure table: what people read of it, and that a failure stays data.

import { describe, expect, test } from 'vitest';
import { FAILURE_CODES, failureOf, failureRow, kindOf } from '../../src/machines/failure.ts';

describe.each(FAILURE_CODES)('%s', (code) => {
  const { hint, cure, kind } = failureRow(code);

  test('has a hint in sentences that fits one line', () => {
    expect(hint).toMatch(/^[A-Z/].*[.?]$/);
    expect(hint).not.toMatch(/\s{2}|\n/);
    expect(hint.length).toBeLessThan(220);
  });

  test('says who can cure it', () => {
    expect(['nobody needed', 'operator', 'bucket owner', 'file owner', 'developers']).toContain(cure);
    // What waits for a person must name one.
    if (kind === 'refused' || kind === 'conflict' || kind === 'limit') expect(cure).not.toBe('nobody needed');
  });

  test('survives JSON', () => {
    const failure = failureOf(code, 'seen', { retryAfterMs: 5, answered: false, during: 'recovering' });
    expect(JSON.parse(JSON.stringify(failure))).toEqual(failure);
    expect(kindOf(failure)).toBe(kind);
  });
});

test('a detail is one line, and not longer than a row of a page', () => {
  expect(failureOf('bug', '  a\n\tb  ').detail).toBe('a b');
  const long = failureOf('bug', 'x'.repeat(5_000)).detail;
  expect(long).toHaveLength(300);
  expect(long.endsWith('…')).toBe(true);
  expect(failureOf('bug', 'x'.repeat(300)).detail).toBe('x'.repeat(300));
});
