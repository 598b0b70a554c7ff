// `npm run charts`: writes docs/statecharts, and removes what no machine has any more.

import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chartFiles } from './chart-files.ts';

const folder = join(import.meta.dirname, '..', '..', 'docs', 'statecharts');
const files = await chartFiles();
await mkdir(folder, { recursive: true });
for (const name of await readdir(folder)) if (!files.has(name)) await rm(join(folder, name), { recursive: true });
for (const [name, text] of files) await writeFile(join(folder, name), text);
console.log(`docs/statecharts: ${files.size} files`);
