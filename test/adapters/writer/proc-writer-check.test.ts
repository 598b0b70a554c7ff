import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFsFileSource } from '../../../src/adapters/fs-file-source.ts';
import { fromFsBytes, toFsPath } from '../../../src/adapters/fs-path.ts';
import { createProcWriterCheck } from '../../../src/adapters/proc-writer-check.ts';
import type { FileRef } from '../../../src/machines/file-identity.ts';
import type { WriterCheck } from '../../../src/ports/writer-check.ts';
import { found, refOf } from '../../contracts/file-source.contract.ts';
import { writerCheckContract } from '../../contracts/writer-check.contract.ts';
import { runUnprivileged } from '../unprivileged.ts';

let folder: string;
let children: ChildProcess[];

beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'tailrace-writer-'));
  children = [];
});

afterEach(async () => {
  await Promise.all(children.map(ended));
  fs.rmSync(folder, { recursive: true });
});

async function fileAt(path: string): Promise<FileRef> {
  fs.writeFileSync(toFsPath(path), Buffer.alloc(4096));
  const source = createFsFileSource();
  const ref = refOf(await found(source, { folder }, path));
  await source.close();
  return ref;
}

/** Resolves once the child said that it is ready; to what lets it go. */
async function holding(command: string, ...args: string[]): Promise<() => Promise<void>> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const failed = once(child, 'exit').then(() => Promise.reject(new Error(`${command} did not start as it should`)));
  await Promise.race([once(child.stdout, 'data'), failed]);
  failed.catch(() => undefined);
  return () => ended(child);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.stdin?.end();
  await exit;
}

const node = (mode: string, path: string) =>
  holding(process.execPath, fileURLToPath(new URL('./writer.child.ts', import.meta.url)), mode, path);

/** Not skipped where Python is missing: the promise would be untested without anyone knowing. */
async function mapping(kind: 'shared' | 'private', path: string): Promise<() => Promise<void>> {
  const child = fileURLToPath(new URL('./mapping.child.py', import.meta.url));
  try {
    return await holding('python3', child, kind, path);
  } catch (error) {
    throw new Error('the test of shared mappings needs python3 (node has no mmap): install it', { cause: error });
  }
}

const checkOf = (procPath: string): WriterCheck => createProcWriterCheck({ procPath, seesAllProcesses: true });

/**
 * A /proc that shows the test's own processes only, and these as they really are: on most machines some process may not be looked into
 * (by an ordinary user always), and then nothing is ever "none".
 */
function checkHere(): WriterCheck {
  const view = fs.mkdtempSync(join(folder, 'proc-'));
  const link = (pid: number): void => {
    if (!fs.existsSync(join(view, String(pid)))) fs.symlinkSync(`/proc/${pid}`, join(view, String(pid)));
  };
  fs.mkdirSync(join(view, '1', 'fd'), { recursive: true });
  fs.writeFileSync(join(view, '1', 'maps'), '');
  fs.writeFileSync(join(view, '1', 'stat'), '1 (init) S 0 1 1 0 -1 0');
  const check = checkOf(view);
  return {
    look(files) {
      for (const { pid, exitCode } of children) if (pid !== undefined && exitCode === null) link(pid);
      link(process.pid);
      return check.look(files);
    },
  };
}

async function answer(check: WriterCheck, ...files: FileRef[]): Promise<unknown[]> {
  const outcome = await check.look(files);
  if (!outcome.ok) return [outcome.failure.code];
  return files.map(({ streamId }) => outcome.value.get(streamId));
}

writerCheckContract('/proc', async () => ({
  check: checkHere(),
  file: (name) => fileAt(join(folder, name)),
  write: ({ path }) => node('write', path),
  read: ({ path }) => node('read', path),
  end: async () => undefined,
}));

test('appending counts as writing', async () => {
  const file = await fileAt(join(folder, 'a'));
  const end = await node('append', file.path);
  expect(await answer(checkHere(), file)).toEqual(['open']);
  await end();
  expect(await answer(checkHere(), file)).toEqual(['none']);
});

test('in the real /proc, with whatever else runs here, a writer is seen, and not after it ended', async () => {
  const file = await fileAt(join(folder, 'a'));
  const end = await node('write', file.path);
  expect(await answer(createProcWriterCheck(), file)).toEqual(['open']);
  await end();
  expect(await answer(createProcWriterCheck(), file)).not.toEqual(['open']);
});

