// How long a connection may be silent while a part is sent.
//
// A stall should be noticed long before the part's deadline. But a proxy that takes a whole part at once and passes it on over a slow line
// is just as silent, and who gives up there after the same time again and again never gets a part through. So after giving up the next
// parts get longer, up to their deadline; and a number of answers that came sooner makes it shorter again.

/** Of the first: 60 s, then 4 min, 16 min, an hour. The deadline of 8 MiB is 18 min. */
const RAISES = [1, 4, 16, 64];
/** A short tail that is answered soon says nothing about a whole part: so many in a row do. */
const SOON_ANSWERS = 32;

export class Silence {
  /** All that may ever be allowed, ascending. */
  readonly allowancesMs: readonly number[];
  #at = 0;
  #soon = 0;

  constructor(firstMs: number) {
    this.allowancesMs = RAISES.map((raise) => firstMs * raise);
  }

  get allowedMs(): number {
    return this.allowancesMs[this.#at] ?? 0;
  }

  /** @param allowedMs when the part was begun: parts that stall together raise it once */
  gaveUpAfter(allowedMs: number): void {
    if (allowedMs === this.allowedMs && this.#at < RAISES.length - 1) this.#at += 1;
    this.#soon = 0;
  }

  answeredAfter(ms: number): void {
    const lessMs = this.allowancesMs[this.#at - 1];
    if (lessMs === undefined) return;
    this.#soon = ms < lessMs ? this.#soon + 1 : 0;
    if (this.#soon < SOON_ANSWERS) return;
    this.#at -= 1;
    this.#soon = 0;
  }
}
