// Time for the daemon: the wall's at start, and from then on what the monotonic clock says has passed. A wall clock that jumps
// (NTP, a person) moves no deadline; after a restart the wall counts again.
//
// The moments while the machine is suspended do not pass here. Timers never keep the process alive.

import type { Clock } from '../ports/clock.ts';

/** setTimeout fires at once beyond 2^31 - 1 ms; a long wait is cut into pieces, and looked at again after each. */
const MAX_TIMER_MS = 24 * 3600 * 1000;

export function createMonotonicClock(): Clock {
  const startedAtMs = Date.now();
  const origin = performance.now();
  const nowMs = (): number => startedAtMs + Math.floor(performance.now() - origin);

  function waitUntil(epochMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || !(epochMs > nowMs())) return Promise.resolve();
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const finish = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', finish);
        resolve();
      };
      // Node's timers may fire up to a millisecond early: look again rather than wake too soon.
      const arm = (): void => {
        const leftMs = epochMs - nowMs();
        if (leftMs > 0) timer = setTimeout(arm, Math.min(leftMs, MAX_TIMER_MS)).unref();
        else finish();
      };
      signal.addEventListener('abort', finish);
      arm();
    });
  }

  return { nowMs, waitUntil };
}
