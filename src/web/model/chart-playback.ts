// A stream can pass through five states between two frames. The chart shows each of them for a moment, in order, and is never
// long behind: the more wait, the faster they go by.

/** Long enough to be seen. */
const STEP_MS = 260;
/** Shared by all that wait: forty are played within three seconds. */
const BURST_MS = 700;
/** A broken daemon could loop: only the newest are played. */
const MAX_WAITING = 40;

export class ChartPlayback {
  #waiting: string[] = [];
  #shown: string | null = null;

  get state(): string | null {
    return this.#shown;
  }

  /** States entered, oldest first. The first that is ever given is shown at once. */
  enter(states: readonly string[]): void {
    const [first, ...rest] = states;
    if (first === undefined) return;
    if (this.#shown === null) this.#shown = states.at(-1) ?? null;
    else this.#waiting = [...this.#waiting, first, ...rest].slice(-MAX_WAITING);
  }

  /** The newest state that is known of. */
  get newest(): string | null {
    return this.#waiting.at(-1) ?? this.#shown;
  }

  /** ms until `step` is due; null: nothing waits. */
  get nextStepMs(): number | null {
    return this.#waiting.length === 0 ? null : Math.min(STEP_MS, BURST_MS / this.#waiting.length);
  }

  /** Shows the next one. null: nothing changed. */
  step(): { readonly from: string; readonly to: string } | null {
    const to = this.#waiting.shift();
    const from = this.#shown;
    if (to === undefined || from === null) return null;
    this.#shown = to;
    return from === to ? null : { from, to };
  }
}
