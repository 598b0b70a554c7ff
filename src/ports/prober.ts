// The prober: what kind of media a file holds, for the receipt. Looks, never writes. It answers for every file in bounded time and
// with a bounded answer: what cannot be told has a reason, and no stream ever fails for it.

import type { FileRef } from '../machines/file-identity.ts';

/** As it stands in the receipt, whose names are an API. Whatever the file does not say is left out. */
export interface Media {
  /** In ffprobe's words: `matroska,webm`. */
  readonly format: string;
  readonly duration_seconds?: number;
  readonly start_seconds?: number;
  readonly bit_rate?: number;
  readonly created_at?: string;
  readonly encoder?: string;
  /** All that the file says it has; `streams` are the first of them. */
  readonly stream_count: number;
  readonly streams: readonly MediaStream[];
}

export interface MediaStream {
  readonly index?: number;
  /** `video`, `audio`, `subtitle`, `data`. */
  readonly type?: string;
  readonly codec?: string;
  readonly profile?: string;
  readonly width?: number;
  readonly height?: number;
  readonly pixel_format?: string;
  /** A fraction: `30000/1001`. */
  readonly frame_rate?: string;
  readonly sample_rate?: number;
  readonly channels?: number;
  readonly channel_layout?: string;
  readonly bit_rate?: number;
  readonly duration_seconds?: number;
  readonly language?: string;
}

export type Probed = { readonly media: Media } | { readonly media: null; readonly reason: string };

export interface Prober {
  /** The stream's own file, also when its name is gone. `signal` ends the probe; the answer is then of no use. */
  probe(file: FileRef, signal: AbortSignal): Promise<Probed>;
}
