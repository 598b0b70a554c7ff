import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createStreamNames, streamIdOf } from '../../../src/adapters/fs-identity.ts';
import { defaultHeldDescriptors } from '../../../src/adapters/fs-open-files-limit.ts';

let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'tailrace-fs-'));
});

afterEach(() => fs.rmSync(folder, { recursive: true }));

test('half of the process’ own limit is held, within bounds', () => {
  const limits = (line: string) => {
    const path = join(folder, 'limits');
    fs.writeFileSync(path, `Limit  Soft Limit  Hard Limit  Units\n${line}\n`);
    return defaultHeldDescriptors(path);
  };
  expect(limits('Max open files            1024                 4096                 files     ')).toBe(512);
  expect(limits('Max open files            1000000              1000000              files     ')).toBe(8_192);
  expect(limits('Max open files            unlimited            unlimited            files     ')).toBe(8_192);
  expect(limits('Max open files            1                    1                    files     ')).toBe(1);
  expect(limits('nothing of the kind')).toBe(100);
  expect(defaultHeldDescriptors(join(folder, 'absent'))).toBe(100);
  expect(defaultHeldDescriptors()).toBeGreaterThanOrEqual(100);
});

test('F78 a stream’s id holds no device number and no path: folder and file by inode and birth', () => {
  const folderPlace = { identity: { inode: '2', birthNs: '11' }, firstPath: '/watched' };
  const file = { identity: { inode: '7', birthNs: '22' }, firstPath: 'a' };
  const id = streamIdOf(folderPlace, file);
  expect(streamIdOf({ ...folderPlace, firstPath: '/moved' }, { ...file, firstPath: 'b' })).toBe(id);
  expect(streamIdOf(folderPlace, { ...file, identity: { inode: '7', birthNs: '23' } })).not.toBe(id);
  expect(streamIdOf({ ...folderPlace, identity: { inode: '3', birthNs: '11' } }, file)).not.toBe(id);
});

test('without birth times the path at first sight stands in, until the stream is over', async () => {
  const names = createStreamNames();
  const identity = { inode: '7', birthNs: '0' };
  const first = await names.idOf(folder, `${folder}/a`, identity);
  expect(await names.idOf(folder, `${folder}/renamed`, identity)).toBe(first);
  expect(await names.idOf(folder, `${folder}/b`, { inode: '8', birthNs: '0' })).not.toBe(first);
  expect(await createStreamNames().idOf(folder, `${folder}/a`, identity)).toBe(first);
  names.forget(first);
  expect(await names.idOf(folder, `${folder}/renamed`, identity)).not.toBe(first);
});
