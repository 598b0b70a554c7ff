// The notifier: tells somebody outside that a stream is completed or has failed. One attempt in bounded time; whether and when there
// is another is decided by who asks. It may be told the same notice several times.

import type { StreamStatus } from '../machines/stream-status.ts';

/** As the receiver gets it, as JSON: the names are an API. */
export interface Notice {
  /** The same for every attempt, and for a completion also after a restart: who must not act twice looks at it. */
  readonly id: string;
  /** `completed` or one of the `failed_*`. */
  readonly status: StreamStatus;
  readonly stream_id: string;
  readonly generation: number;
  readonly path: string;
  /** null while there is no target. */
  readonly bucket: string | null;
  readonly key: string | null;
  /** Of the object, or of the file as last seen. */
  readonly size: number;
  /** Of the proven object; null for what failed. */
  readonly etag: string | null;
  readonly crc32: string | null;
  readonly failure: { readonly code: string; readonly detail: string; readonly hint: string } | null;
  /** True: it failed for a cause that somebody can cure, and goes on by itself when that is done. */
  readonly will_retry: boolean;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** `detail`: one line for people, without secrets. */
export type Delivery = { readonly delivered: true } | { readonly delivered: false; readonly detail: string };

export interface Notifier {
  readonly name: 'webhook' | 'command';
  /** What the operator may do when it fails. */
  readonly cure: string;
  notify(notice: Notice, signal: AbortSignal): Promise<Delivery>;
}
