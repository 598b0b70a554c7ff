// What only the real journal can show: threads, files, modes, versions, and what a second process sees.

import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteJournal } from '../../../src/adapters/sqlite-journal.ts';
import { JournalRefusedError, migrate } from '../../../src/adapters/sqlite-journal-schema.ts';
import type { Journal } from '../../../src/ports/journal.ts';
import { okValue } from '../../contracts/journal-contract.ts';
import { firstUpload, sampleId, sampleRow, sampleRows, sampleSave } from '../../fixtures/records/sample-record.ts';
import { journalPath, temporaryFolder } from './sqlite-journal-bench.ts';

const one = sampleId(1);
const WORKER = new URL('../../../src/adapters/sqlite-journal-worker.ts', import.meta.url);

let folder: string;
let stateDir: string;
const opened: Journal[] = [];

async function open(options: { startThread?: (stateDir: string) => Worker } = {}): Promise<Journal> {
  const journal = okValue(await openSqliteJournal({ stateDir, ...options }));
  opened.push(journal);
  return journal;
}

beforeEach(async () => {
  folder = await temporaryFolder();
  stateDir = folder;
});
afterEach(async () => {
  for (const journal of opened.splice(0)) await journal.close();
  await rm(folder, { recursive: true, force: true });
});

describe('its files', () => {
  it('makes the folder 0700 and the files 0600', async () => {
    stateDir = join(stateDir, 'deep', 'state');
    await open();
    const modeOf = async (path: string) => (await stat(path)).mode & 0o777;
    expect(await modeOf(stateDir)).toBe(0o700);
    expect(await modeOf(journalPath(stateDir))).toBe(0o600);
    expect(await modeOf(`${journalPath(stateDir)}-wal`)).toBe(0o600);
  });

  it('leaves one file when it is closed', async () => {
    const journal = await open();
    okValue(await journal.save([sampleSave(one, 1)]));
    await journal.close();
    await expect(stat(`${journalPath(stateDir)}-wal`)).rejects.toThrow('ENOENT');
  });

  it('answers where the folder cannot be made, without throwing', async () => {
    await writeFile(join(stateDir, 'file'), '');
    const answer = await openSqliteJournal({ stateDir: join(stateDir, 'file', 'state') });
    expect(answer).toMatchObject({ ok: false, failure: { code: 'journal_unavailable' } });
    if (!answer.ok) expect(answer.failure.detail).toContain('ENOTDIR');
  });

  it('answers where a file that is no journal is in its place, and leaves it alone', async () => {
    const text = 'this was written by somebody else '.repeat(100);
    await writeFile(journalPath(stateDir), text);
    const answer = await openSqliteJournal({ stateDir });
    expect(answer).toMatchObject({ ok: false, failure: { code: 'journal_unavailable' } });
    if (!answer.ok) expect(answer.failure.detail).toContain('no journal');
    expect(await readFile(journalPath(stateDir), 'utf8')).toBe(text);
  });

  it('writes everything again when its folder was removed under it', async () => {
    const journal = await open();
    okValue(await journal.save([sampleSave(one, 1, { rows: sampleRows(1, 3) })]));
    await rm(stateDir, { recursive: true });
    okValue(await journal.save([sampleSave(one, 2, { rows: [sampleRow(4)] })]));
    await journal.close();
    const next = await open();
    expect(okValue(await next.record(one))?.rev).toBe(2);
    expect(okValue(await next.rows(one, firstUpload))).toEqual(sampleRows(1, 4));
  });

  it('writes to no other file that was put in the place of its own', async () => {
    const journal = await open();
    okValue(await journal.save([sampleSave(one, 1)]));
    await rename(journalPath(stateDir), `${journalPath(stateDir)}.moved`);
    await writeFile(journalPath(stateDir), '');
    expect(await journal.save([sampleSave(one, 2)])).toMatchObject({
      ok: false,
      failure: { code: 'journal_unavailable' },
    });
    expect((await stat(journalPath(stateDir))).size).toBe(0);
  });
});

describe('its cost', () => {
  it('writes as much to the disk for part 1,000 as for part 10', async () => {
    const bytesOfPart = async (n: number): Promise<number> => {
      stateDir = join(stateDir, String(n));
      await mkdir(stateDir);
      const first = await open();
      okValue(await first.save([sampleSave(one, 1, { rows: sampleRows(1, n - 1) })]));
      await first.close();
      const journal = await open();
      const walBytes = async () => (await stat(`${journalPath(stateDir)}-wal`).catch(() => ({ size: 0 }))).size;
      const before = await walBytes();
      okValue(await journal.save([sampleSave(one, 2, { rows: [sampleRow(n)] })]));
      return (await walBytes()) - before;
    };
    const tenth = await bytesOfPart(10);
    const thousandth = await bytesOfPart(1_000);
    expect(tenth).toBeGreaterThan(0);
    expect(thousandth).toBeLessThanOrEqual(2 * tenth);
  });

  it('never runs SQLite on the main thread: nothing that the journal imports knows it', async () => {
    const seen = new Set<string>();
    const visit = async (url: URL): Promise<void> => {
      if (seen.has(url.href)) return;
      seen.add(url.href);
      const source = await readFile(url, 'utf8');
      expect(source).not.toMatch(/(from|import)\s*\(?'node:sqlite'/);
      for (const [, path] of source.matchAll(/^(?:import|export) (?!type ).*? from '(\.[^']+)'/gms)) {
        await visit(new URL(path!, url));
      }
    };
    await visit(new URL('../../../src/adapters/sqlite-journal.ts', import.meta.url));
    expect(seen.size).toBeGreaterThan(1);
    expect(await readFile(WORKER, 'utf8')).toContain("'node:sqlite'");
  });
});

