// A journal in memory whose saves wait until they are let go, and which remembers what it was asked to save.

import type { Journal, StreamSave } from '../../src/ports/journal.ts';
import { type MemoryJournalDisk, openMemoryJournal } from '../fakes/memory-journal.ts';

export interface SlowJournal extends Journal {
  /** Saves wait until `go`. */
  hold(): void;
  go(): void;
  readonly batches: (readonly StreamSave[])[];
}

export async function slowJournal(disk: MemoryJournalDisk): Promise<SlowJournal> {
  const opened = await openMemoryJournal(disk);
  if (!opened.ok) throw new Error(opened.failure.detail);
  const journal = opened.value;
  const batches: (readonly StreamSave[])[] = [];
  let waiting: (() => void)[] = [];
  let isHeld = false;
  return Object.assign(Object.create(journal), {
    batches,
    hold: () => {
      isHeld = true;
    },
    go: () => {
      isHeld = false;
      for (const wake of waiting.splice(0)) wake();
      waiting = [];
    },
    async save(saves: readonly StreamSave[]) {
      batches.push(saves);
      if (isHeld) await new Promise<void>((resolve) => waiting.push(resolve));
      return await journal.save(saves);
    },
  }) as SlowJournal;
}
