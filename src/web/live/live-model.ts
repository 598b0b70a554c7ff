// What the page knows, kept up to date: connects, reads the list, takes events, comes back after breaks. Views subscribe and are
// told at most once per frame, and once a second because ages grow.
//
// M1. The list is read after each `hello`; events that come meanwhile wait, and are applied on top of it.
// M2. A broken connection is told at once, tried again with back-off, and never ends the page.

import type { DaemonView } from '../../ports/views.ts';
import type { ShownStream, Totals } from '../../read-model/read-model.ts';
import { backoffMs } from '../model/backoff.ts';
import type { ServerEvent } from '../model/event-parser.ts';
import { StreamList } from '../model/stream-list.ts';
import { Throughput } from '../model/throughput.ts';
import { getStreams } from './api.ts';
import { type EventsEnd, readEvents } from './event-stream.ts';

export type Connection =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | ({ readonly kind: 'lost'; readonly nextTryAtMs: number } & EventsEnd);

const AGES_EVERY_MS = 1_000;
/** The Date header has whole seconds: less than this is no difference. */
const CLOCKS_AGREE_MS = 3_000;

type Change = { readonly streams: readonly ShownStream[] } | { readonly forgotten: readonly string[] };

export class LiveModel {
  readonly list = new StreamList();
  readonly throughput = new Throughput();
  connection: Connection = { kind: 'connecting' };
  daemon: DaemonView | null = null;
  totals: Totals | null = null;
  version = '';
  /** False until the list was read for the first time. */
  isLoaded = false;
  /** By this computer's clock. */
  lastHeardAtMs: number | null = null;
  readonly #listeners = new Set<() => void>();
  readonly #ending = new AbortController();
  #clockOffsetMs = 0;
  #failures = 0;
  /** Not null: the list is being read, and what came since. */
  #waiting: Change[] | null = null;
  #reading: AbortController | null = null;
  #frame = 0;
  #retryNow: (() => void) | null = null;

  /** The daemon's clock, as far as it is known: times in views are its own. */
  nowMs(): number {
    return Date.now() + this.#clockOffsetMs;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(): void {
    setInterval(() => this.#tell(), AGES_EVERY_MS);
    void this.#stayConnected();
  }

  /** A person does not want to wait for the back-off. */
  retryNow(): void {
    this.#retryNow?.();
  }

  async #stayConnected(): Promise<void> {
    for (;;) {
      const end = await readEvents({
        signal: this.#ending.signal,
        onHeard: () => {
          this.lastHeardAtMs = Date.now();
        },
        onEvent: (event) => this.#take(event),
      });
      this.#reading?.abort();
      this.#waiting = null;
      this.#failures += 1;
      const waitMs = backoffMs(this.#failures, Math.random());
      this.connection = { kind: 'lost', ...end, nextTryAtMs: Date.now() + waitMs };
      this.#tell();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMs);
        this.#retryNow = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#retryNow = null;
    }
  }

  #take({ name, data }: ServerEvent): void {
    const value: unknown = JSON.parse(data);
    if (name === 'hello') this.#begin(value as { daemon: DaemonView; totals: Totals; version: string });
    else if (name === 'streams') this.#change({ streams: value as readonly ShownStream[] });
    else if (name === 'forgotten') this.#change({ forgotten: value as readonly string[] });
    else if (name === 'totals') this.totals = value as Totals;
    else if (name === 'daemon') this.daemon = value as DaemonView;
    this.#tell();
  }

  #begin({ daemon, totals, version }: { daemon: DaemonView; totals: Totals; version: string }): void {
    [this.daemon, this.totals, this.version] = [daemon, totals, version];
    this.connection = { kind: 'live' };
    this.#failures = 0;
    this.#waiting = [];
    this.#reading?.abort();
    this.#reading = new AbortController();
    void this.#readList(this.#reading.signal);
  }

  async #readList(signal: AbortSignal): Promise<void> {
    const streams: ShownStream[] = [];
    let after: string | null = null;
    do {
      const reply = await getStreams(after, signal);
      if (signal.aborted) return;
      // The events' connection says it when the daemon is gone; a lost reply alone is asked for again.
      if (!reply.ok) {
        setTimeout(() => !signal.aborted && void this.#readList(signal), AGES_EVERY_MS);
        return;
      }
      if (reply.serverTimeMs !== null) this.#setClock(reply.serverTimeMs);
      streams.push(...reply.value.streams);
      after = reply.value.next;
    } while (after !== null);
    this.list.replaceAll(streams, this.nowMs());
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    this.isLoaded = true;
    for (const change of waiting) this.#change(change);
    this.#tell();
  }

  #change(change: Change): void {
    if (this.#waiting) {
      this.#waiting.push(change);
      return;
    }
    if ('forgotten' in change) {
      this.list.forget(change.forgotten);
      return;
    }
    const nowMs = this.nowMs();
    const growth = this.list.apply(change.streams, nowMs);
    this.throughput.add(nowMs, growth.writtenBytes, growth.sentBytes);
  }

  #setClock(serverTimeMs: number): void {
    const offsetMs = serverTimeMs - Date.now();
    this.#clockOffsetMs = Math.abs(offsetMs) > CLOCKS_AGREE_MS ? offsetMs : 0;
  }

  #tell(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      for (const listener of this.#listeners) listener();
    });
  }
}
