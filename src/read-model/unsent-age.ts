// How old the oldest byte is that S3 does not hold yet: when a file grew to which size, as few points as that needs.
//
// Bounded: at most MAX_POINTS per stream. When they run out, the two neighbours that together cover the shortest time become one
// with the earlier time, so that an age comes out a little too high, never too low.

/** 32 points tell an age to about 7 % of the time that the backlog spans. */
export const MAX_POINTS = 32;

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
    if (this.#points.length > MAX_POINTS) this.#mergeShortest(atMs);
    // Bytes at risk without a point: parts that were safe were lost (an upload vanished). Their age counts from now.
    if (atRiskBytes > 0 && this.#points.length === 0) this.#points.push({ sizeBytes, atMs });
  }

  /** Epoch ms at which the oldest unsent byte was seen first; null: everything is safe. */
  sinceMs(): number | null {
    return this.#points[0]?.atMs ?? null;
  }

  /** What it costs, at most MAX_POINTS. */
  pointCount(): number {
    return this.#points.length;
  }

  /** A byte belongs to the first point at or above its offset: the earlier time for the larger size errs upwards. */
  #mergeShortest(nowMs: number): void {
    let shortest = 0;
    let shortestMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#points.length - 1; i += 1) {
      const coveredMs = (this.#points[i + 2]?.atMs ?? nowMs) - (this.#points[i]?.atMs ?? 0);
      if (coveredMs < shortestMs) [shortest, shortestMs] = [i, coveredMs];
    }
    const [first, second] = this.#points.slice(shortest, shortest + 2);
    if (first && second) this.#points.splice(shortest, 2, { sizeBytes: second.sizeBytes, atMs: first.atMs });
  }
}
