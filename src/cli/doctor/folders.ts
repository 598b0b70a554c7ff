// Checks of the watched folders: there, readable, on a file system whose changes this host sees, and within the limits of inotify, by
// really watching them.

import { constants, watch } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { type Bench, type Check, type Finding, fail, ok, skipped, warn } from './finding.ts';
import { countEntries, type Entries } from './folder-entries.ts';

export const checkFolders: Check = async (bench) => {
  const findings: Finding[] = [];
  for (const folder of bench.examined.config.watchFolders) findings.push(...(await checkFolder(folder, bench)));
  return findings;
};

async function checkFolder(folder: string, bench: Bench): Promise<readonly Finding[]> {
  try {
    await access(folder, constants.R_OK | constants.X_OK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    if (code === 'ENOENT' && bench.embedded)
      return [skipped('folder', `${folder} is not there yet: \`run --embedded\` makes it`)];
    // Told by the configuration's check.
    if (code === 'ENOENT') return [skipped('folder', `${folder} is not there`)];
    const cure = `give this user read and search permission: chmod, or a group`;
    return [fail('folder', 'configuration', `${folder}: ${code}`, 'no file in it can be carried', cure)];
  }
  const entries = await countEntries(folder, bench.signal);
  return [readable(folder, entries), await fileSystem(folder, bench), await inotify(folder, entries)];
}

function readable(folder: string, { files, unreadable, isWhole }: Entries): Finding {
  const seen = `${folder}: ${isWhole ? '' : 'more than '}${files} files`;
  if (unreadable.length === 0) return ok('folder', `${seen}, all readable`);
  const some = unreadable.slice(0, 3).join(', ');
  const cure = 'let the recorder create files that this user may read (umask, group, default ACL)';
  return warn(
    'folder',
    `${seen}; ${unreadable.length} cannot be read: ${some}`,
    'these wait as failed until they can',
    cure,
  );
}

async function fileSystem(folder: string, { tools }: Bench): Promise<Finding> {
  const id = 'folder.file-system';
  if (!(await tools.host().othersMayWrite(folder))) return ok(id, `${folder} is written by this host alone`);
  return warn(
    id,
    `${folder} is on a network or FUSE file system`,
    'inotify does not see what other hosts write, so files are found by sweeps (every 10 s); whether a writer holds a file open cannot be known, so STREAM_TIMEOUT_UNKNOWN_SECONDS counts',
    'run tailrace on the host that writes, if you can',
  );
}

const WATCHES_PATH = '/proc/sys/fs/inotify/max_user_watches';
/** Others of this user need some too. */
const WATCHES_MARGIN = 2;

async function inotify(folder: string, { folders, files }: Entries): Promise<Finding> {
  const id = 'inotify';
  const refused = await watchOnce(folder);
  const raise =
    'sysctl fs.inotify.max_user_watches=1048576 fs.inotify.max_user_instances=1024 (in /etc/sysctl.d to stay)';
  const means = 'new files are found by sweeps (every 10 s) instead of at once';
  if (refused !== null) return warn(id, `${folder} cannot be watched: ${refused}`, means, raise);
  const most = Number(await readFile(WATCHES_PATH, 'latin1').catch(() => Number.NaN));
  // Not Linux.
  if (Number.isNaN(most)) return skipped(id, `${WATCHES_PATH} cannot be read`);
  const needed = folders + files;
  if (needed * WATCHES_MARGIN <= most) return ok(id, `${folder} can be watched: at most ${needed} of ${most} watches`);
  return warn(id, `${folder} may need ${needed} watches of ${most} for all programs of this user`, means, raise);
}

/** Really tried. Null: it works. */
function watchOnce(folder: string): Promise<string | null> {
  return new Promise((done) => {
    try {
      const watcher = watch(folder, { persistent: false });
      watcher.once('error', (error) => done(error.message));
      // Errors of the kernel come at once, from `watch` itself.
      setImmediate(() => {
        watcher.close();
        done(null);
      });
    } catch (error) {
      done((error as NodeJS.ErrnoException).code ?? String(error));
    }
  });
}
