// Files to carry: real bytes on the disk of the temporary folder, read once so that they are in the page cache. Everything is
// removed at the end.

import { randomFillSync } from 'node:crypto';
import { closeSync, linkSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const MIB = 2 ** 20;
export const GIB = 2 ** 30;
const PIECE_BYTES = 8 * MIB;

export class WorkFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'tailrace-bench-'));
  #made = 0;

  /** A folder of its own, empty. */
  folder(name: string): string {
    this.#made += 1;
    const path = join(this.path, `${name}-${this.#made}`);
    mkdirSync(path);
    return path;
  }

  /** Random bytes in 8 MiB pieces, each different in its first bytes: nothing on the way can be clever about them. */
  file(name: string, sizeBytes: number): string {
    const path = join(this.path, name);
    const file = openSync(path, 'w');
    const piece = randomFillSync(Buffer.alloc(PIECE_BYTES));
    for (let at = 0; at < sizeBytes; at += PIECE_BYTES) {
      piece.writeDoubleLE(at);
      writeSync(file, piece, 0, Math.min(PIECE_BYTES, sizeBytes - at));
    }
    closeSync(file);
    return path;
  }

  /** The whole file appears in the folder at once. */
  static appear(file: string, folder: string, name: string): void {
    linkSync(file, join(folder, name));
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
