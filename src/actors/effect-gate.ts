// The gate through which every effect goes: how the daemon drains. Closed, nothing new begins; what runs may end by itself;
// a state whose effect never began still owes it after the next start, so nothing has to be undone.

export class EffectGate {
  #running = 0;
  #closed = false;
  readonly #onClosed = new Set<() => void>();
  #onIdle: (() => void)[] = [];

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Runs the work and counts it. */
  async pass<T>(work: () => Promise<T>): Promise<T> {
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      if (this.#running === 0) for (const tell of this.#onIdle.splice(0)) tell();
    }
  }

  close(): void {
    this.#closed = true;
    for (const tell of this.#onClosed) tell();
    this.#onClosed.clear();
  }

  /** `tell` is called once when the gate closes. Returns how to take that back. */
  whenClosed(tell: () => void): () => void {
    if (this.#closed) tell();
    else this.#onClosed.add(tell);
    return () => this.#onClosed.delete(tell);
  }

  /** Resolves when nothing runs. */
  idle(): Promise<void> {
    return this.#running === 0 ? Promise.resolve() : new Promise((resolve) => this.#onIdle.push(resolve));
  }
}
