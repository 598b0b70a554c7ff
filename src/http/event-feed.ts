// `GET /api/v1/events`: what changes, as server-sent events, gathered for EVENTS_EVERY_MS and written once for all who listen.
//
// F1. Nobody listening costs nothing: no watching, no timer, nothing kept.
// F2. Bounded: listeners, streams per event, and what waits for a slow listener: beyond that it is cut off and starts anew.
// F3. An event is one line of JSON: no name or path can forge another one.

import type { ServerResponse } from 'node:http';
import type { StreamId } from '../machines/ids.ts';
import type { ReadModel } from '../read-model/read-model.ts';
import {
  EVENT_COMMENT_EVERY_MS,
  EVENTS_EVERY_MS,
  MAX_EVENT_BACKLOG_BYTES,
  MAX_EVENT_CLIENTS,
  MAX_STREAMS_PER_EVENT,
} from './http-limits.ts';
import { errorReply, type LiveReply, type Reply } from './reply.ts';

export interface EventFeedOptions {
  readonly readModel: ReadModel;
  /** Of the program, told in `hello`. */
  readonly version: string;
}

export class EventFeed {
  readonly #options: EventFeedOptions;
  readonly #clients = new Set<ServerResponse>();
  /** In the order in which they changed; told when their turn comes, as they are then. */
  readonly #changed = new Set<StreamId>();
  readonly #forgotten = new Set<StreamId>();
  /** As told last, so that what did not change is not told again. */
  #totals = '';
  #daemon = '';
  #flush: NodeJS.Timeout | null = null;
  #comments: NodeJS.Timeout | null = null;
  #stopWatching: (() => void) | null = null;
  #closed = false;

  constructor(options: EventFeedOptions) {
    this.#options = options;
  }

  /** How many listen. */
  get size(): number {
    return this.#clients.size;
  }

  reply(): Reply | LiveReply {
    if (this.#closed || this.#clients.size >= MAX_EVENT_CLIENTS) {
      const why = this.#closed ? 'The daemon is ending.' : `${MAX_EVENT_CLIENTS} listen already.`;
      return { ...errorReply(503, 'too_many_listeners', why), headers: { 'Retry-After': '5' } };
    }
    return {
      status: 200,
      contentType: 'text/event-stream; charset=utf-8',
      begin: (response) => this.#join(response),
    };
  }

  /** Ends the connections of all who listen. */
  close(): void {
    this.#closed = true;
    for (const client of [...this.#clients]) {
      this.#leave(client);
      client.end();
    }
  }

  #join(response: ServerResponse): void {
    this.#clients.add(response);
    response.once('close', () => this.#leave(response));
    response.once('error', () => this.#leave(response));
    // Silence is usual here: it is no reason for the listener to hang up.
    response.socket?.setTimeout(0);
    const { readModel, version } = this.#options;
    // What was told before this one came may be older than its hello.
    this.#totals = '';
    this.#daemon = '';
    this.#write(response, event('hello', { daemon: readModel.daemon(), totals: readModel.totals(), version }));
    this.#stopWatching ??= readModel.watch({
      streamChanged: (id) => {
        this.#forgotten.delete(id);
        this.#changed.add(id);
        this.#flushSoon();
      },
      streamForgotten: (id) => {
        this.#changed.delete(id);
        this.#forgotten.add(id);
        this.#flushSoon();
      },
      daemonChanged: () => this.#flushSoon(),
    });
    this.#comments ??= setInterval(() => this.#toAll(':\n\n'), EVENT_COMMENT_EVERY_MS);
  }

  #leave(response: ServerResponse): void {
    if (!this.#clients.delete(response) || this.#clients.size > 0) return;
    this.#stopWatching?.();
    this.#stopWatching = null;
    if (this.#flush) clearTimeout(this.#flush);
    if (this.#comments) clearInterval(this.#comments);
    this.#flush = null;
    this.#comments = null;
    this.#changed.clear();
    this.#forgotten.clear();
  }

  #flushSoon(): void {
    this.#flush ??= setTimeout(() => {
      this.#flush = null;
      this.#toAll(this.#gathered());
      if (this.#changed.size > 0 && this.#clients.size > 0) this.#flushSoon();
    }, EVENTS_EVERY_MS);
  }

  #gathered(): string {
    const { readModel } = this.#options;
    let text = '';
    const ids = [...this.#changed].slice(0, MAX_STREAMS_PER_EVENT);
    for (const id of ids) this.#changed.delete(id);
    const streams = ids.map((id) => readModel.one(id)).filter((view) => view !== null);
    if (streams.length > 0) text += event('streams', streams);
    if (this.#forgotten.size > 0) text += event('forgotten', [...this.#forgotten]);
    this.#forgotten.clear();
    const totals = event('totals', readModel.totals());
    const daemon = event('daemon', readModel.daemon());
    if (totals !== this.#totals) text += totals;
    if (daemon !== this.#daemon) text += daemon;
    this.#totals = totals;
    this.#daemon = daemon;
    return text;
  }

  #toAll(text: string): void {
    if (text === '') return;
    for (const client of [...this.#clients]) this.#write(client, text);
  }

  #write(client: ServerResponse, text: string): void {
    if (client.writableLength <= MAX_EVENT_BACKLOG_BYTES) client.write(text);
    else client.destroy();
  }
}

/** JSON has no line breaks outside of its strings, and writes those inside out. */
const event = (name: string, data: unknown): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
