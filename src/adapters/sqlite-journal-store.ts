// The journal's operations as SQL on one open database. Runs in the journal's thread; throws what SQLite throws.
//
// Each write is one transaction and durable when the function returns (WAL, synchronous=FULL). A save costs the same whatever the
// number of parts: it touches the stream's row and the rows it brings. Killed before COMMIT: nothing of it is there.
// Saves are applied in the order in which they come: the journal has one writer, and that one orders them.

import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { byteOffset, partNumber, type StreamId, type UploadId } from '../machines/ids.ts';
import type { LedgerRow } from '../machines/part-ledger.ts';
import type { ObjectTarget } from '../machines/stream-record.ts';
import type { StreamSave } from '../ports/journal.ts';
import type { RecordRow } from './sqlite-journal-messages.ts';

type Row = Record<string, SQLOutputValue>;

const LEDGER_COLUMNS = 'part_number, offset_bytes, size_bytes, etag, crc32, xxh64, uploaded_at_ms';

export class SqliteJournalStore {
  private readonly database: DatabaseSync;
  private readonly statements: ReturnType<typeof prepareStatements>;

  constructor(database: DatabaseSync) {
    this.database = database;
    this.statements = prepareStatements(database);
  }

  load(): RecordRow[] {
    return this.statements.loadStreams.all().map(recordRowOf);
  }

  record(id: StreamId): RecordRow | null {
    const row = this.statements.loadStream.get(id);
    return row ? recordRowOf(row) : null;
  }

  rows(id: StreamId, uploadId: UploadId): LedgerRow[] {
    return this.statements.loadParts.all(id, uploadId).map(ledgerRowOf);
  }

  save(saves: readonly StreamSave[]): null {
    this.inTransaction(() => {
      for (const save of saves) this.saveOne(save);
    });
    return null;
  }

  reserveKey(target: ObjectTarget, id: StreamId): { granted: boolean; existed: boolean } {
    return this.inTransaction(() => {
      const key = JSON.stringify(target.key);
      const owner = this.statements.ownerOfKey.get(target.bucket, key)?.['stream_id'];
      if (owner === undefined) this.statements.insertKey.run(target.bucket, key, id);
      return { granted: owner === undefined || owner === id, existed: owner === id };
    });
  }

  reservedKeys(id: StreamId): ObjectTarget[] {
    return this.statements.keysOfStream
      .all(id)
      .map((row) => ({ bucket: String(row['bucket']), key: JSON.parse(String(row['key'])) as string }));
  }

  forget(id: StreamId): null {
    this.inTransaction(() => {
      this.statements.deleteStream.run(id);
      this.statements.deleteParts.run(id);
      this.statements.deleteKeys.run(id);
    });
    return null;
  }

  private saveOne({ stored, uploadId, replaceRows, rows }: StreamSave): void {
    const { record, rev, fence } = stored;
    const id = record.streamId;
    const before = this.statements.loadStream.get(id);
    if (replaceRows || (before && before['upload_id'] !== uploadId)) this.statements.deleteParts.run(id);
    this.statements.upsertStream.run(id, rev, fence, uploadId, record.schemaVersion, JSON.stringify(record));
    if (uploadId === null) return;
    for (const row of rows) {
      const { offset, sizeBytes, etag, crc32, xxh64, uploadedAtMs } = row;
      this.statements.upsertPart.run(id, uploadId, row.partNumber, offset, sizeBytes, etag, crc32, xxh64, uploadedAtMs);
    }
  }

  private inTransaction<T>(work: () => T): T {
    this.database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.database.exec('COMMIT');
      return result;
    } catch (error) {
      // SQLite has rolled back by itself after some errors (disk full).
      if (this.database.isTransaction) this.database.exec('ROLLBACK');
      throw error;
    }
  }
}

function prepareStatements(database: DatabaseSync) {
  return {
    loadStreams: database.prepare('SELECT id, rev, fence, record FROM streams ORDER BY id'),
    loadStream: database.prepare('SELECT id, rev, fence, upload_id, record FROM streams WHERE id = ?'),
    upsertStream: database.prepare(
      'INSERT OR REPLACE INTO streams (id, rev, fence, upload_id, schema_version, record) VALUES (?, ?, ?, ?, ?, ?)',
    ),
    deleteStream: database.prepare('DELETE FROM streams WHERE id = ?'),
    loadParts: database.prepare(
      `SELECT ${LEDGER_COLUMNS} FROM parts WHERE stream_id = ? AND upload_id = ? ORDER BY part_number`,
    ),
    upsertPart: database.prepare(
      `INSERT OR REPLACE INTO parts (stream_id, upload_id, ${LEDGER_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    deleteParts: database.prepare('DELETE FROM parts WHERE stream_id = ?'),
    ownerOfKey: database.prepare('SELECT stream_id FROM reserved_keys WHERE bucket = ? AND key = ?'),
    insertKey: database.prepare('INSERT INTO reserved_keys (bucket, key, stream_id) VALUES (?, ?, ?)'),
    keysOfStream: database.prepare('SELECT bucket, key FROM reserved_keys WHERE stream_id = ? ORDER BY bucket, key'),
    deleteKeys: database.prepare('DELETE FROM reserved_keys WHERE stream_id = ?'),
  };
}

function recordRowOf(row: Row): RecordRow {
  return {
    id: String(row['id']),
    rev: Number(row['rev']),
    fence: Number(row['fence']),
    record: String(row['record']),
  };
}

function ledgerRowOf(row: Row): LedgerRow {
  return {
    partNumber: partNumber(Number(row['part_number'])),
    offset: byteOffset(Number(row['offset_bytes'])),
    sizeBytes: Number(row['size_bytes']),
    etag: String(row['etag']),
    crc32: String(row['crc32']),
    xxh64: String(row['xxh64']),
    uploadedAtMs: Number(row['uploaded_at_ms']),
  };
}
