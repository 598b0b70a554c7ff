// The trace of the instrument: bytes written and bytes sent over all streams, second by second, for the last minutes.
//
// Bounded: a ring of SECONDS slots, whatever the number of streams.

/** Two minutes fit the width of a page and of an attention. */
export const SECONDS = 120;

export interface Slot {
  readonly written: number;
  readonly sent: number;
}

/** Parts arrive in lumps: over how many seconds they are spread to be seen as a flow. */
const SMOOTH_SECONDS = 4;
/** As many as `slots` ever gives. */
export const MOST_SLOTS = SECONDS - SMOOTH_SECONDS;

export class Throughput {
  readonly #written = new Float64Array(SECONDS);
  readonly #sent = new Float64Array(SECONDS);
  #second = 0;
  /** Before it nothing is known. */
  #firstSecond = 0;

  add(atMs: number, writtenBytes: number, sentBytes: number): void {
    this.#advance(atMs);
    const slot = this.#second % SECONDS;
    this.#written[slot] = (this.#written[slot] ?? 0) + writtenBytes;
    this.#sent[slot] = (this.#sent[slot] ?? 0) + sentBytes;
  }

  /** Oldest first, as many as are known, each the mean of the seconds up to it. The present second is left out: it is not over. */
  slots(nowMs: number): readonly Slot[] {
    this.#advance(nowMs);
    const slots: Slot[] = [];
    const oldest = Math.min(MOST_SLOTS, this.#second - this.#firstSecond);
    for (let age = oldest; age >= 1; age -= 1) slots.push(this.#meanAt(this.#second - age));
    return slots;
  }

  /** Bytes per second, the mean of the last seconds. */
  present(nowMs: number): Slot {
    this.#advance(nowMs);
    return this.#meanAt(this.#second - 1);
  }

  #meanAt(second: number): Slot {
    let written = 0;
    let sent = 0;
    for (let back = 0; back < SMOOTH_SECONDS; back += 1) {
      const slot = (second - back) % SECONDS;
      written += this.#written[slot] ?? 0;
      sent += this.#sent[slot] ?? 0;
    }
    return { written: written / SMOOTH_SECONDS, sent: sent / SMOOTH_SECONDS };
  }

  #advance(nowMs: number): void {
    const second = Math.floor(nowMs / 1_000);
    const passed = Math.min(SECONDS, second - this.#second);
    for (let back = 0; back < passed; back += 1) {
      const slot = (second - back) % SECONDS;
      this.#written[slot] = 0;
      this.#sent[slot] = 0;
    }
    if (this.#second === 0) this.#firstSecond = second;
    this.#second = Math.max(this.#second, second);
  }
}

/** 1, 2, 3 or 5 times a power of ten, of a binary unit: a scale that does not jump with each byte. */
export function scaleOf(slots: readonly Slot[]): number {
  const most = slots.reduce((top, { written, sent }) => Math.max(top, written, sent), 0);
  let unit = 1024;
  while (unit * 1000 < most) unit *= 1024;
  for (let factor = 1; ; factor *= 10) {
    for (const step of [1, 2, 3, 5]) if (unit * factor * step >= most) return unit * factor * step;
  }
}
