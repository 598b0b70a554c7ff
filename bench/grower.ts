// Many files that grow, as a process of its own: appends ten bytes to each of them, ten times a second, for a while. Prints for each
// round the epoch ms at which it began; a file's size tells in which round it was.
//
// usage: node grower.ts FOLDER FILES SECONDS

import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const BYTES_PER_ROUND = 10;
const ROUND_MS = 100;
const FILES_PER_FOLDER = 500;

const [folder = '', count = '0', seconds = '0'] = process.argv.slice(2);
const bytes = Buffer.alloc(BYTES_PER_ROUND, 'x');
const files = Array.from({ length: Number(count) }, (_, n) => {
  const sub = join(folder, `folder-${Math.floor(n / FILES_PER_FOLDER)}`);
  mkdirSync(sub, { recursive: true });
  return openSync(join(sub, `file-${n}`), 'a');
});
const endsAtMs = Date.now() + Number(seconds) * 1000;
for (let dueMs = Date.now(); dueMs < endsAtMs; dueMs += ROUND_MS) {
  await wait(Math.max(0, dueMs - Date.now()));
  process.stdout.write(`${Date.now()}\n`);
  for (const file of files) writeSync(file, bytes);
}
for (const file of files) closeSync(file);
