// Whether a file really lies below its watched folder, and was not reached through a link: who may write into the folder may put one
// in the place of a folder below it at any moment, and must not get read by us what we may read and they may not.
//
// 1. O_NOFOLLOW and lstat look at the last name of a path only; here all names below the watched folder count. The folder itself may be
//    a link: it is the operator's.
// 2. A look at a path may be out of date when it ends. What decides is where an open descriptor leads, asked after it was opened.
// 3. A file that left the folder later is still the stream's own: it is asked once per opening.

import { readlink, realpath } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { errnoOf } from './fs-failure.ts';
import { toFsPath } from './fs-path.ts';

const SLASH = Buffer.from('/');

/** `path` is one that a listing below `folder` gave. Rejects with node's error where one of the two is gone. */
export async function leadsStraight(folder: string, path: string): Promise<boolean> {
  const parent = dirname(path);
  const [realFolder, realParent] = await Promise.all([folder, parent].map(realBytes));
  const below = relative(folder, parent);
  return realFolder !== undefined && realParent?.equals(below === '' ? realFolder : inside(realFolder, below)) === true;
}

/** Where the kernel does not tell (no /proc), the path it was opened by has to do. */
export async function isOpenInside(folder: string, path: string, descriptor: number): Promise<boolean> {
  try {
    const real = await readlink(`/proc/self/fd/${descriptor}`, { encoding: 'buffer' });
    const within = inside(await realBytes(folder), '');
    return real.subarray(0, within.length).equals(within);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    return await leadsStraight(folder, path);
  }
}

const realBytes = (path: string): Promise<Buffer> => realpath(toFsPath(path), { encoding: 'buffer' });

/** With a slash between the two; the root has its own. */
const inside = (real: Buffer, below: string): Buffer =>
  Buffer.concat([real, ...(real.equals(SLASH) ? [] : [SLASH]), Buffer.from(toFsPath(below))]);
