// Checks of STATE_DIR: writable, local, lasting, and with room. Tries by writing one small file, and removes it; makes no STATE_DIR.

import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { formatSize } from '../../config/values.ts';
import { type Bench, type Check, type Finding, fail, ok, warn } from './finding.ts';

export const checkStateDir: Check = async (bench) => {
  const { stateDir } = bench.examined.config;
  const place = nearestExisting(stateDir);
  const refused = await tryToWrite(place);
  if (refused !== null) {
    const found = `${place} cannot be written: ${refused}`;
    return [
      fail(
        'state-dir',
        'configuration',
        found,
        '`run` cannot start',
        'give this user the folder (chown), or set STATE_DIR',
      ),
    ];
  }
  const made = place === stateDir ? '' : ` (${stateDir} is made by \`run\`)`;
  return [ok('state-dir', `${place} can be written${made}`), await fileSystem(place, bench), await room(place)];
};

function nearestExisting(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestExisting(dirname(path));
}

/** Null: it works. */
async function tryToWrite(folder: string): Promise<string | null> {
  const path = join(folder, `.tailrace-doctor-${randomUUID()}`);
  try {
    await writeFile(path, 'doctor', { flag: 'wx', flush: true });
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    await rm(path, { force: true }).catch(() => {});
  }
}

/** `f_type` of tmpfs and ramfs (statfs(2)). */
const IN_MEMORY: readonly number[] = [0x0102_1994, 0x8584_58f6];

async function fileSystem(folder: string, { tools }: Bench): Promise<Finding> {
  const id = 'state-dir.file-system';
  if (await tools.host().othersMayWrite(folder)) {
    const means = 'SQLite’s lock and its writes are not safe there: the journal may be damaged, or used by two daemons';
    return warn(
      id,
      `${folder} is on a network or FUSE file system`,
      means,
      'set STATE_DIR to a folder on a local disk',
    );
  }
  if (IN_MEMORY.includes((await statfs(folder)).type >>> 0)) {
    const means =
      'the journal is gone after a reboot: what was begun is found again from the files and S3, with more work';
    return warn(id, `${folder} is in memory`, means, 'set STATE_DIR to a folder on a disk');
  }
  return ok(id, `${folder} is on a local file system`);
}

/** 10,000 streams with ledgers take about 100 MiB. */
const ENOUGH_BYTES = 512 * 2 ** 20;
const LEAST_BYTES = 16 * 2 ** 20;

async function room(folder: string): Promise<Finding> {
  const id = 'state-dir.space';
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  if (freeBytes >= ENOUGH_BYTES) return ok(id, `${formatSize(freeBytes)} free`);
  const found = `${formatSize(freeBytes)} free at ${folder}`;
  const means = 'when the journal cannot be written, nothing is completed until it can';
  if (freeBytes < LEAST_BYTES) return fail(id, 'unavailable', found, means, 'make room');
  return warn(id, found, means, 'make room');
}
