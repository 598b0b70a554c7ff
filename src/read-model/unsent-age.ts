// How old the oldest byte is that S3 does not hold yet: when a file grew to which size, as few points as that needs.
//
// Bounded: at most MAX_POINTS per stream. When they run out every second one is dropped, always the later of two, so that an
// age can come out too high, never too low.

/** 32 points tell an age to about 3 % of the time that the backlog spans. */
const MAX_POINTS = 32;

interface Point {
  readonly sizeBytes: number;
  readonly atMs: number;
}

export class UnsentAge {
  #points: Point[] = [];

  /** `sizeBytes` was reached at `atMs`; all but the last `atRiskBytes` of it are safe. */
  note(sizeBytes: number, atRiskBytes: number, atMs: number): void {
    const safeBytes = sizeBytes - atRiskBytes;
    // A file that was cut off begins anew.
    if (sizeBytes < (this.#points.at(-1)?.sizeBytes ?? 0)) this.#points = [];
    if (sizeBytes > (this.#points.at(-1)?.sizeBytes ?? 0)) this.#points.push({ sizeBytes, atMs });
    while ((this.#points[0]?.sizeBytes ?? Number.POSITIVE_INFINITY) <= safeBytes) this.#points.shift();
    if (this.#points.length > MAX_POINTS) this.#thin();
    // Bytes at risk without a point: parts that were safe were lost (an upload vanished). Their age counts from now.
    if (atRiskBytes > 0 && this.#points.length === 0) this.#points.push({ sizeBytes, atMs });
  }

  /** Epoch ms at which the oldest unsent byte was seen first; null: everything is safe. */
  sinceMs(): number | null {
    return this.#points[0]?.atMs ?? null;
  }

  /** A byte belongs to the first point at or above its offset: keeping the earlier time for the larger size errs upwards. */
  #thin(): void {
    const thinned: Point[] = [];
    for (let i = 0; i < this.#points.length; i += 2) {
      const first = this.#points[i];
      const second = this.#points[i + 1] ?? first;
      if (first && second) thinned.push({ sizeBytes: second.sizeBytes, atMs: first.atMs });
    }
    this.#points = thinned;
  }
}
