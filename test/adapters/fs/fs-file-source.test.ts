import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDescriptors } from '../../../src/adapters/fs-descriptors.ts';
import { createFsFileSource } from '../../../src/adapters/fs-file-source.ts';
import { fromFsBytes, toFsPath } from '../../../src/adapters/fs-path.ts';
import type { FileRef } from '../../../src/machines/file-identity.ts';
import type { FileSource } from '../../../src/ports/file-source.ts';
import { codeOf, type Disk, fileSourceContract, found, refOf, textOf } from '../../contracts/file-source.contract.ts';
import { until } from '../../contracts/watcher.contract.ts';
import { runUnprivileged } from '../unprivileged.ts';

function realDisk(folder: string): Disk {
  return {
    folder,
    write(path, text, offset = 0) {
      const fd = fs.openSync(path, fs.constants.O_WRONLY | fs.constants.O_CREAT);
      fs.writeSync(fd, text, offset);
      fs.closeSync(fd);
    },
    append: fs.appendFileSync,
    truncate: fs.truncateSync,
    rename: fs.renameSync,
    link: fs.linkSync,
    unlink: fs.unlinkSync,
    makeOther: (path) => execFileSync('mkfifo', [path]),
  };
}

fileSourceContract('local files', () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'tailrace-fs-'));
  return {
    disk: realDisk(folder),
    source: (options) => createFsFileSource(options),
    end: () => fs.rmSync(folder, { recursive: true }),
  };
});

let folder: string;
let disk: Disk;
let source: FileSource;

beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'tailrace-fs-'));
  disk = realDisk(folder);
  source = createFsFileSource({ maxHeldDescriptors: 10 });
});

afterEach(async () => {
  await source.close();
  fs.rmSync(folder, { recursive: true });
});

/** Files of the test's folder that this process holds open. */
const heldFiles = (): string[] =>
  fs
    .readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return fs.readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return '';
      }
    })
    .filter((target) => target.startsWith(folder));

test('a FIFO, socket, symlink or folder is nothing that we carry, and none is opened', async () => {
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(folder, 'socket'), resolve));
  fs.symlinkSync(join(folder, 'fifo'), join(folder, 'link'));
  fs.symlinkSync(join(folder, 'loop'), join(folder, 'loop'));
  fs.mkdirSync(join(folder, 'sub'));
  for (const name of ['fifo', 'socket', 'link', 'loop', 'sub', 'fifo/below']) {
    expect(await source.identify(folder, join(folder, name))).toEqual({ ok: true, value: null });
  }
  server.close();
});

test('a FIFO or symlink that takes the place of a file does not hang us and is not read', async () => {
  disk.write(join(folder, 'a'), 'mine');
  const file = refOf(await found(source, disk, join(folder, 'a')));
  fs.renameSync(join(folder, 'a'), join(folder, 'b'));
  execFileSync('mkfifo', [join(folder, 'a')]);
  expect(await textOf(source, file)).toBe('source_gone');
  fs.unlinkSync(join(folder, 'a'));
  fs.symlinkSync(join(folder, 'b'), join(folder, 'a'));
  expect(await textOf(source, file)).toBe('source_gone');
  expect(codeOf(await source.stat(file))).toBe('source_gone');
});

test('F63 an inode that a new file got is not the old file', async () => {
  const path = join(folder, 'a');
  disk.write(path, 'old');
  const old = await found(source, disk, path);
  fs.unlinkSync(path);
  // ext4 gives the inode again at once; where it does not, another inode makes this no weaker.
  disk.write(path, 'new');
  const fresh = await found(source, disk, path);
  expect(fresh.streamId).not.toBe(old.streamId);
  expect(await textOf(source, refOf(old))).toBe('source_gone');
  expect(await textOf(source, refOf(fresh))).toBe('new');
});

