// A clock that moves only when told to. Waiters wake in the order of their moments, and of their asking where the moments are equal,
// so that a simulation is the same at every run. `nextDueMs` lets a simulation step from one moment to the next.

import type { Clock } from '../../src/ports/clock.ts';

export interface HandClock extends Clock {
  advanceMs(ms: number): void;
  /** Sets the time, waking on the way whoever is due. Never goes back. */
  advanceTo(epochMs: number): void;
  /** The earliest moment that somebody waits for. */
  nextDueMs(): number | null;
  waiting(): number;
}

interface Waiter {
  readonly epochMs: number;
  readonly wake: () => void;
}

export function createHandClock(startMs = 1_800_000_000_000): HandClock {
  let now = startMs;
  let waiters: Waiter[] = [];

  const next = (): Waiter | null =>
    waiters.reduce<Waiter | null>((first, one) => (first && first.epochMs <= one.epochMs ? first : one), null);

  function advanceTo(epochMs: number): void {
    for (let due = next(); due && due.epochMs <= epochMs; due = next()) {
      now = Math.max(now, due.epochMs);
      due.wake();
    }
    now = Math.max(now, epochMs);
  }

  return {
    nowMs: () => now,
    waitUntil(epochMs, signal) {
      if (signal.aborted || !(epochMs > now)) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = (): void => {
          waiters = waiters.filter((one) => one !== waiter);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        const waiter: Waiter = { epochMs, wake };
        waiters.push(waiter);
        signal.addEventListener('abort', wake);
      });
    },
    advanceMs: (ms) => advanceTo(now + ms),
    advanceTo,
    nextDueMs: () => next()?.epochMs ?? null,
    waiting: () => waiters.length,
  };
}
