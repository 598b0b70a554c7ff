// How fast a stream moves, told from successive views: written (the file grew) and sent (S3 acknowledged). Views come when
// something changed, so silence means that nothing did.
//
// Bounded: at most MAX_POINTS views of the last WINDOW_MS, and the one before them, from which the first step is counted.

/** Long enough that a part of 8 MiB each few seconds gives a steady number, short enough to see a stop. */
export const WINDOW_MS = 10_000;
/** Views come four times a second. */
const MAX_POINTS = 44;
/** A rate over less is noise. */
const SHORTEST_MS = 1_000;

interface Point {
  readonly atMs: number;
  readonly writtenBytes: number;
  readonly sentBytes: number;
}

export interface Rate {
  /** Bytes per second. */
  readonly written: number;
  readonly sent: number;
}

export const AT_REST: Rate = { written: 0, sent: 0 };

export class RateMeter {
  #points: Point[] = [];

  note(atMs: number, writtenBytes: number, sentBytes: number): void {
    const last = this.#points.at(-1);
    // Cut off, or a new generation: what was before has nothing to do with it.
    if (last && (writtenBytes < last.writtenBytes || sentBytes < last.sentBytes)) this.#points = [];
    this.#points.push({ atMs, writtenBytes, sentBytes });
    while (this.#points.length > MAX_POINTS || (this.#points[1]?.atMs ?? atMs) <= atMs - WINDOW_MS)
      this.#points.shift();
  }

  at(nowMs: number): Rate {
    const fromMs = nowMs - WINDOW_MS;
    // The last point before the window: what it held still held when the window began.
    const within = this.#points.findIndex((point) => point.atMs > fromMs);
    const last = this.#points.at(-1);
    const base = this.#points[Math.max(0, within - 1)];
    if (within < 0 || !last || !base || base === last) return AT_REST;
    const seconds = Math.max(SHORTEST_MS, nowMs - Math.max(base.atMs, fromMs)) / 1_000;
    return {
      written: (last.writtenBytes - base.writtenBytes) / seconds,
      sent: (last.sentBytes - base.sentBytes) / seconds,
    };
  }
}
