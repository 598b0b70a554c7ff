// Child: opens the file as told (`write`, `append`, `read`), says so, and holds it until its stdin ends.

import { openSync } from 'node:fs';

const [, , mode = '', path = ''] = process.argv;
openSync(path, { write: 'r+', append: 'a', read: 'r' }[mode] ?? 'r');
process.stdout.write('ready\n');
process.stdin.resume();