test('our own descriptors, for reading, do not count', async () => {
  const file = await fileAt(join(folder, 'a'));
  const source = createFsFileSource();
  await source.stat(file);
  expect(await answer(checkHere(), file)).toEqual(['none']);
  await source.close();
});

test('our own process is passed over: it reads watched files only, and holds too many to look at each', async () => {
  const file = await fileAt(join(folder, 'a'));
  const ours = fs.openSync(file.path, 'r+');
  expect(await answer(createProcWriterCheck(), file)).not.toEqual(['open']);
  fs.closeSync(ours);
});

test('a shared writable mapping counts, also after its descriptor is closed', async () => {
  const file = await fileAt(join(folder, 'a'));
  const end = await mapping('shared', file.path);
  expect(await answer(checkHere(), file)).toEqual(['open']);
  await end();
  expect(await answer(checkHere(), file)).toEqual(['none']);
});

test('a private mapping changes no file and does not count', async () => {
  const file = await fileAt(join(folder, 'a'));
  const end = await mapping('private', file.path);
  expect(await answer(checkHere(), file)).toEqual(['none']);
  await end();
});

test('a file renamed or unlinked under its writer is still being written', async () => {
  const [a, b] = [await fileAt(join(folder, 'a')), await fileAt(join(folder, 'b'))];
  const ends = [await node('write', a.path), await node('write', b.path), await mapping('shared', b.path)];
  fs.renameSync(a.path, join(folder, 'renamed'));
  fs.unlinkSync(b.path);
  expect(await answer(checkHere(), a, b)).toEqual(['open', 'open']);
  for (const end of ends) await end();
  expect(await answer(checkHere(), a)).toEqual(['none']);
});

test('a new file at the path, or with the inode of a former one, has no part in the other’s writers', async () => {
  const path = join(folder, 'a');
  const old = await fileAt(path);
  fs.unlinkSync(path);
  const fresh = await fileAt(path);
  const end = await node('write', path);
  expect(await answer(checkHere(), old, fresh)).toEqual(['none', 'open']);
  await end();
});

test('a writer of a file whose name is no UTF-8 is seen', async () => {
  const path = fromFsBytes(Buffer.concat([Buffer.from(`${folder}/`), Buffer.of(0xfc)]));
  const file = await fileAt(path);
  // By a plain second name: what counts is the file.
  fs.linkSync(toFsPath(path), join(folder, 'plain'));
  const end = await node('write', join(folder, 'plain'));
  expect(await answer(checkHere(), file)).toEqual(['open']);
  await end();
});

test('who may not look into all processes says unknown, except for what was found', async () => {
  await fileAt(join(folder, 'written'));
  await fileAt(join(folder, 'quiet'));
  fs.chmodSync(folder, 0o755);
  fs.chmodSync(join(folder, 'written'), 0o666);
  const child = new URL('./unprivileged-look.child.ts', import.meta.url);
  expect(await runUnprivileged(child, folder)).toEqual(['open', 'unknown']);
});

test('without /proc everything is unknown', async () => {
  const file = await fileAt(join(folder, 'a'));
  expect(await answer(checkOf(join(folder, 'no-proc')), file)).toEqual(['unknown']);
});

/** A /proc by hand, for what this machine does not have. */
function procWith(
  processes: Record<string, { fd?: Record<string, string>; flags?: string; maps?: string; stat?: string }>,
) {
  const proc = join(folder, 'proc');
  for (const [pid, { fd = {}, flags = '0100001', maps = '', stat = `${pid} (x) S 1 1 1 0 -1 0` }] of Object.entries(
    processes,
  )) {
    fs.mkdirSync(join(proc, pid, 'fd'), { recursive: true });
    fs.mkdirSync(join(proc, pid, 'fdinfo'));
    for (const [number, target] of Object.entries(fd)) {
      fs.symlinkSync(target, join(proc, pid, 'fd', number));
      fs.writeFileSync(join(proc, pid, 'fdinfo', number), `pos:\t0\nflags:\t${flags}\nmnt_id:\t9\n`);
    }
    fs.writeFileSync(join(proc, pid, 'maps'), maps);
    fs.writeFileSync(join(proc, pid, 'stat'), stat);
  }
  return proc;
}

