// All streams that a running daemon shows, its pages gathered into one reply.

import type { DaemonFile } from '../http/daemon-file.ts';
import type { StreamView } from '../ports/stream-view.ts';
import type { DaemonView } from '../ports/views.ts';
import { MAX_PAGE, type Totals } from '../read-model/read-model.ts';
import { askDaemon } from './ask-daemon.ts';

/** As `/api/v1/streams` gives it, all pages in one. `daemon` is null when the journal was read instead. */
export interface StreamsReply {
  readonly streams: readonly StreamView[];
  readonly next: string | null;
  readonly totals: Totals;
  readonly daemon: DaemonView | null;
}

export type Gathered =
  | { readonly kind: 'reply'; readonly reply: StreamsReply }
  | { readonly kind: 'nobody' }
  | { readonly kind: 'trouble'; readonly detail: string };

/** All pages; streams that come and go meanwhile may be missed, none is told twice. */
export async function gatherStreams(file: DaemonFile): Promise<Gathered> {
  const streams: StreamView[] = [];
  let after: string | null = null;
  while (true) {
    const asked = await askDaemon(file, `/api/v1/streams?limit=${MAX_PAGE}${after === null ? '' : `&after=${after}`}`);
    if (asked.kind !== 'answered') return asked;
    if (!isReply(asked.content)) return { kind: 'trouble', detail: 'its answer is not understood (another version?)' };
    streams.push(...asked.content.streams);
    const next: string | null = asked.content.next;
    if (next === null) return { kind: 'reply', reply: { ...asked.content, streams } };
    if (after !== null && next <= after) return { kind: 'trouble', detail: 'its pages do not advance' };
    after = next;
  }
}

function isReply(content: unknown): content is StreamsReply {
  if (typeof content !== 'object' || content === null) return false;
  const { streams, next, totals, daemon } = content as Record<string, unknown>;
  const whole = typeof totals === 'object' && totals !== null && typeof daemon === 'object';
  return Array.isArray(streams) && whole && (next === null || typeof next === 'string');
}
