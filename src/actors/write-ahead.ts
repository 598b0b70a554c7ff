// The write-ahead: takes the streams' newest records and ledger rows, brings them to the journal in order, and tells when
// they are there. What the journal holds goes on to the registry.
//
// W1. Per stream the newest record wins and rows are merged, so a slow journal costs neither memory nor rows.
// W2. `settled` resolves only when the journal holds everything offered for that stream before the call.
// W3. A journal that refuses is tried again for ever; uploads go on, what cannot be undone waits.
// W4. Rows belong to an upload: those of another upload than the record's never reach the journal.
// W5. A record that a newer one replaced before it was saved leaves its change of status behind: those are told on, each once.

import type { StreamId, UploadId } from '../machines/ids.ts';
import type { LedgerRow } from '../machines/part-ledger.ts';
import type { StreamRecord } from '../machines/stream-record.ts';
import type { Clock } from '../ports/clock.ts';
import type { Journal, StreamSave } from '../ports/journal.ts';
import type { Outcome } from '../ports/outcome.ts';
import type { StatusChange } from '../ports/registry.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { joinedChanges, statusChange } from './status-changes.ts';

/** One transaction: large enough to share an fsync among many streams, small enough to end soon. */
const MAX_SAVES_PER_TRANSACTION = 256;
const RETRY_MS = 1000;

interface Pending {
  readonly record: StreamRecord;
  readonly dueAtMs: number | null;
}

interface Rows {
  readonly uploadId: UploadId;
  replace: boolean;
  readonly byNumber: Map<number, LedgerRow>;
}

interface Waiter {
  readonly offers: number;
  readonly resolve: () => void;
}

interface Entry {
  /** Of the newest save. */
  rev: number;
  /** How many records were offered, and how many of these the journal holds: revisions may jump, these do not. */
  offers: number;
  savedOffers: number;
  pending: Pending | null;
  rows: Rows | null;
  /** Of the newest offer; null: none was offered in this run. */
  status: string | null;
  /** Not yet taken into a save. */
  changes: readonly StatusChange[];
  waiters: Waiter[];
}

/** What is told to whoever copies the journal (the registry's mirror). */
export interface Saved {
  readonly save: StreamSave;
  readonly dueAtMs: number | null;
  /** The stream's changes of status since the save before, oldest first. */
  readonly changes: readonly StatusChange[];
}

export interface WriteAheadOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly onSaved: (saved: readonly Saved[]) => void;
  readonly onWritable: (writable: boolean) => void;
}

export class WriteAhead {
  readonly #options: WriteAheadOptions;
  readonly #entries = new Map<StreamId, Entry>();
  readonly #dirty = new Set<StreamId>();
  readonly #fences = new Map<string, number>();
  readonly #stopped = new AbortController();
  #flushing = false;
  #refused = false;
  #changes = 0;

  constructor(options: WriteAheadOptions) {
    this.#options = options;
  }

  /** A stored record's place in the count of saves: the next save of the stream comes after it. */
  startFrom(id: StreamId, rev: number): void {
    const entry = this.#entry(id);
    if (entry.rev >= rev) return;
    // What waits comes after it too.
    entry.rev = entry.pending ? rev + 1 : rev;
  }

  /** Of the newest save, also of one that is on its way. */
  revOf(id: StreamId): number {
    return this.#entries.get(id)?.rev ?? 0;
  }

  /**
   * A fence that the folder was seen to have: of a lease, or of a stored record. Records carry the highest, so that what is
   * saved while Redis is away is not taken for older than what Redis holds from before.
   */
  raiseFence(folder: string, fence: number): void {
    this.#fences.set(folder, Math.max(this.fenceOf(folder), fence));
  }

  fenceOf(folder: string): number {
    return this.#fences.get(folder) ?? 0;
  }

  offer(record: StreamRecord, dueAtMs: number | null): void {
    const entry = this.#entry(record.streamId);
    entry.rev += 1;
    entry.offers += 1;
    entry.pending = { record, dueAtMs };
    this.#noteStatus(entry, record);
    this.#dirty.add(record.streamId);
    this.#flushSoon();
  }

  /** The row travels with the next record of the stream: report the part right after. */
  addRow(id: StreamId, uploadId: UploadId, row: LedgerRow): void {
    this.#rowsOf(id, uploadId).byNumber.set(row.partNumber, row);
  }

