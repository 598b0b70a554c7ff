// What every file was whenever its writer rested: the only contents that a completed stream may claim. Kept by whoever writes, so that
// it does not depend on anything that the daemon says.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Freeze } from '../../src/machines/file-identity.ts';

export interface Version {
  readonly inode: string;
  readonly sizeBytes: number;
  readonly mtimeNs: string;
  readonly ctimeNs: string;
  readonly sha256: string;
}

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk);
  return hash.digest('hex');
}

export class Diary {
  readonly #versions: Version[] = [];
  /** Path -> what it was when its writer let go of it for good. */
  readonly #final = new Map<string, Version>();

  /** Call it while nobody writes. */
  async note(path: string, options: { readonly isFinal?: boolean } = {}): Promise<void> {
    const sha256 = await sha256Of(path).catch(absent);
    const seen = await stat(path, { bigint: true }).catch(absent);
    // Somebody moved it away meanwhile: with AFTER_COMPLETE, the daemon does.
    if (sha256 === null || seen === null) return;
    const { ino, size, mtimeNs, ctimeNs } = seen;
    const times = { mtimeNs: String(mtimeNs), ctimeNs: String(ctimeNs) };
    const version = { inode: String(ino), sizeBytes: Number(size), ...times, sha256 };
    this.#versions.push(version);
    if (options.isFinal) this.#final.set(path, version);
  }

  /** What the freeze may have seen. More than one: times were set back, and only ctime could tell. */
  at({ identity, sizeBytes, mtimeNs, ctimeNs }: Freeze): readonly Version[] {
    const alike = this.#versions.filter(
      (version) => version.inode === identity.inode && version.sizeBytes === sizeBytes && version.mtimeNs === mtimeNs,
    );
    const exact = alike.filter((version) => version.ctimeNs === ctimeNs);
    return exact.length > 0 ? exact : alike;
  }

  wasEver(sha256: string): boolean {
    return this.#versions.some((version) => version.sha256 === sha256);
  }

  finals(): ReadonlyMap<string, Version> {
    return this.#final;
  }
}

function absent(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
