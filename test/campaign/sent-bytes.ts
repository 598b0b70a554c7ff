// What was sent more often than needed, from the request log of dev-s3: bytes of parts that S3 had already, in the same upload or another
// one for the same key, and bytes of parts that never became one. Parts whose bytes changed are new parts.

import type { LoggedRequest } from '../../src/dev-s3/request-log.ts';

/** The daemon asks at each start what the server can do. */
const PROBE_FOLDER = '.tailrace-probe/';

/** A daemon that lived on for so long after the answer has heard it and written it down. */
const HEARD_MS = 1_000;

export interface SentBytes {
  readonly neededBytes: number;
  readonly againBytes: number;
  readonly partsAgain: number;
  /** Of these: to another upload of the same key, which was opened for whatever reason. */
  readonly otherUploadBytes: number;
  readonly largestPartBytes: number;
}

interface Stored {
  readonly uploadId: string | null;
  /** The daemon that sent it lived on after the answer. */
  wasHeard: boolean;
}

export class SentTally {
  readonly #stored = new Map<string, Stored>();
  #needed = 0;
  #again = 0;
  #other = 0;
  #parts = 0;
  #largest = 0;

  /**
   * Of one life.
   * @returns parts that were sent again though they were not in flight at any kill: the same bytes, under the same number, to the same upload
   */
  take(requests: readonly LoggedRequest[], endedAtMs: number): readonly string[] {
    const needless: string[] = [];
    for (const { operation, key, partNumber, etag, uploadId, status, receivedBytes, ...times } of requests) {
      if (operation !== 'UploadPart' || key.startsWith(PROBE_FOLDER)) continue;
      this.#largest = Math.max(this.#largest, receivedBytes);
      const part = `${key}\n${partNumber}\n${etag}`;
      const before = etag === null ? undefined : this.#stored.get(part);
      const answeredAtMs = status === 200 && times.endedAtMs !== null ? times.endedAtMs : Number.POSITIVE_INFINITY;
      const wasHeard = answeredAtMs + HEARD_MS < endedAtMs;
      if (etag !== null) this.#stored.set(part, { uploadId, wasHeard: wasHeard || (before?.wasHeard ?? false) });
      if (etag !== null && !before) {
        this.#needed += receivedBytes;
        continue;
      }
      this.#again += receivedBytes;
      this.#parts += 1;
      if (before && before.uploadId !== uploadId) this.#other += receivedBytes;
      else if (before?.wasHeard) needless.push(`part ${partNumber} of ${key} (${receivedBytes} bytes)`);
    }
    return needless;
  }

  sum(): SentBytes {
    const sizes = { neededBytes: this.#needed, againBytes: this.#again, otherUploadBytes: this.#other };
    return { ...sizes, partsAgain: this.#parts, largestPartBytes: this.#largest };
  }
}
