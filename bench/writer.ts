// A writer, as a process of its own: appends to a file at a pace, from memory, and closes it. Prints the epoch ms of the close.
//
// usage: node writer.ts FILE BYTES BYTES_PER_SECOND

import { randomFillSync } from 'node:crypto';
import { open } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';

const PIECE_BYTES = 2 ** 20;
const [path = '', size = '0', pace = '0'] = process.argv.slice(2);
const [sizeBytes, bytesPerSecond] = [Number(size), Number(pace)];
const piece = randomFillSync(Buffer.alloc(PIECE_BYTES));
const file = await open(path, 'w');
const startedMs = performance.now();
for (let at = 0; at < sizeBytes; at += PIECE_BYTES) {
  piece.writeDoubleLE(at);
  await file.write(piece, 0, Math.min(PIECE_BYTES, sizeBytes - at));
  const aheadMs = (at / bytesPerSecond) * 1000 - (performance.now() - startedMs);
  if (aheadMs > 1) await wait(aheadMs);
}
await file.close();
process.stdout.write(`${Date.now()}\n`);
