// The recorder of `tailrace demo`, a process of its own so that it is seen to hold its file open: writes a growing file and patches
// the header at the end, as most recorders do. Arguments: path, seconds, bytes a second.

import { randomFillSync } from 'node:crypto';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const HEADER_BYTES = 64;
const WRITES_PER_SECOND = 10;

const [path = '', seconds = '0', bytesPerSecond = '0'] = process.argv.slice(2);
const file = await open(path, 'wx');
await file.write(Buffer.alloc(HEADER_BYTES));
const chunk = Buffer.alloc(Math.ceil(Number(bytesPerSecond) / WRITES_PER_SECOND));
for (let i = 0; i < Number(seconds) * WRITES_PER_SECOND; i += 1) {
  await file.write(randomFillSync(chunk));
  await sleep(1_000 / WRITES_PER_SECOND);
}
const { size } = await file.stat();
await file.write(`recorded ${size} bytes`.padEnd(HEADER_BYTES), 0);
await file.close();
