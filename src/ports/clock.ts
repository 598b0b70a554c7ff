// Time. Epoch milliseconds that never go back within a run (wall time at start plus monotonic time since).

export interface Clock {
  nowMs(): number;
  /** Resolves at the moment, at once when it has passed, or when `signal` fires (callers look at the signal). Keeps no process alive. */
  waitUntil(epochMs: number, signal: AbortSignal): Promise<void>;
}
