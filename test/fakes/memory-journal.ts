// The journal without a disk: what was saved lives in a `MemoryJournalDisk`, which outlasts the journals that are opened on it, as
// a file outlasts processes. Records are kept as text, so that whatever JSON does to them happens here too.
// Faults are data: `disk.failure` makes every request fail until it is null again.

import { readStored, writeStored } from '../../src/adapters/stored-record.ts';
import { type Failure, failureOf } from '../../src/machines/failure.ts';
import type { StreamId, UploadId } from '../../src/machines/ids.ts';
import type { LedgerRow } from '../../src/machines/part-ledger.ts';
import type { ObjectTarget, StoredRecord } from '../../src/machines/stream-record.ts';
import type { Journal, StreamSave } from '../../src/ports/journal.ts';
import type { Outcome } from '../../src/ports/outcome.ts';

interface StoredStream {
  readonly text: string;
  readonly uploadId: UploadId | null;
  readonly rows: ReadonlyMap<number, LedgerRow>;
}

export class MemoryJournalDisk {
  readonly streams = new Map<StreamId, StoredStream>();
  /** JSON of bucket and key -> the stream that has it. */
  readonly keys = new Map<string, StreamId>();
  failure: Failure | null = null;
  isOpen = false;

  /** Replaces the text of a stream's record behind the journal's back. */
  damage(id: StreamId, recordText: string): void {
    const stream = this.streams.get(id);
    if (stream) this.streams.set(id, { ...stream, text: `{"rev":1,"fence":1,"record":${recordText}}` });
  }

  /** As a backup of the file is: what it holds now, not open. */
  copy(): MemoryJournalDisk {
    const copy = new MemoryJournalDisk();
    for (const [id, stream] of this.streams) copy.streams.set(id, stream);
    for (const [key, id] of this.keys) copy.keys.set(key, id);
    return copy;
  }

  /** The process that had the journal open is gone; what it saved is not. */
  crash(): void {
    this.isOpen = false;
  }
}

export async function openMemoryJournal(disk: MemoryJournalDisk): Promise<Outcome<Journal>> {
  if (disk.failure) return { ok: false, failure: disk.failure };
  if (disk.isOpen) return failed('another process has the journal open');
  disk.isOpen = true;
  return { ok: true, value: new MemoryJournal(disk) };
}

class MemoryJournal implements Journal {
  private readonly disk: MemoryJournalDisk;
  private isClosed = false;

  constructor(disk: MemoryJournalDisk) {
    this.disk = disk;
  }

  load(): ReturnType<Journal['load']> {
    return this.answer(() => {
      const records: StoredRecord[] = [];
      const unreadable: StreamId[] = [];
      for (const [id, { text }] of [...this.disk.streams].sort(([a], [b]) => (a < b ? -1 : 1))) {
        const stored = readOwn(id, text);
        if (stored) records.push(stored);
        else unreadable.push(id);
      }
      return { records, unreadable };
    });
  }

  record(id: StreamId): ReturnType<Journal['record']> {
    return this.answer(() => {
      const stream = this.disk.streams.get(id);
      return stream ? readOwn(id, stream.text) : null;
    });
  }

  rows(id: StreamId, uploadId: UploadId): ReturnType<Journal['rows']> {
    return this.answer(() => {
      const stream = this.disk.streams.get(id);
      if (!stream || stream.uploadId !== uploadId) return [];
      return [...stream.rows.values()].sort((a, b) => a.partNumber - b.partNumber);
    });
  }

  save(saves: readonly StreamSave[]): ReturnType<Journal['save']> {
    return this.answer(() => {
      for (const { stored, uploadId, replaceRows, rows } of saves) {
        const id = stored.record.streamId;
        const before = this.disk.streams.get(id);
        const kept = !replaceRows && before?.uploadId === uploadId ? before.rows : [];
        const ledger = new Map([...kept, ...rows.map((row) => [row.partNumber, row] as const)]);
        this.disk.streams.set(id, {
          text: writeStored(stored),
          uploadId,
          rows: uploadId === null ? new Map() : ledger,
        });
      }
      return null;
    });
  }

  reserveKey(target: ObjectTarget, id: StreamId): ReturnType<Journal['reserveKey']> {
    return this.answer(() => {
      const name = JSON.stringify([target.bucket, target.key]);
      const owner = this.disk.keys.get(name);
      if (owner === undefined) this.disk.keys.set(name, id);
      return { granted: owner === undefined || owner === id, existed: owner === id };
    });
  }

  reservedKeys(id: StreamId): ReturnType<Journal['reservedKeys']> {
    return this.answer(() =>
      [...this.disk.keys]
        .filter(([, owner]) => owner === id)
        .map(([name]) => {
          const [bucket = '', key = ''] = JSON.parse(name) as string[];
          return { bucket, key };
        })
        .sort((a, b) => (a.bucket + a.key < b.bucket + b.key ? -1 : 1)),
    );
  }

  forget(id: StreamId): ReturnType<Journal['forget']> {
    return this.answer(() => {
      this.disk.streams.delete(id);
      for (const [name, owner] of this.disk.keys) if (owner === id) this.disk.keys.delete(name);
      return null;
    });
  }

  async close(): Promise<void> {
    if (!this.isClosed) this.disk.isOpen = false;
    this.isClosed = true;
  }

  private async answer<T>(work: () => T): Promise<Outcome<T>> {
    if (this.isClosed) return failed('the journal is closed');
    if (this.disk.failure) return { ok: false, failure: this.disk.failure };
    return { ok: true, value: work() };
  }
}

function readOwn(id: StreamId, text: string): StoredRecord | null {
  const stored = readStored(text);
  return stored?.record.streamId === id ? stored : null;
}

const failed = (detail: string): Outcome<never> => ({ ok: false, failure: failureOf('journal_unavailable', detail) });
