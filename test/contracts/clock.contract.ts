// What every clock promises. `pass` makes that much time pass: by hand for a hand clock, by living for a real one.

import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { Clock } from '../../src/ports/clock.ts';

export interface ClockUnderTest {
  readonly clock: Clock;
  readonly pass: (ms: number) => Promise<void>;
}

export function clockContract(name: string, create: () => ClockUnderTest): void {
  describe(`clock: ${name}`, () => {
    test('tells whole milliseconds since 1970 that never go back', () => {
      const { clock } = create();
      let last = clock.nowMs();
      expect(Number.isInteger(last)).toBe(true);
      for (let i = 0; i < 10_000; i++) {
        const now = clock.nowMs();
        expect(now).toBeGreaterThanOrEqual(last);
        last = now;
      }
    });

    test('a moment that has passed is not waited for', async () => {
      const { clock } = create();
      const { signal } = new AbortController();
      await clock.waitUntil(clock.nowMs(), signal);
      await clock.waitUntil(0, signal);
      await clock.waitUntil(Number.NaN, signal);
      expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    });

    test('waits for the moment, and never wakes before it', async () => {
      const { clock, pass } = create();
      const due = clock.nowMs() + 30;
      const woken = clock.waitUntil(due, new AbortController().signal).then(() => clock.nowMs());
      await pass(60);
      expect(await woken).toBeGreaterThanOrEqual(due);
    });

    test('who waits for longer than a timer can is not woken at once', async () => {
      const { clock, pass } = create();
      const controller = new AbortController();
      let awake = false;
      const waiting = clock.waitUntil(clock.nowMs() + 60 * 24 * 3600 * 1000, controller.signal).then(() => {
        awake = true;
      });
      await pass(30);
      expect(awake).toBe(false);
      controller.abort();
      await waiting;
    });

    test('a signal ends the wait, and no listener stays on it', async () => {
      const { clock, pass } = create();
      const controller = new AbortController();
      const waits = Array.from({ length: 50 }, () => clock.waitUntil(clock.nowMs() + 20, controller.signal));
      await pass(40);
      await Promise.all(waits);
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
      const forever = clock.waitUntil(Number.POSITIVE_INFINITY, controller.signal);
      controller.abort();
      await forever;
      await clock.waitUntil(Number.POSITIVE_INFINITY, controller.signal);
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    });
  });
}
