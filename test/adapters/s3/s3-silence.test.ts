// How long a connection may be silent while a part is sent.

import { expect, test } from 'vitest';
import { Silence } from '../../../src/adapters/s3-silence.ts';

const MINUTE = 60_000;

function raisedTwice(): Silence {
  const silence = new Silence(MINUTE);
  for (let n = 0; n < 2; n += 1) silence.gaveUpAfter(silence.allowedMs);
  return silence;
}

test('each time that a part was given up, the next gets longer, up to an hour', () => {
  const silence = new Silence(MINUTE);
  const seen = [1, 2, 3, 4].map(() => {
    silence.gaveUpAfter(silence.allowedMs);
    return silence.allowedMs / MINUTE;
  });
  expect(seen).toEqual([4, 16, 64, 64]);
  expect(silence.allowancesMs).toContain(silence.allowedMs);
});

test('parts that stall together raise it once', () => {
  const silence = new Silence(MINUTE);
  for (let n = 0; n < 8; n += 1) silence.gaveUpAfter(MINUTE);
  expect(silence.allowedMs).toBe(4 * MINUTE);
});

test('a short tail that is answered soon does not make whole parts be given up again', () => {
  const silence = raisedTwice();
  for (let n = 0; n < 200; n += 1) silence.answeredAfter(n % 20 === 0 ? 5 * MINUTE : 1_000);
  expect(silence.allowedMs).toBe(16 * MINUTE);
});

test('answers that come sooner, many in a row, make it shorter again, step by step, and never shorter than it was', () => {
  const silence = raisedTwice();
  const steps = new Set<number>();
  for (let n = 0; n < 200; n += 1) {
    silence.answeredAfter(1_000);
    steps.add(silence.allowedMs / MINUTE);
  }
  expect([...steps]).toEqual([16, 4, 1]);
});