describe('its versions', () => {
  const setVersion = (version: string) => {
    const database = new DatabaseSync(journalPath(stateDir));
    database.prepare(`UPDATE meta SET value = ? WHERE name = 'schema_version'`).run(version);
    database.close();
  };

  it('refuses a journal of a newer version, says so, and changes nothing', async () => {
    const journal = await open();
    okValue(await journal.save([sampleSave(one, 1)]));
    await journal.close();
    setVersion('2');
    const before = await readFile(journalPath(stateDir));
    const answer = await openSqliteJournal({ stateDir });
    expect(answer).toMatchObject({ ok: false, failure: { code: 'journal_unavailable' } });
    if (!answer.ok) expect(answer.failure.detail).toContain('another version of tailrace');
    expect(await readFile(journalPath(stateDir))).toEqual(before);
  });

  it('brings an older journal up to date: each missing step once, all or nothing', () => {
    const database = new DatabaseSync(':memory:');
    const tables = () => database.prepare(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`).all();
    const first = 'CREATE TABLE first (a)';
    migrate(database, [first]);
    expect(() => migrate(database, [first, 'CREATE TABLE second (a)', 'no SQL'])).toThrow('syntax error');
    expect(tables().map((row) => row['name'])).toEqual(['first', 'meta']);
    migrate(database, [first, 'CREATE TABLE second (a)']);
    migrate(database, [first, 'CREATE TABLE second (a)']);
    expect(tables().map((row) => row['name'])).toEqual(['first', 'meta', 'second']);
    expect(() => migrate(database, [first])).toThrow(JournalRefusedError);
    database.close();
  });

  it('reads the records of former versions', async () => {
    const text = await readFile(new URL('../../fixtures/records/record-v1.json', import.meta.url), 'utf8');
    const journal = await open();
    okValue(await journal.save([sampleSave(one, 1)]));
    await journal.close();
    const database = new DatabaseSync(journalPath(stateDir));
    database.prepare('UPDATE streams SET record = ?').run(text);
    database.close();
    const next = await open();
    expect(okValue(await next.load()).records[0]?.record).toEqual(JSON.parse(text));
  });
});

describe('its thread', () => {
  const threads: Worker[] = [];
  const startThread = (dir: string): Worker => {
    const thread = new Worker(WORKER, { workerData: { stateDir: dir } });
    threads.push(thread);
    return thread;
  };

  it('fails what it owed when it dies, and a new one goes on with what was saved', async () => {
    threads.length = 0;
    const journal = await open({ startThread });
    okValue(await journal.save([sampleSave(one, 1)]));
    const owed = [journal.save([sampleSave(one, 2)]), journal.load()];
    await threads[0]!.terminate();
    for (const outcome of await Promise.all(owed)) {
      if (!outcome.ok) expect(outcome.failure).toMatchObject({ code: 'journal_unavailable', answered: false });
    }
    okValue(await journal.save([sampleSave(one, 3)]));
    expect(okValue(await journal.record(one))?.rev).toBe(3);
    expect(threads).toHaveLength(2);
  });

  it('is not started again and again when it keeps dying', async () => {
    threads.length = 0;
    const journal = await open({ startThread });
    for (let round = 0; round < 20; round += 1) {
      await threads.at(-1)!.terminate();
      await journal.load();
    }
    expect(threads.length).toBeLessThanOrEqual(5);
    const answer = await journal.load();
    expect(answer).toMatchObject({ ok: false, failure: { code: 'journal_unavailable' } });
  });

  it('answers a request that cannot be stored with a failure, and goes on', async () => {
    const journal = await open();
    const bad = { ...sampleRow(1), etag: undefined as unknown as string };
    expect(await journal.save([sampleSave(one, 1, { rows: [bad] })])).toMatchObject({
      ok: false,
      failure: { code: 'bug' },
    });
    expect(okValue(await journal.record(one))).toBeNull();
    expect(await journal.save([sampleSave(one, 1, { rows: [() => 1] as never })])).toMatchObject({
      ok: false,
      failure: { code: 'bug' },
    });
    okValue(await journal.save([sampleSave(one, 1)]));
  });
});
