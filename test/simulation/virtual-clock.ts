// The time of a simulated world: it moves from one moment that somebody waits for to the next, and wakes one waiter at a time,
// in the order of moments, and of asking where moments are equal. The world, unlike a process in it, never dies.

interface Waiter {
  readonly epochMs: number;
  readonly order: number;
  readonly wake: () => void;
  /** False: cancelled. */
  live: boolean;
}

export class VirtualClock {
  #nowMs: number;
  #orders = 0;
  /** Ascending; at most some dozens, so that inserting by shifting is cheap. */
  readonly #waiters: Waiter[] = [];

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Calls `wake` at the moment (or as soon as possible after it). Returns how to take that back. */
  at(epochMs: number, wake: () => void): () => void {
    const waiter: Waiter = { epochMs: Math.max(epochMs, this.#nowMs), order: this.#orders++, wake, live: true };
    let at = this.#waiters.length;
    while (at > 0 && (this.#waiters[at - 1] as Waiter).epochMs > waiter.epochMs) at -= 1;
    this.#waiters.splice(at, 0, waiter);
    return () => {
      waiter.live = false;
    };
  }

  after(ms: number, wake: () => void): () => void {
    return this.at(this.#nowMs + ms, wake);
  }

  /** The earliest moment that somebody waits for. */
  nextDueMs(): number | null {
    while (this.#waiters[0]?.live === false) this.#waiters.shift();
    return this.#waiters[0]?.epochMs ?? null;
  }

  /** Goes to the next moment and wakes its first waiter; false when that would be after `untilMs`: then it is `untilMs`. */
  step(untilMs: number): boolean {
    const dueMs = this.nextDueMs();
    if (dueMs === null || dueMs > untilMs) {
      this.#nowMs = Math.max(this.#nowMs, untilMs);
      return false;
    }
    this.#nowMs = dueMs;
    this.#waiters.shift()?.wake();
    return true;
  }

  get waiting(): number {
    return this.#waiters.filter((waiter) => waiter.live).length;
  }
}
