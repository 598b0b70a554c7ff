// The journal's tables and how they came to be. Runs in the journal's thread.
//
// `meta.schema_version` counts the steps of MIGRATIONS that were applied. An older journal is brought up to date in one
// transaction; a newer one is refused, because a program that doesn't know what a column means must not write beside it.
// A step that was released is never edited: a new one is added.

import type { DatabaseSync } from 'node:sqlite';

/** Step n leads from version n to n + 1. */
const MIGRATIONS: readonly string[] = [
  // `upload_id` of a stream is the upload that its rows in `parts` belong to: comparing it costs the same at any number of parts.
  // `key` is JSON text: a key made of a path that is no UTF-8 holds lone surrogates, which SQLite's text would not keep apart.
  `CREATE TABLE streams (
     id TEXT PRIMARY KEY, rev INTEGER NOT NULL, fence INTEGER NOT NULL,
     upload_id TEXT, schema_version INTEGER NOT NULL, record TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE parts (
     stream_id TEXT NOT NULL, part_number INTEGER NOT NULL, upload_id TEXT NOT NULL,
     offset_bytes INTEGER NOT NULL, size_bytes INTEGER NOT NULL,
     etag TEXT NOT NULL, crc32 TEXT NOT NULL, xxh64 TEXT NOT NULL, uploaded_at_ms REAL NOT NULL,
     PRIMARY KEY (stream_id, part_number)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE reserved_keys (
     bucket TEXT NOT NULL, key TEXT NOT NULL, stream_id TEXT NOT NULL, PRIMARY KEY (bucket, key)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX reserved_keys_of_stream ON reserved_keys (stream_id);`,
];

/** A journal that this version must not touch. Its message is for people. */
export class JournalRefusedError extends Error {}

/** Brings the journal to `steps.length`, or throws `JournalRefusedError` when it is beyond that. */
export function migrate(database: DatabaseSync, steps: readonly string[] = MIGRATIONS): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    database.exec('CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT');
    const row = database.prepare(`SELECT value FROM meta WHERE name = 'schema_version'`).get();
    const version = row ? Number(row['value']) : 0;
    if (!Number.isInteger(version) || version < 0 || version > steps.length) {
      throw new JournalRefusedError(
        `the journal was written by another version of tailrace (its schema is ${String(row?.['value'])}, this version knows ${steps.length}): run that version, or move the journal away to rebuild it from the files and S3`,
      );
    }
    for (const step of steps.slice(version)) database.exec(step);
    if (version < steps.length) {
      database.prepare(`INSERT OR REPLACE INTO meta VALUES ('schema_version', ?)`).run(String(steps.length));
    }
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}
