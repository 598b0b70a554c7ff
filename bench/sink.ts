// The null sink as a child process, and its word on what arrived.

import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { SinkEvent } from './null-sink.ts';

export type Arrived = Extract<SinkEvent, { event: 'part' | 'object' }>;

const PROGRAM = fileURLToPath(new URL('./null-sink.ts', import.meta.url));
/** The longest that any single wait in a benchmark may take. */
const DEADLINE_MS = 600_000;

export class Sink {
  readonly arrived: Arrived[] = [];
  readonly #process: ChildProcess;
  readonly #news = new EventEmitter();
  port = 0;

  private constructor(child: ChildProcess) {
    this.#process = child;
    child.on('message', (event: SinkEvent) => {
      if (event.event === 'listening') this.port = event.port;
      else this.arrived.push(event);
      this.#news.emit('news');
    });
  }

  static async start(partDelayMs = 0): Promise<Sink> {
    const sink = new Sink(fork(PROGRAM, [String(partDelayMs)], { execArgv: [] }));
    await once(sink.#news, 'news');
    return sink;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Resolves with what `found` answers as soon as it answers something. */
  async until<T>(found: (arrived: readonly Arrived[]) => T | null | undefined): Promise<T> {
    const signal = AbortSignal.timeout(DEADLINE_MS);
    for (;;) {
      const answer = found(this.arrived);
      if (answer !== null && answer !== undefined) return answer;
      await once(this.#news, 'news', { signal });
    }
  }

  object(key: string): Promise<Arrived> {
    return this.until((arrived) => arrived.find((each) => each.event === 'object' && each.key === key));
  }

  async end(): Promise<void> {
    this.#process.kill();
    await once(this.#process, 'exit');
  }
}
