import { sqliteJournalBench } from '../adapters/sqlite/sqlite-journal-bench.ts';
import { MemoryJournalDisk, openMemoryJournal } from '../fakes/memory-journal.ts';
import { type JournalBench, journalContract, okValue } from './journal-contract.ts';

async function memoryJournalBench(): Promise<JournalBench> {
  const disk = new MemoryJournalDisk();
  let journal = okValue(await openMemoryJournal(disk));
  const reopen = async () => {
    await journal.close();
    journal = okValue(await openMemoryJournal(disk));
    return journal;
  };
  return {
    journal,
    openSecond: () => openMemoryJournal(disk),
    reopen,
    damage: (id, text) => {
      disk.damage(id, text);
      return reopen();
    },
    end: () => journal.close(),
  };
}

journalContract('memory', memoryJournalBench);
journalContract('sqlite', sqliteJournalBench);
