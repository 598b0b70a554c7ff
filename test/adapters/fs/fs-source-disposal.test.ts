// Source files on a real disk and in memory: the same contract, and what only a real disk can do.

import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFsFileSource } from '../../../src/adapters/fs-file-source.ts';
import { createFsSourceDisposal } from '../../../src/adapters/fs-source-disposal.ts';
import { codeOf, found, refOf } from '../../contracts/file-source.contract.ts';
import { sourceDisposalContract } from '../../contracts/source-disposal.contract.ts';
import { createMemoryFileSource, createMemoryFiles } from '../../fakes/memory-file-source.ts';
import { createMemoryDisposal } from '../../fakes/memory-source-disposal.ts';

const newRoot = (): string => fs.mkdtempSync(join(tmpdir(), 'tailrace-disposal-'));

sourceDisposalContract('local files', () => {
  const root = newRoot();
  const folder = join(root, 'watched');
  fs.mkdirSync(folder);
  return {
    disk: {
      folder,
      write: (path, text) => fs.writeFileSync(path, text, { flag: 'a' }),
      append: fs.appendFileSync,
      truncate: fs.truncateSync,
      rename: fs.renameSync,
      link: fs.linkSync,
      unlink: fs.unlinkSync,
      makeOther: fs.mkdirSync,
      paths: () => fs.readdirSync(folder).map((name) => join(folder, name)),
      textOf: (path) => fs.readFileSync(path, 'utf8'),
    },
    source: createFsFileSource(),
    disposal: createFsSourceDisposal(),
    target: join(root, 'done'),
    end: () => fs.rmSync(root, { recursive: true }),
  };
});

sourceDisposalContract('in memory', () => {
  const files = createMemoryFiles();
  const textOf = (path: string) => Buffer.from(files.bytesOf(path) ?? []).toString();
  const paths = () => files.paths().filter((path) => path.startsWith(`${files.folder}/`));
  const disk = { ...files, paths, textOf };
  const [source, disposal] = [createMemoryFileSource(files), createMemoryDisposal(files)];
  return { disk, source, disposal, target: '/done', end: () => undefined };
});

let root: string;
let folder: string;
beforeEach(() => {
  root = newRoot();
  folder = join(root, 'watched');
  fs.mkdirSync(folder);
});
afterEach(() => fs.rmSync(root, { recursive: true }));

async function fileAt(path: string, text = 'a recording') {
  fs.mkdirSync(join(path, '..'), { recursive: true });
  fs.writeFileSync(path, text);
  const source = createFsFileSource();
  const file = refOf(await found(source, { folder }, path));
  await source.close();
  return file;
}

test('killed between link and unlink, a file with both names is moved, not copied', async () => {
  const disposal = createFsSourceDisposal();
  const file = await fileAt(join(folder, 'take.mp4'));
  await disposal.setAside(file);
  const target = join(root, 'done');
  fs.mkdirSync(target);
  fs.linkSync(disposal.aside(file).path, join(target, 'take.mp4'));
  expect(await disposal.move(file, target)).toEqual({ ok: true, value: join(target, 'take.mp4') });
  expect([fs.readdirSync(target), fs.readdirSync(folder)]).toEqual([['take.mp4'], []]);
});

test('folders below the watched one are kept, and the longest names fit', async () => {
  const disposal = createFsSourceDisposal();
  const name = `${'ü'.repeat(125)}.mp4`;
  const file = await fileAt(join(folder, 'day', name));
  expect(codeOf(await disposal.setAside(file))).toBe('ok');
  expect(await disposal.move(file, join(root, 'done'))).toEqual({ ok: true, value: join(root, 'done/day', name) });
});

test('what cannot be removed is told with its cure, and stays', async () => {
  const disposal = createFsSourceDisposal();
  const file = await fileAt(join(folder, 'take.mp4'));
  await disposal.setAside(file);
  fs.writeFileSync(join(root, 'done'), 'no folder');
  const moved = await disposal.move(file, join(root, 'done'));
  expect(codeOf(moved)).toBe('source_disposal_refused');
  expect(await disposal.putBack(file)).toEqual({ ok: true, value: file.path });
});
