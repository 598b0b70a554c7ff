// A process that saves for ever and prints each revision once its save has resolved. Tests kill it.
// Arguments: the journal's folder.

import { openSqliteJournal } from '../../../src/adapters/sqlite-journal.ts';
import { sampleId, sampleRow, sampleSave } from '../../fixtures/records/sample-record.ts';

const opened = await openSqliteJournal({ stateDir: process.argv[2] ?? '' });
if (!opened.ok) {
  process.stdout.write(`refused ${opened.failure.code}: ${opened.failure.detail}\n`);
} else {
  process.stdout.write('open\n');
  for (let rev = 1; ; rev += 1) {
    const saved = await opened.value.save([sampleSave(sampleId(1), rev, { rows: [sampleRow(rev)] })]);
    process.stdout.write(saved.ok ? `saved ${rev}\n` : `failed ${saved.failure.code}: ${saved.failure.detail}\n`);
  }
}
