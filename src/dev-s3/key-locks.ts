// One turn at a time per key: whoever changes an object or an upload of a key decides and writes within its turn.
//
// Bodies stream outside; a turn holds only a decision, a small record's write, and its rename. Turns of different keys
// run side by side. A turn that fails does not stop the next.

export class KeyLocks {
  readonly #tails = new Map<string, Promise<unknown>>();

  /** Does anybody hold or await a turn? */
  get isBusy(): boolean {
    return this.#tails.size > 0;
  }

  async run<Result>(key: string, turn: () => Promise<Result>): Promise<Result> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const result = before.then(turn);
    const tail = result.catch(() => undefined);
    this.#tails.set(key, tail);
    try {
      return await result;
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}
