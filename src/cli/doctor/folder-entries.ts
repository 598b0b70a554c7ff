// Counts what lies in a folder, for as long as a person waits. Follows no links.

import { constants } from 'node:fs';
import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface Entries {
  readonly folders: number;
  readonly files: number;
  /** Paths of files and folders that may not be read. */
  readonly unreadable: readonly string[];
  /** False: there is more than was counted. */
  readonly isWhole: boolean;
}

const MOST_ENTRIES = 200_000;
const PATIENCE_MS = 5_000;

export async function countEntries(root: string, signal: AbortSignal): Promise<Entries> {
  const deadlineMs = Date.now() + PATIENCE_MS;
  const waiting = [root];
  const unreadable: string[] = [];
  let folders = 0;
  let files = 0;
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    if (signal.aborted || Date.now() > deadlineMs || folders + files > MOST_ENTRIES)
      return { folders, files, unreadable, isWhole: false };
    folders += 1;
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => null);
    if (entries === null) unreadable.push(folder);
    for (const entry of entries ?? []) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) waiting.push(path);
      if (!entry.isFile()) continue;
      files += 1;
      if (!(await mayRead(path))) unreadable.push(path);
    }
  }
  return { folders, files, unreadable, isWhole: true };
}

const mayRead = (path: string): Promise<boolean> =>
  access(path, constants.R_OK).then(
    () => true,
    // One that vanished meanwhile is no trouble.
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  );
