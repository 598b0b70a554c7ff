// The log of requests, for tests and people to look at: the newest MAX_LOGGED_REQUESTS.
//
// An entry is there before the first byte of its reply is: whoever has a reply finds it in the log. Until the reply's end it
// may still change: sentBytes grows, and a reply that could not be sent whole loses its status.

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
  /** Of what was stored, without quotes; also when nobody was left to hear it. Null: the request stored nothing. */
  readonly etag: string | null;
  /** Of the request's body. */
  readonly receivedBytes: number;
  /** Of the reply's body. */
  readonly sentBytes: number;
  readonly fault: FaultKind | null;
  readonly startedAtMs: number;
  /** Null while the reply is being sent. */
  readonly endedAtMs: number | null;
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
