// One connection to the daemon's events, until it breaks. Read with fetch instead of EventSource: that one neither tells of the
// comments by which a silent daemon shows that it lives, nor tries again after an answer that is an error.
//
// E1. Every connection ends: by the daemon, by silence longer than SILENCE_MS, or by its caller.

import { EventParser, type ServerEvent } from '../model/event-parser.ts';
import { authorization, EVENTS_PATH } from './api.ts';

/** The daemon sends a comment every 15 s: two of them may be lost. */
const SILENCE_MS = 40_000;

export interface EventStreamOptions {
  readonly signal: AbortSignal;
  /** Anything at all arrived. */
  readonly onHeard: () => void;
  readonly onEvent: (event: ServerEvent) => void;
}

/** Resolves when the connection is over, with the reason as a sentence. */
export async function readEvents({ signal, onHeard, onEvent }: EventStreamOptions): Promise<string> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE_MS);
    onHeard();
  };
  try {
    const reply = await fetch(EVENTS_PATH, {
      signal: AbortSignal.any([signal, silence.signal]),
      headers: { ...authorization(), Accept: 'text/event-stream' },
      cache: 'no-store',
      credentials: 'omit',
    });
    if (!reply.ok || !reply.body) return refusal(reply.status);
    heard();
    const parser = new EventParser();
    const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return 'The daemon closed the connection.';
      heard();
      for (const event of parser.take(value)) onEvent(event);
    }
  } catch {
    return silence.signal.aborted ? 'The daemon has gone silent.' : 'The daemon does not answer.';
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

const refusal = (status: number): string =>
  status === 503
    ? 'Too many pages are open; this one waits for its turn.'
    : `The daemon answers with status ${status}.`;
