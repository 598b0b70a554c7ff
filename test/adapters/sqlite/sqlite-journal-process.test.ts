// Real processes on one journal: killed, refused, out of disk, without permission.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmod, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openSqliteJournal } from '../../../src/adapters/sqlite-journal.ts';
import { okValue } from '../../contracts/journal-contract.ts';
import { firstUpload, sampleId, sampleRows } from '../../fixtures/records/sample-record.ts';
import { temporaryFolder } from './sqlite-journal-bench.ts';

const SCRIPT = fileURLToPath(new URL('./saving-process.ts', import.meta.url));
/** Modes bind root as well, once it has given up its right to override them. */
const PREFIX = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override'] : [];

let stateDir: string;
const children: ChildProcess[] = [];

/** Starts a saving process. `until` resolves with the first line from now on that begins with `start`. */
function startSaving() {
  const [command = '', ...words] = [...PREFIX, process.execPath, SCRIPT, stateDir];
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  const waiting = new Set<(line: string) => void>();
  reader.on('line', (line) => {
    lines.push(line);
    for (const hear of waiting) hear(line);
  });
  const until = (start: string): Promise<string> =>
    new Promise((resolve) => {
      const hear = (line: string) => {
        if (!line.startsWith(start)) return;
        waiting.delete(hear);
        resolve(line);
      };
      waiting.add(hear);
    });
  const kill = async (): Promise<void> => {
    const read = new Promise((resolve) => reader.once('close', resolve));
    child.kill('SIGKILL');
    await read;
  };
  return { child, lines, until, kill };
}

beforeEach(async () => {
  stateDir = await temporaryFolder();
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
  await rm(stateDir, { recursive: true, force: true });
});

it('holds after kill -9 whatever had resolved, and nothing by halves', async () => {
  for (let round = 0; round < 3; round += 1) {
    await rm(stateDir, { recursive: true, force: true });
    const saving = startSaving();
    await saving.until(`saved ${20 + 17 * round}`);
    await saving.kill();
    const resolved = saving.lines.filter((line) => line.startsWith('saved')).length;
    const journal = okValue(await openSqliteJournal({ stateDir }));
    const { rev = 0 } = okValue(await journal.record(sampleId(1))) ?? {};
    // The last save may have been committed without being told of.
    expect(rev === resolved || rev === resolved + 1).toBe(true);
    expect(okValue(await journal.rows(sampleId(1), firstUpload))).toEqual(sampleRows(1, rev));
    await journal.close();
  }
});

it('refuses a second process while the first one lives, and not a moment longer', async () => {
  const saving = startSaving();
  await saving.until('saved 1');
  const refused = await openSqliteJournal({ stateDir });
  expect(refused).toMatchObject({ ok: false, failure: { code: 'journal_unavailable' } });
  if (!refused.ok) expect(refused.failure.detail).toContain('another process has the journal open');
  await saving.until('saved');
  await saving.kill();
  await okValue(await openSqliteJournal({ stateDir })).close();
});

it('F69 fails saves while the disk is full, loses nothing, and goes on when there is room', async () => {
  const saving = startSaving();
  await saving.until('saved 5');
  const limit = (bytes: string) => execFileSync('prlimit', ['--pid', String(saving.child.pid), `--fsize=${bytes}:`]);
  limit('20000');
  const failure = await saving.until('failed');
  expect(failure).toMatch(/^failed journal_unavailable: .*disk of STATE_DIR/);
  limit('unlimited');
  await saving.until('saved');
  await saving.until('saved');
  await saving.kill();
  const saved = saving.lines.filter((line) => line.startsWith('saved')).map((line) => Number(line.split(' ')[1]));
  const journal = okValue(await openSqliteJournal({ stateDir }));
  const numbers = okValue(await journal.rows(sampleId(1), firstUpload)).map((row) => row.partNumber as number);
  expect(numbers.filter((n) => n <= saved.at(-1)!)).toEqual(saved);
  await journal.close();
});

it('answers where its folder is read-only, and works when that is cured', async () => {
  await chmod(stateDir, 0o500);
  const refused = startSaving();
  expect(await refused.until('')).toMatch(/^refused journal_unavailable: .*EACCES/);
  await chmod(stateDir, 0o700);
  const saving = startSaving();
  await saving.until('saved 3');
  await saving.kill();
});
