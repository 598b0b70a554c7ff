import { expect, test } from 'vitest';
import { failureOf } from '../../../src/machines/failure.ts';
import { codeOf, fileSourceContract, found, refOf } from '../../contracts/file-source.contract.ts';
import { createMemoryFileSource, createMemoryFiles } from '../../fakes/memory-file-source.ts';

for (const birthTimes of [true, false]) {
  fileSourceContract(`in memory, ${birthTimes ? 'with' : 'without'} birth times`, () => {
    const disk = createMemoryFiles({ birthTimes });
    return { disk, source: (options) => createMemoryFileSource(disk, options), end: () => undefined };
  });
}

test('the same steps give the same ids and times', async () => {
  const run = async () => {
    const disk = createMemoryFiles({ nowMs: () => 5_000 });
    disk.write('/watched/a', 'x');
    disk.rename('/watched/a', '/watched/b');
    return found(createMemoryFileSource(disk), disk, '/watched/b');
  };
  expect(await run()).toEqual(await run());
});

test('faults are what the scenario says', async () => {
  const disk = createMemoryFiles();
  const source = createMemoryFileSource(disk);
  disk.write('/watched/a', 'x');
  const file = refOf(await found(source, disk, '/watched/a'));
  disk.fault = (operation) => (operation === 'read' ? failureOf('source_read_error', 'EIO') : null);
  expect(codeOf(await source.read(file, 0, new Uint8Array(1)))).toBe('source_read_error');
  expect(codeOf(await source.stat(file))).toBe('ok');
});

test('an edit through a mapping shows in the bytes and in no stat', async () => {
  const disk = createMemoryFiles();
  disk.write('/watched/a', 'abc');
  const before = disk.fileAt('/watched/a')?.ctimeNs;
  disk.poke('/watched/a', 'X', 1);
  expect(Buffer.from(disk.bytesOf('/watched/a') ?? []).toString()).toBe('aXc');
  expect(disk.fileAt('/watched/a')?.ctimeNs).toBe(before);
});

test('a new file can get the inode of one that is gone, and is another stream by its birth', async () => {
  const disk = createMemoryFiles({ reuseInodes: true });
  const source = createMemoryFileSource(disk);
  disk.write('/watched/a', 'x');
  const first = await found(source, disk, '/watched/a');
  disk.unlink('/watched/a');
  disk.write('/watched/a', 'x');
  const second = await found(source, disk, '/watched/a');
  expect(second.stat.identity.inode).toBe(first.stat.identity.inode);
  expect(second.streamId).not.toBe(first.streamId);
});
