// Sweeps one after the other: what they tell of files that change, and of a thread that hangs or dies. That all files are found is
// tested with the watcher.

import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SweepThread, type SweepThreadParts } from '../../../src/adapters/folder-sweep-thread.ts';
import { fileStatOf } from '../../../src/adapters/fs-identity.ts';
import type { FileStat } from '../../../src/machines/file-identity.ts';
import type { SweepFinding } from '../../../src/ports/watcher.ts';

let folder: string;
const threads: SweepThread[] = [];
const at = (name: string): string => join(folder, name);
const statOf = (name: string): FileStat => fileStatOf(fs.lstatSync(at(name), { bigint: true }));

function sweeping(parts: SweepThreadParts = {}): SweepThread {
  const made = new SweepThread({ folders: [folder], include: ['**/*'], exclude: ['*.tmp'] }, parts);
  threads.push(made);
  return made;
}

async function findings(thread: SweepThread, signal = new AbortController().signal): Promise<SweepFinding[]> {
  const found: SweepFinding[] = [];
  for await (const finding of thread.sweep(folder, signal)) found.push(finding);
  return found;
}

async function stats(thread: SweepThread): Promise<Map<string, FileStat | undefined>> {
  const seen = new Map<string, FileStat | undefined>();
  for (const finding of await findings(thread)) {
    if ('path' in finding) seen.set(finding.path.slice(folder.length + 1), finding.stat);
    else throw new Error(finding.detail);
  }
  return seen;
}

beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'tailrace-sweep-'));
});

afterEach(() => {
  for (const thread of threads.splice(0)) thread.close();
  fs.rmSync(folder, { recursive: true });
});

describe('one sweep after the other', () => {
  /** What may happen to a file, and nothing that its events would tell. */
  const CHANGES: Readonly<Record<string, () => void>> = {
    'a file that grew': () => fs.appendFileSync(at('a'), 'more'),
    'a file written in place, its mtime set back': () => {
      const { atime, mtime } = fs.statSync(at('a'));
      fs.writeFileSync(at('a'), 'y');
      fs.utimesSync(at('a'), atime, mtime);
    },
    'another file renamed over it': () => {
      fs.writeFileSync(at('a.tmp'), 'x');
      fs.renameSync(at('a.tmp'), at('a'));
    },
    'a file whose permissions changed': () => fs.chmodSync(at('a'), 0o600),
    'a file that got a second name': () => fs.linkSync(at('a'), at('a.tmp')),
    'a file that was removed and made again': () => {
      fs.unlinkSync(at('a'));
      fs.writeFileSync(at('a'), 'x');
    },
  };

  test.each(Object.entries(CHANGES))('%s is seen with its new stat, the others as before', async (_, change) => {
    const thread = sweeping();
    for (const name of ['a', 'b']) fs.writeFileSync(at(name), 'x');
    const before = await stats(thread);
    change();
    const after = await stats(thread);
    expect(after).toEqual(
      new Map([
        ['a', statOf('a')],
        ['b', statOf('b')],
      ]),
    );
    expect(after.get('a')).not.toEqual(before.get('a'));
    expect(after.get('b')).toBe(before.get('b'));
  });

  test('names and folders that come, go and change places are swept as they are', async () => {
    const thread = sweeping();
    fs.mkdirSync(at('day'));
    for (const name of ['a', 'day/b']) fs.writeFileSync(at(name), 'x');
    expect([...(await stats(thread)).keys()].sort()).toEqual(['a', 'day/b']);
    fs.renameSync(at('a'), at('c'));
    fs.renameSync(at('day'), at('night'));
    expect([...(await stats(thread)).keys()].sort()).toEqual(['c', 'night/b']);
    fs.rmSync(at('night'), { recursive: true });
    fs.unlinkSync(at('c'));
    fs.mkdirSync(at('c'));
    fs.writeFileSync(at('night'), 'x');
    expect([...(await stats(thread)).keys()]).toEqual(['night']);
    fs.rmSync(at('night'));
    expect(await findings(thread)).toEqual([]);
    fs.mkdirSync(at('night'));
    fs.writeFileSync(at('night/b'), 'x');
    expect(await stats(thread)).toEqual(new Map([['night/b', statOf('night/b')]]));
  });

  test('a sweep that was given up half way leaves nothing out of the next', async () => {
    const thread = sweeping();
    for (let n = 0; n < 1_300; n += 1) fs.writeFileSync(at(`f${n}`), '');
    for (const until of [1, 2, 700]) {
      const given = new AbortController();
      let seen = 0;
      for await (const _ of thread.sweep(folder, given.signal)) if (++seen === until) given.abort();
      fs.appendFileSync(at(`f${until}`), 'more');
    }
    const given = new AbortController();
    const first = thread.sweep(folder, given.signal).next();
    given.abort();
    expect((await first).done).toBe(true);
    const all = await stats(thread);
    expect(all.size).toBe(1_300);
    for (const name of ['f1', 'f2', 'f700', 'f1299']) expect(all.get(name)).toEqual(statOf(name));
  });
});

/** A thread that lives and does nothing. */
const hanging = (): Worker =>
  new Worker('require("node:worker_threads").parentPort.on("message", () => {})', { eval: true });

describe("the sweep's thread", () => {
  test('that hangs in the file system is told, blocks nobody, and the sweep ends with its signal', async () => {
    const given = new AbortController();
    const told: SweepFinding[] = [];
    const thread = sweeping({ startThread: hanging, maxSilenceMs: 30 });
    let turns = 0;
    const turning = setInterval(() => (turns += 1), 1);
    for await (const finding of thread.sweep(folder, given.signal)) if (told.push(finding) === 2) given.abort();
    clearInterval(turning);
    expect(told[0]).toEqual({ unreadable: folder, detail: expect.stringContaining('does not answer') });
    expect(turns).toBeGreaterThan(5);
  });

  test('that dies is told, and the next sweep finds everything with a new one', async () => {
    fs.writeFileSync(at('a'), 'x');
    let started = 0;
    const dying = (data: unknown): Worker => {
      started += 1;
      const source = new URL('../../../src/adapters/folder-sweep-worker.ts', import.meta.url);
      return started === 2
        ? new Worker('throw new Error("no memory")', { eval: true })
        : new Worker(source, { workerData: data });
    };
    const thread = sweeping({ startThread: dying });
    expect(await stats(thread)).toEqual(new Map([['a', statOf('a')]]));
    thread.close();
    expect(await findings(thread)).toEqual([{ unreadable: folder, detail: "the sweep's thread ended: no memory" }]);
    expect(await stats(thread)).toEqual(new Map([['a', statOf('a')]]));
    expect(started).toBe(3);
  });
});
