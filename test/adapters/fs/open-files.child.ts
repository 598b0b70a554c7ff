// Child, started with a low limit of open files: uses them up, asks for one more, and again after giving some back.

import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createFsFileSource } from '../../../src/adapters/fs-file-source.ts';
import { codeOf, found, refOf } from '../../contracts/file-source.contract.ts';

const folder = process.argv[2] ?? '';
const path = join(folder, 'a');
writeFileSync(path, 'x');
const source = createFsFileSource();
const file = refOf(await found(source, { folder }, path));
const taken: number[] = [];
try {
  for (;;) taken.push(openSync(path, 'r'));
} catch {
  // The limit is reached.
}
const refused = await source.read(file, 0, new Uint8Array(1));
for (const fd of taken) closeSync(fd);
const served = await source.read(file, 0, new Uint8Array(1));
console.log(JSON.stringify([codeOf(refused), codeOf(served)]));
