// A watched folder, looked at once at start: that it is there and may be read, and what it is called independently of its path.

import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { errnoOf } from './fs-failure.ts';
import { toFsPath } from './fs-path.ts';

export type FolderFound = { readonly ok: true; readonly id: string } | { readonly ok: false; readonly problem: string };

/** Lease keys and socket names: short, and 128 bits are enough to never meet. */
const ID_HEX_DIGITS = 32;

/** `id`: hash of the folder's inode and birth time, the same after a rename or a reboot. */
export async function findFolder(path: string): Promise<FolderFound> {
  try {
    const stats = await stat(toFsPath(path), { bigint: true });
    if (!stats.isDirectory()) return { ok: false, problem: `${path} is not a folder` };
    await access(toFsPath(path), constants.R_OK | constants.X_OK);
    const id = createHash('sha256').update(`${stats.ino}/${stats.birthtimeNs}`).digest('hex').slice(0, ID_HEX_DIGITS);
    return { ok: true, id };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT')
      return {
        ok: false,
        problem: `${path} does not exist: create it, or set WATCH_DIR to the folder with your files`,
      };
    if (errno === 'EACCES')
      return { ok: false, problem: `${path} may not be read by this user: give read and search permission` };
    return { ok: false, problem: `${path} cannot be used: ${errno ?? String(error)}` };
  }
}

/** For STATE_DIR: made if absent, readable by its owner alone. */
export async function makeFolder(path: string): Promise<FolderFound> {
  try {
    await mkdir(toFsPath(path), { recursive: true, mode: 0o700 });
    await access(toFsPath(path), constants.W_OK | constants.X_OK);
  } catch (error) {
    return { ok: false, problem: `${path} cannot be made or written: ${errnoOf(error) ?? String(error)}` };
  }
  return await findFolder(path);
}
