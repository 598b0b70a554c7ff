// A real SQLite journal in a folder of its own.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openSqliteJournal } from '../../../src/adapters/sqlite-journal.ts';
import type { Journal } from '../../../src/ports/journal.ts';
import { type JournalBench, okValue } from '../../contracts/journal-contract.ts';

export const temporaryFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'tailrace-journal-'));

export const journalPath = (stateDir: string): string => join(stateDir, 'journal.sqlite');

export async function sqliteJournalBench(): Promise<JournalBench> {
  const stateDir = await temporaryFolder();
  const open = () => openSqliteJournal({ stateDir });
  let journal: Journal = okValue(await open());
  const reopen = async (): Promise<Journal> => {
    await journal.close();
    journal = okValue(await open());
    return journal;
  };
  return {
    journal,
    openSecond: open,
    reopen,
    damage: async (id, text) => {
      await journal.close();
      const database = new DatabaseSync(journalPath(stateDir));
      database.prepare('UPDATE streams SET record = ? WHERE id = ?').run(text, id);
      database.close();
      return reopen();
    },
    end: async () => {
      await journal.close();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}
