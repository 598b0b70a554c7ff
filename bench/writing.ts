// Starts the writer process.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const WRITER = fileURLToPath(new URL('./writer.ts', import.meta.url));

/** Resolves with the epoch ms at which the file was closed. */
export async function write(path: string, sizeBytes: number, bytesPerSecond: number): Promise<number> {
  const args = [WRITER, path, String(sizeBytes), String(bytesPerSecond)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return Number(stdout);
}
