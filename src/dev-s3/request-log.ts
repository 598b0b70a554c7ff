// The log of requests, for tests and people to look at: the newest MAX_LOGGED_REQUESTS, each written when it ended.

import type { FaultKind } from './faults.ts';
import { MAX_LOGGED_REQUESTS } from './limits.ts';
import type { OperationName } from './router.ts';

export type LoggedRequest = {
  readonly requestId: string;
  /** Null when the request made no sense. */
  readonly operation: OperationName | null;
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  readonly partNumber: number | null;
  readonly uploadId: string | null;
  /** Null when no reply was sent, or not all of it. */
  readonly status: number | null;
  /** The S3 error that was answered. */
  readonly code: string | null;
  /** What went wrong in this server itself: a defect, or the disk. */
  readonly defect: string | null;
  /** Of the request's body. */
  readonly receivedBytes: number;
  /** Of the reply's body. */
  readonly sentBytes: number;
  readonly fault: FaultKind | null;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
};

export class RequestLog {
  #entries: LoggedRequest[] = [];

  append(entry: LoggedRequest): void {
    this.#entries.push(entry);
    // Cut in halves, so that a full log does not cost a copy for every request.
    if (this.#entries.length >= 2 * MAX_LOGGED_REQUESTS) this.#entries = this.#entries.slice(-MAX_LOGGED_REQUESTS);
  }

  /** Oldest first. */
  all(): readonly LoggedRequest[] {
    return this.#entries.slice(-MAX_LOGGED_REQUESTS);
  }

  clear(): void {
    this.#entries = [];
  }
}
