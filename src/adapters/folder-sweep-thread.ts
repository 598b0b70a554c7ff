// The sweep as whoever watches sees it: every file of a folder, though the thread that walks tells only what changed. The files
// that it told of are kept here; while nothing grows, a sweep of ten thousand files is one small message.
//
// 1. A batch is taken in as soon as it is there, wanted or not: the thread tells each change once.
// 2. A file system that hangs holds up the thread, never the event loop; it is said after a while, and the sweep waits on.
// 3. A thread that dies is said, and a new one, with no memory, is started by the next sweep. Keeps the process alive only while asked.

import { setImmediate as breathe } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { SweepFinding, SweptPath, WatchOptions } from '../ports/watcher.ts';
import { type FolderReport, joined } from './folder-sweep.ts';
import type { SweepBatch, SweepRequest, SweepThreadData } from './folder-sweep-messages.ts';

/** Files between two breaths: about a millisecond. */
const FILES_PER_BREATH = 500;
/** A thousand stats of a slow network file system take seconds. */
const MAX_SILENCE_MS = 60_000;
/** A few MB less than what V8 takes by itself; it grows where many files need it. */
const YOUNG_MB = 2;

/** By folder relative to the watched one, then by name. */
type Mirror = Map<string, Map<string, SweptPath>>;
type Answer = SweepBatch | { readonly ended: string };

export interface SweepThreadParts {
  /** Tests start one that does what they say. */
  readonly startThread?: (data: SweepThreadData) => Worker;
  readonly maxSilenceMs?: number;
}

/** Runs from `src` (types stripped by Node) and from `dist` alike. */
function startThread(workerData: SweepThreadData): Worker {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_MB };
  return new Worker(new URL(`./folder-sweep-worker${extension}`, import.meta.url), { workerData, resourceLimits });
}

export class SweepThread {
  readonly #options: WatchOptions;
  readonly #parts: SweepThreadParts;
  readonly #mirrors = new Map<string, Mirror>();
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #thread: Worker | null = null;
  #walks = 0;

  constructor(options: WatchOptions, parts: SweepThreadParts = {}) {
    this.#options = options;
    this.#parts = parts;
  }

  async *sweep(folder: string, signal: AbortSignal): AsyncGenerator<SweepFinding, void, undefined> {
    this.#walks += 1;
    const walk = this.#walks;
    const maxSilenceMs = this.#parts.maxSilenceMs ?? MAX_SILENCE_MS;
    let isLast = false;
    let sinceBreath = 0;
    try {
      while (!isLast && !signal.aborted) {
        const asked = this.#ask({ walk, folder, wish: 'next' });
        let answer = await within(maxSilenceMs, asked, signal);
        for (; answer === 'silent'; answer = await within(maxSilenceMs, asked, signal)) {
          yield { unreadable: folder, detail: 'the file system does not answer; the sweep waits for it' };
        }
        if (answer === 'aborted') return;
        isLast = 'ended' in answer || answer.isLast;
        if ('ended' in answer) yield { unreadable: folder, detail: answer.ended };
        for (const report of 'ended' in answer ? [] : answer.reports) {
          for (const finding of this.#findingsOf(folder, report)) {
            if (signal.aborted) return;
            yield finding;
            sinceBreath += 1;
            if (sinceBreath % FILES_PER_BREATH === 0) await breathe();
          }
        }
      }
    } finally {
      if (!isLast) this.#thread?.postMessage({ walk, folder, wish: 'drop' } satisfies SweepRequest);
    }
  }

  close(): void {
    const thread = this.#thread;
    this.#forget('the watcher is closed');
    // Not awaited: a thread that waits for a file system ends when that answers.
    void thread?.terminate();
  }

  #ask(request: SweepRequest): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    try {
      this.#thread ??= this.#start();
      this.#waiting.set(request.walk, resolve);
      this.#thread.ref();
      this.#thread.postMessage(request);
    } catch (error) {
      resolve({ ended: `the sweep's thread cannot be started: ${messageOf(error)}` });
    }
    return promise;
  }

  #start(): Worker {
    const { folders, include, exclude } = this.#options;
    const thread = (this.#parts.startThread ?? startThread)({ folders, include, exclude });
    let why = 'it ended';
    thread.on('message', (batch: SweepBatch) => {
      if (this.#thread === thread) this.#take(batch);
    });
    thread.on('error', (error) => {
      why = messageOf(error);
    });
    thread.on('exit', () => {
      if (this.#thread === thread) this.#forget(`the sweep's thread ended: ${why}`);
    });
    return thread;
  }

  /** What the thread told counts for itself only: the next one tells all anew. */
  #forget(ended: string): void {
    this.#thread = null;
    this.#mirrors.clear();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const settle of waiting) settle({ ended });
  }

  #take(batch: SweepBatch): void {
    const mirror = this.#mirrors.get(batch.folder) ?? new Map();
    this.#mirrors.set(batch.folder, mirror);
    for (const report of batch.reports) takeIn(mirror, batch.folder, report);
    const settle = this.#waiting.get(batch.walk);
    this.#waiting.delete(batch.walk);
    if (this.#waiting.size === 0) this.#thread?.unref();
    settle?.(batch);
  }

  *#findingsOf(folder: string, { relative, state, problem }: FolderReport): Generator<SweepFinding, void, undefined> {
    if (problem !== null) yield { unreadable: joined(folder, relative), detail: problem };
    if (state === 'whole') yield* this.#mirrors.get(folder)?.get(relative)?.values() ?? [];
  }
}

function takeIn(mirror: Mirror, folder: string, { relative, state, news, gone }: FolderReport): void {
  if (state === 'absent') {
    mirror.delete(relative);
    return;
  }
  const files = mirror.get(relative) ?? new Map<string, SweptPath>();
  mirror.set(relative, files);
  for (const name of gone) files.delete(name);
  for (const { name, stat } of news) {
    const path = files.get(name)?.path ?? joined(folder, joined(relative, name));
    files.set(name, stat === null ? { folder, path } : { folder, path, stat });
  }
}

function within(ms: number, asked: Promise<Answer>, signal: AbortSignal): Promise<Answer | 'silent' | 'aborted'> {
  if (signal.aborted) return Promise.resolve('aborted');
  return new Promise((resolve) => {
    const settle = (answer: Answer | 'silent' | 'aborted'): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      resolve(answer);
    };
    const abort = (): void => settle('aborted');
    const timer = setTimeout(settle, ms, 'silent').unref();
    signal.addEventListener('abort', abort);
    void asked.then(settle);
  });
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