test('hidden processes (hidepid) make everything unknown, except for what was found', async () => {
  const [a, b] = [await fileAt(join(folder, 'a')), await fileAt(join(folder, 'b'))];
  const proc = procWith({ 77: { fd: { 3: a.path, 4: 'socket:[1]', 5: '/dev/null' } } });
  expect(await answer(checkOf(proc), a, b)).toEqual(['open', 'unknown']);
  fs.mkdirSync(join(proc, '1', 'fd'), { recursive: true });
  expect(await answer(checkOf(proc), a, b)).toEqual(['open', 'none']);
});

test('in a PID namespace of our own, nobody found is unknown, unless the operator knows better', async () => {
  const file = await fileAt(join(folder, 'a'));
  const proc = procWith({ 1: {}, 77: {} });
  fs.mkdirSync(join(proc, 'self', 'ns'), { recursive: true });
  fs.symlinkSync('pid:[4026532999]', join(proc, 'self', 'ns', 'pid'));
  expect(await answer(createProcWriterCheck({ procPath: proc }), file)).toEqual(['unknown']);
  expect(await answer(createProcWriterCheck({ procPath: proc, seesAllProcesses: true }), file)).toEqual(['none']);
  fs.unlinkSync(join(proc, 'self', 'ns', 'pid'));
  fs.symlinkSync('pid:[4026531836]', join(proc, 'self', 'ns', 'pid'));
  expect(await answer(createProcWriterCheck({ procPath: proc }), file)).toEqual(['none']);
});

test.each([
  ['NFS', 0x6969, 'unknown'],
  ['CIFS, sign-extended', -11317950, 'unknown'],
  ['FUSE', 0x65735546, 'unknown'],
  ['ext4', 0xef53, 'none'],
])('on %s, nobody found is what it is where other hosts may write too', async (_, type, presence) => {
  const [quiet, written] = [await fileAt(join(folder, 'a')), await fileAt(join(folder, 'b'))];
  const procPath = procWith({ 1: {}, 77: { fd: { 3: written.path } } });
  const check = createProcWriterCheck({ procPath, seesAllProcesses: true, fileSystemType: async () => type });
  expect(await answer(check, quiet, written)).toEqual([presence, 'open']);
});

test('a process born while we look, with the descriptor handed on to it, is seen', async () => {
  const file = await fileAt(join(folder, 'a'));
  const answered = answer(checkOf(procWith({ 1: {}, 77: {} })), file);
  // The first listing is done when the look has begun.
  procWith({ 88: { fd: { 3: file.path } } });
  expect(await answered).toEqual(['open']);
});

test.each([
  ['0100000', 'none'],
  ['0100001', 'open'],
  ['02100002', 'open'],
  ['02102000', 'none'],
])('flags %s in fdinfo mean %s', async (flags, presence) => {
  const file = await fileAt(join(folder, 'a'));
  const proc = procWith({ 1: {}, 77: { fd: { 3: file.path }, flags } });
  expect(await answer(checkOf(proc), file)).toEqual([presence]);
});

test.each([
  ['rw-s', 'same', 'open'],
  ['rwxs', 'same', 'open'],
  ['r--s', 'same', 'none'],
  ['rw-p', 'same', 'none'],
  // Another file system may have the same inode, and btrfs shows another device for the same file.
  ['rw-s', 'other', 'unknown'],
])(
  'without a look at map_files, a mapping %s of the inode on the %s device means %s',
  async (permissions, which, presence) => {
    const file = await fileAt(join(folder, 'a'));
    const { dev } = fs.statSync(file.path);
    const device =
      which === 'same' ? `${hex((dev >> 8) & 0xfff)}:${hex((dev & 0xff) | ((dev >> 12) & 0xfff00))}` : 'fe:99';
    const line = `7f00-7f01 ${permissions} 00000000 ${device} ${file.identity.inode}     /somewhere/else\n`;
    const proc = procWith({ 1: {}, 77: { maps: `55-56 r-xp 00000000 00:00 0 [heap]\n${line}` } });
    expect(await answer(checkOf(proc), file)).toEqual([presence]);
  },
);

const hex = (part: number): string => part.toString(16).padStart(2, '0');
