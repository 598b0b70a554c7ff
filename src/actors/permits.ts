// A bounded number of things at once, first come first served. Who waits is found again by its signal, so that an aborted
// waiter takes no permit with it.

export class Permits {
  #free: number;
  readonly #waiting: { readonly count: number; readonly grant: () => void }[] = [];

  /** `total`: how many may be out at once. */
  constructor(total: number) {
    this.#free = total;
  }

  /** Resolves to the function that gives the permits back; null when `signal` fired first. */
  async take(count: number, signal: AbortSignal): Promise<(() => void) | null> {
    if (signal.aborted) return null;
    if (this.#waiting.length > 0 || this.#free < count) {
      const granted = await this.#wait(count, signal);
      if (!granted) return null;
    } else {
      this.#free -= count;
    }
    let out = true;
    return () => {
      if (!out) return;
      out = false;
      this.#free += count;
      this.#serve();
    };
  }

  #wait(count: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const entry = {
        count,
        grant: () => {
          signal.removeEventListener('abort', giveUp);
          resolve(true);
        },
      };
      const giveUp = () => {
        const at = this.#waiting.indexOf(entry);
        if (at >= 0) this.#waiting.splice(at, 1);
        resolve(false);
        this.#serve();
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting.push(entry);
    });
  }

  #serve(): void {
    for (let next = this.#waiting[0]; next && next.count <= this.#free; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#free -= next.count;
      next.grant();
    }
  }
}
