// The journal in an SQLite file (`STATE_DIR/journal.sqlite`), reached through a thread, so that no write blocks the event loop:
// this file must never import node:sqlite.
//
// Promises: a `save` that resolved ok is on the disk; requests are performed in the order in which they were made; nothing throws. A thread
// that dies fails the requests it owed (each may have been performed) and a new one is started with the next request, at a
// bounded pace. A request that waits keeps the process alive, an idle journal does not.

import { Worker } from 'node:worker_threads';
import { type Failure, failureOf } from '../machines/failure.ts';
import type { StreamId, UploadId } from '../machines/ids.ts';
import type { ObjectTarget } from '../machines/stream-record.ts';
import type { Journal, StreamSave } from '../ports/journal.ts';
import type { Outcome } from '../ports/outcome.ts';
import type { JournalOperation, JournalOperations, JournalReply, JournalRequest } from './sqlite-journal-messages.ts';
import { recordsOf, storedOf } from './sqlite-journal-rows.ts';

/** Threads started within `RESTART_WINDOW_MS`: more than a passing trouble needs, few enough not to burn the processor. */
const MAX_STARTS_PER_WINDOW = 5;
const RESTART_WINDOW_MS = 60_000;

export interface SqliteJournalOptions {
  /** Folder of the journal; made (0700) if absent. */
  readonly stateDir: string;
  /** How the thread is started; tests hold on to it to end it. */
  readonly startThread?: (stateDir: string) => Worker;
}

type Settle = (outcome: Outcome<unknown>) => void;

/** Fails with `journal_unavailable` when the folder cannot be used, another process has the journal, or a newer version wrote it. */
export async function openSqliteJournal(options: SqliteJournalOptions): Promise<Outcome<Journal>> {
  const journal = new SqliteJournal(options);
  const opened = await journal.ask('open', null);
  if (opened.ok) return { ok: true, value: journal };
  await journal.close();
  return opened;
}

/** Runs from `src` (types stripped by Node) and from `dist` alike. */
function startThread(stateDir: string): Worker {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return new Worker(new URL(`./sqlite-journal-worker${extension}`, import.meta.url), { workerData: { stateDir } });
}

class SqliteJournal implements Journal {
  private readonly options: SqliteJournalOptions;
  private readonly waiting = new Map<number, Settle>();
  private thread: Worker | null = null;
  private startedAtMs: number[] = [];
  private lastRequestId = 0;
  private closing: Promise<void> | null = null;

  constructor(options: SqliteJournalOptions) {
    this.options = options;
  }

  async load(): ReturnType<Journal['load']> {
    const loaded = await this.ask('load', null);
    return loaded.ok ? { ok: true, value: recordsOf(loaded.value) } : loaded;
  }

  /** Null also for a record that cannot be read: `load` tells the two apart. */
  async record(id: StreamId): ReturnType<Journal['record']> {
    const found = await this.ask('record', id);
    return found.ok ? { ok: true, value: found.value && storedOf(found.value) } : found;
  }

  rows(id: StreamId, uploadId: UploadId): ReturnType<Journal['rows']> {
    return this.ask('rows', { id, uploadId });
  }

  save(saves: readonly StreamSave[]): ReturnType<Journal['save']> {
    return this.ask('save', saves);
  }

  reserveKey(target: ObjectTarget, id: StreamId): ReturnType<Journal['reserveKey']> {
    return this.ask('reserveKey', { target, id });
  }

  reservedKeys(id: StreamId): ReturnType<Journal['reservedKeys']> {
    return this.ask('reservedKeys', id);
  }

  forget(id: StreamId): ReturnType<Journal['forget']> {
    return this.ask('forget', id);
  }

  close(): Promise<void> {
    this.closing ??= this.endThread();
    return this.closing;
  }

  ask<Name extends JournalOperation>(
    operation: Name,
    input: JournalOperations[Name]['input'],
  ): Promise<Outcome<JournalOperations[Name]['output']>> {
    if (this.closing) return Promise.resolve(failed(failureOf('journal_unavailable', 'the journal is closed')));
    return this.post(operation, input) as Promise<Outcome<JournalOperations[Name]['output']>>;
  }

  private post(operation: JournalOperation, input: unknown): Promise<Outcome<unknown>> {
    const thread = this.thread ?? this.newThread();
    if (!thread) {
      return Promise.resolve(
        failed(failureOf('journal_unavailable', "the journal's thread keeps ending; tried again soon")),
      );
    }
    this.lastRequestId += 1;
    const requestId = this.lastRequestId;
    return new Promise((settle) => {
      try {
        thread.postMessage({ requestId, operation, input } satisfies JournalRequest);
      } catch (error) {
        settle(failed(failureOf('bug', `a request cannot be sent to the journal's thread: ${messageOf(error)}`)));
        return;
      }
      this.waiting.set(requestId, settle);
      thread.ref();
    });
  }

  private newThread(): Worker | null {
    const nowMs = performance.now();
    this.startedAtMs = this.startedAtMs.filter((startMs) => nowMs - startMs < RESTART_WINDOW_MS);
    if (this.startedAtMs.length >= MAX_STARTS_PER_WINDOW) return null;
    this.startedAtMs.push(nowMs);
    const thread = (this.options.startThread ?? startThread)(this.options.stateDir);
    let why = 'it ended';
    thread.on('message', (reply: JournalReply) => this.settle(reply.requestId, reply.outcome));
    thread.on('messageerror', () => void thread.terminate());
    thread.on('error', (error) => {
      why = messageOf(error);
    });
    thread.on('exit', () => this.threadEnded(thread, why));
    thread.unref();
    this.thread = thread;
    return thread;
  }

  private settle(requestId: number, outcome: Outcome<unknown>): void {
    const settle = this.waiting.get(requestId);
    this.waiting.delete(requestId);
    if (this.waiting.size === 0) this.thread?.unref();
    settle?.(outcome);
  }

  /** What was owed may have been performed or not: callers save again, which changes nothing if it was. */
  private threadEnded(thread: Worker, why: string): void {
    if (this.thread !== thread) return;
    this.thread = null;
    const failure: Failure = failureOf('journal_unavailable', `the journal's thread ended: ${why}`, {
      answered: false,
    });
    const owed = [...this.waiting.values()];
    this.waiting.clear();
    for (const settle of owed) settle(failed(failure));
  }

  private async endThread(): Promise<void> {
    if (!this.thread) return;
    await this.post('close', null);
    await this.thread?.terminate();
  }
}

const failed = (failure: Failure): Outcome<never> => ({ ok: false, failure });

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