test('a name that is no UTF-8 is found, read, renamed', async () => {
  const path = fromFsBytes(Buffer.concat([Buffer.from(`${folder}/f`), Buffer.of(0xfc), Buffer.from('r.mp4')]));
  fs.writeFileSync(toFsPath(path), 'latin');
  const file = await found(source, disk, path);
  expect(file.path).toBe(path);
  expect(await textOf(source, refOf(file))).toBe('latin');
  fs.renameSync(toFsPath(path), join(folder, 'plain'));
  expect((await found(source, disk, join(folder, 'plain'))).streamId).toBe(file.streamId);
});

test('a sparse file shows that its bytes are not there yet', async () => {
  disk.write(join(folder, 'sparse'), 'x');
  disk.truncate(join(folder, 'sparse'), 10 * 1024 * 1024);
  const { stat } = await found(source, disk, join(folder, 'sparse'));
  expect(stat.sizeBytes).toBe(10 * 1024 * 1024);
  expect(stat.allocatedBytes).toBeLessThan(1024 * 1024);
});

test('stat and read keep one descriptor per stream; release and close give all back', async () => {
  const files = [];
  for (let i = 0; i < 6; i++) {
    disk.write(join(folder, `f${i}`), `text ${i}`);
    files.push(refOf(await found(source, disk, join(folder, `f${i}`))));
  }
  expect(heldFiles()).toEqual([]);
  await Promise.all(files.flatMap((file) => [source.stat(file), textOf(source, file), textOf(source, file, 2)]));
  expect(heldFiles()).toHaveLength(6);
  await source.release(files[0]!.streamId);
  expect(heldFiles()).toHaveLength(5);
  await source.close();
  expect(heldFiles()).toEqual([]);
  expect(codeOf(await source.stat(files[1]!))).toBe('source_read_error');
});

test('no more descriptors are held than allowed, and looking at many files opens none in turn', async () => {
  const few = createFsFileSource({ maxHeldDescriptors: 3 });
  const files = [];
  for (let i = 0; i < 12; i++) {
    disk.write(join(folder, `f${i}`), `text ${i}`);
    files.push(refOf(await found(few, disk, join(folder, `f${i}`))));
  }
  await Promise.all(files.map((file) => textOf(few, file)));
  expect(heldFiles()).toHaveLength(3);
  const before = heldFiles().sort();
  await Promise.all(files.map((file) => few.stat(file)));
  expect(heldFiles().sort()).toEqual(before);
  // The least recently used went first.
  await textOf(few, files[0]!);
  await textOf(few, files[1]!);
  await textOf(few, files[2]!);
  expect(heldFiles().sort()).toEqual([0, 1, 2].map((i) => join(folder, `f${i}`)));
  await few.close();
});

test('a descriptor in use is closed after its last use: not by a release, nor for want of room', async () => {
  const few = createDescriptors(1);
  const files = [];
  for (const name of ['a', 'b', 'c']) {
    disk.write(join(folder, name), name);
    files.push(refOf(await found(source, disk, join(folder, name))));
  }
  let goOn: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let begun = 0;
  const slowly = (file: FileRef) =>
    few.use(file, async (handle) => {
      begun += 1;
      await gate;
      return { ok: true, value: (await handle.read(Buffer.alloc(10), 0, 10, 0)).bytesRead };
    });
  const reads = [slowly(files[0]!), slowly(files[1]!)];
  await until(() => begun === 2, 'both in use');
  await few.use(files[2]!, async () => ({ ok: true, value: null }));
  await few.release(files[0]!.streamId);
  goOn();
  expect(await Promise.all(reads)).toEqual([
    { ok: true, value: 1 },
    { ok: true, value: 1 },
  ]);
  expect(heldFiles().length).toBeLessThanOrEqual(1);
  await few.close();
  expect(heldFiles()).toEqual([]);
});

