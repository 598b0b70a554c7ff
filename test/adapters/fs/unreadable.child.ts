// Child: asks, as nobody in particular, for a file of its folder that only its owner may read, and for one in a closed folder.
// An ordinary user owns the file, so it is closed by mode for them too.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createFsFileSource } from '../../../src/adapters/fs-file-source.ts';
import { codeOf, found, refOf } from '../../contracts/file-source.contract.ts';
import { dropPrivileges } from '../unprivileged.ts';

const folder = process.argv[2] ?? '';
const closed = join(folder, 'closed');
mkdirSync(closed);
writeFileSync(join(closed, 'a'), 'x');
chmodSync(closed, 0);
chmodSync(join(folder, 'secret'), 0);
dropPrivileges();

const source = createFsFileSource();
const file = await found(source, { folder }, join(folder, 'secret'));
const read = await source.read(refOf(file), 0, new Uint8Array(1));
const inClosed = await source.identify(folder, join(closed, 'a'));
if (process.getuid?.() !== 0) chmodSync(closed, 0o700);
console.log(JSON.stringify(['identify ok', `read ${codeOf(read)}`, `closed folder ${codeOf(inClosed)}`]));