  /** The whole ledger anew. Travels like a row. */
  replaceRows(id: StreamId, uploadId: UploadId, rows: readonly LedgerRow[]): void {
    this.#entry(id).rows = {
      uploadId,
      replace: true,
      byNumber: new Map(rows.map((row) => [row.partNumber as number, row])),
    };
  }

  /** The ledger by part number: the journal's rows and those on their way to it. */
  async rows(id: StreamId, uploadId: UploadId): Promise<Outcome<ReadonlyMap<number, LedgerRow>>> {
    await this.settled(id);
    const stored = await this.#options.journal.rows(id, uploadId);
    if (!stored.ok) return stored;
    const waiting = this.#entries.get(id)?.rows;
    const ours = waiting?.uploadId === uploadId ? waiting : null;
    const base = ours?.replace ? [] : stored.value.map((row) => [row.partNumber as number, row] as const);
    return { ok: true, value: new Map([...base, ...(ours?.byNumber ?? [])]) };
  }

  /** Resolves when the journal holds what was offered until now, or the write-ahead was stopped. */
  settled(id: StreamId): Promise<void> {
    const entry = this.#entries.get(id);
    if (!entry || isSaved(entry) || this.#stopped.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => entry.waiters.push({ offers: entry.offers, resolve }));
  }

  /** Everything offered until now is in the journal (a clean end). */
  async drain(): Promise<void> {
    const unsaved = [...this.#entries].filter(([, entry]) => !isSaved(entry));
    await Promise.all(unsaved.map(([id]) => this.settled(id)));
  }

  forget(id: StreamId): void {
    this.#release(this.#entries.get(id));
    this.#entries.delete(id);
    this.#dirty.delete(id);
  }

  stop(): void {
    this.#stopped.abort();
    for (const entry of this.#entries.values()) this.#release(entry);
  }

  #release(entry: Entry | undefined): void {
    for (const waiter of entry?.waiters.splice(0) ?? []) waiter.resolve();
  }

  #entry(id: StreamId): Entry {
    const found = this.#entries.get(id);
    if (found) return found;
    const made: Entry = {
      ...{ rev: 0, offers: 0, savedOffers: 0, pending: null, rows: null, status: null, changes: [] },
      waiters: [],
    };
    this.#entries.set(id, made);
    return made;
  }

  /** W5. */
  #noteStatus(entry: Entry, record: StreamRecord): void {
    const change = statusChange(record, this.#changes + 1, this.#options.clock.nowMs());
    if (change.status === entry.status) return;
    this.#changes = change.seq;
    entry.status = change.status;
    entry.changes = joinedChanges(entry.changes, [change]);
  }

  #rowsOf(id: StreamId, uploadId: UploadId): Rows {
    const entry = this.#entry(id);
    if (entry.rows?.uploadId !== uploadId) entry.rows = { uploadId, replace: false, byNumber: new Map() };
    return entry.rows;
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    // A microtask later the whole burst of facts of this turn is in: one save instead of several.
    void Promise.resolve().then(() => this.#flush());
  }

  async #flush(): Promise<void> {
    while (this.#dirty.size > 0 && !this.#stopped.signal.aborted) {
      const ids = [...this.#dirty].slice(0, MAX_SAVES_PER_TRANSACTION);
      const batch = ids.map((id) => this.#take(id)).filter((taken) => taken !== null);
      const startedMs = this.#options.clock.nowMs();
      const outcome = await this.#options.journal.save(batch.map((taken) => taken.saved.save));
      this.#options.telemetry.observe('journal_save', this.#options.clock.nowMs() - startedMs);
      this.#note(outcome);
      if (outcome.ok) this.#confirm(batch);
      else {
        for (const taken of batch) this.#putBack(taken);
        await this.#options.clock.waitUntil(this.#options.clock.nowMs() + RETRY_MS, this.#stopped.signal);
      }
    }
    this.#flushing = false;
  }

  #take(id: StreamId): Taken | null {
    this.#dirty.delete(id);
    const entry = this.#entries.get(id);
    if (!entry?.pending) return null;
    const { record, dueAtMs } = entry.pending;
    const uploadId = record.memory.upload?.uploadId ?? null;
    const rows = entry.rows && entry.rows.uploadId === uploadId ? entry.rows : null;
    if (rows) entry.rows = null;
    entry.pending = null;
    const { changes } = entry;
    entry.changes = [];
    const save: StreamSave = {
      stored: { record, rev: entry.rev, fence: this.fenceOf(record.memory.folder) },
      uploadId,
      replaceRows: rows?.replace ?? false,
      rows: rows ? [...rows.byNumber.values()] : [],
    };
    return { id, entry, offers: entry.offers, pending: { record, dueAtMs }, rows, saved: { save, dueAtMs, changes } };
  }

  #putBack(taken: Taken): void {
    const { entry, rows } = taken;
    entry.pending ??= taken.pending;
    entry.changes = joinedChanges(taken.saved.changes, entry.changes);
    if (rows) entry.rows = merged(rows, entry.rows);
    this.#dirty.add(taken.id);
  }

  #confirm(batch: readonly Taken[]): void {
    for (const { entry, offers } of batch) {
      entry.savedOffers = offers;
      const [ready, waiting] = [
        entry.waiters.filter((waiter) => waiter.offers <= offers),
        entry.waiters.filter((waiter) => waiter.offers > offers),
      ];
      entry.waiters = waiting;
      for (const waiter of ready) waiter.resolve();
    }
    this.#options.onSaved(batch.map((taken) => taken.saved));
  }

  #note(outcome: Outcome<null>): void {
    if (outcome.ok === !this.#refused) return;
    this.#refused = !outcome.ok;
    this.#options.onWritable(outcome.ok);
    if (outcome.ok) this.#options.telemetry.info('the journal can be written again');
    else
      this.#options.telemetry.error('the journal cannot be written; uploads go on, nothing is completed until it can', {
        code: outcome.failure.code,
        detail: outcome.failure.detail,
      });
  }
}

const isSaved = (entry: Entry): boolean => entry.savedOffers >= entry.offers;

interface Taken {
  readonly id: StreamId;
  readonly entry: Entry;
  /** The count of offers that this save covers. */
  readonly offers: number;
  readonly pending: Pending;
  readonly rows: Rows | null;
  readonly saved: Saved;
}

/** Rows that could not be saved, and those that came meanwhile. */
function merged(older: Rows, newer: Rows | null): Rows {
  if (!newer) return older;
  if (newer.uploadId !== older.uploadId || newer.replace) return newer;
  return {
    uploadId: older.uploadId,
    replace: older.replace,
    byNumber: new Map([...older.byNumber, ...newer.byNumber]),
  };
}
