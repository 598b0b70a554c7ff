// One connection to the daemon's events, until it breaks. Read with fetch instead of EventSource: that one neither tells of the
// comments by which a silent daemon shows that it lives, nor tries again after an answer that is an error.
//
// E1. Every connection ends: by the daemon, by silence longer than SILENCE_MS, or by its caller.

import { EventParser, type ServerEvent } from '../model/event-parser.ts';
import { authorization, EVENTS_PATH } from './api.ts';

/** The daemon sends a comment every 15 s: two of them may be lost. */
const SILENCE_MS = 40_000;

const UNAUTHORIZED = 401;

export interface EventStreamOptions {
  readonly signal: AbortSignal;
  /** Anything at all arrived. */
  readonly onHeard: () => void;
  readonly onEvent: (event: ServerEvent) => void;
}

/** How a connection was over. */
export interface EventsEnd {
  /** As a sentence. */
  readonly why: string;
  /** The daemon tells nothing without its token. */
  readonly needsToken: boolean;
}

const ended = (why: string, needsToken = false): EventsEnd => ({ why, needsToken });

/** Resolves when the connection is over. */
export async function readEvents({ signal, onHeard, onEvent }: EventStreamOptions): Promise<EventsEnd> {
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
      if (done) return ended('The daemon closed the connection.');
      heard();
      for (const event of parser.take(value)) onEvent(event);
    }
  } catch {
    return ended(silence.signal.aborted ? 'The daemon has gone silent.' : 'The daemon does not answer.');
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

function refusal(status: number): EventsEnd {
  if (status === 503) return ended('Too many pages are open; this one waits for its turn.');
  if (status === UNAUTHORIZED) return ended('The daemon tells nothing without its token.', true);
  return ended(`The daemon answers with status ${status}.`);
}