test('reads, releases and a want of room at once: every read gets its bytes', async () => {
  const few = createFsFileSource({ maxHeldDescriptors: 1 });
  const text = 'x'.repeat(1_000_000);
  disk.write(join(folder, 'a'), text);
  disk.write(join(folder, 'b'), text);
  const [a, b] = [
    refOf(await found(few, disk, join(folder, 'a'))),
    refOf(await found(few, disk, join(folder, 'b'))),
  ] as const;
  for (let round = 0; round < 20; round++) {
    const reads = [a, b, a, b].map((file) => textOf(few, file, 0, text.length));
    const released = few.release(a.streamId);
    expect((await Promise.all(reads)).map((read) => read.length)).toEqual(Array(4).fill(text.length));
    await released;
  }
  expect(heldFiles().length).toBeLessThanOrEqual(1);
  await few.close();
  expect(heldFiles()).toEqual([]);
});

test('when removed files fill all descriptors, others wait and nothing is let go', async () => {
  const few = createFsFileSource({ maxHeldDescriptors: 2 });
  const removed = [];
  for (const name of ['r1', 'r2']) {
    disk.write(join(folder, name), name);
    removed.push(refOf(await found(few, disk, join(folder, name))));
    await few.stat(removed.at(-1)!);
    fs.unlinkSync(join(folder, name));
  }
  disk.write(join(folder, 'linked'), 'linked');
  const linked = refOf(await found(few, disk, join(folder, 'linked')));
  expect(await textOf(few, linked)).toBe('source_open_files_limit');
  expect((await few.stat(linked)).ok).toBe(true);
  expect(await textOf(few, removed[0]!)).toBe('r1');
  expect(await textOf(few, removed[1]!)).toBe('r2');
  await few.release(removed[0]!.streamId);
  expect(await textOf(few, linked)).toBe('linked');
  await few.close();
});

test('looked at by path, for want of room, another file is not taken for the stream’s own', async () => {
  const few = createFsFileSource({ maxHeldDescriptors: 1 });
  const files = [];
  for (const name of ['held', 'replaced', 'removed']) {
    disk.write(join(folder, name), name);
    files.push(refOf(await found(few, disk, join(folder, name))));
  }
  await few.stat(files[0]!);
  expect((await few.stat(files[1]!)).ok).toBe(true);
  disk.write(join(folder, 'new'), 'other');
  fs.renameSync(join(folder, 'new'), join(folder, 'replaced'));
  fs.unlinkSync(join(folder, 'removed'));
  expect(codeOf(await few.stat(files[1]!))).toBe('source_gone');
  expect(codeOf(await few.stat(files[2]!))).toBe('source_gone');
  await few.close();
});

test('a file moved out of the folder is kept by its descriptor, as one unlinked is', async () => {
  const few = createFsFileSource({ maxHeldDescriptors: 1 });
  disk.write(join(folder, 'a'), 'moved');
  disk.write(join(folder, 'b'), 'other');
  const [a, b] = [
    refOf(await found(few, disk, join(folder, 'a'))),
    refOf(await found(few, disk, join(folder, 'b'))),
  ] as const;
  await few.stat(a);
  fs.mkdirSync(join(folder, 'elsewhere'));
  fs.renameSync(join(folder, 'a'), join(folder, 'elsewhere', 'a'));
  await textOf(few, b);
  expect(await textOf(few, a)).toBe('moved');
  await few.close();
});

test('a file that may not be read says so, and is read once it may', async () => {
  fs.writeFileSync(join(folder, 'secret'), 'x', { mode: 0o600 });
  fs.chmodSync(folder, 0o755);
  const answers = await runUnprivileged<string[]>(new URL('./unreadable.child.ts', import.meta.url), folder);
  expect(answers).toEqual(['identify ok', 'read source_permission_denied', 'closed folder source_permission_denied']);
});

test('no more open files: the failure says which limit to raise', () => {
  const child = new URL('./open-files.child.ts', import.meta.url).pathname;
  const out = execFileSync('sh', ['-c', `ulimit -n 64 && exec "$0" "$1" "$2"`, process.execPath, child, folder]);
  expect(JSON.parse(out.toString())).toEqual(['source_open_files_limit', 'ok']);
});

test('an error that is none of the system’s is called a bug', async () => {
  expect(codeOf(await source.identify(folder, `${folder}/nul\0byte`))).toBe('bug');
});
