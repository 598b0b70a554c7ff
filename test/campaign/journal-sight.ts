// What the journal of a dead daemon holds, read from a copy: SQLite's own recovery of it is left to the next daemon.

import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { recordsOf } from '../../src/adapters/sqlite-journal-rows.ts';
import { SqliteJournalStore } from '../../src/adapters/sqlite-journal-store.ts';
import type { StreamRecord } from '../../src/machines/stream-record.ts';

const FILES = ['journal.sqlite', 'journal.sqlite-wal'];

export function recordsIn(stateDir: string): readonly StreamRecord[] {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-journal-'));
  try {
    for (const file of FILES)
      if (existsSync(join(stateDir, file))) copyFileSync(join(stateDir, file), join(folder, file));
    const database = new DatabaseSync(join(folder, 'journal.sqlite'));
    try {
      // Killed before its tables were made.
      if (!database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table'").get()) return [];
      const { records, unreadable } = recordsOf(new SqliteJournalStore(database).load());
      if (unreadable.length > 0)
        throw new Error(`the journal has records that cannot be read: ${unreadable.join(', ')}`);
      return records.map(({ record }) => record);
    } finally {
      database.close();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}
