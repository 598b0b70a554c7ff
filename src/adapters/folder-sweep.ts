// One walk through a folder: every path that the globs allow, regular files only. It is what makes discovery correct; events only make
// it fast.
//
// Promises: follows no symlink; goes on when folders vanish under it; reports what it may not read; keeps few folders open at once;
// lets others run in between; ends soon after its signal. Opens no file.

import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { setImmediate as breathe } from 'node:timers/promises';
import type { PathHint } from '../ports/watcher.ts';
import { errnoOf, isAbsent } from './fs-failure.ts';
import type { Globs } from './fs-globs.ts';
import { fromFsBytes, printablePath, toFsPath } from './fs-path.ts';

/** Libuv has four threads by default: more listings at once would only keep reads of files waiting. */
const MAX_LISTINGS = 3;
/** Names between two breaths: about a millisecond. */
const NAMES_PER_BREATH = 500;
/** A tree this deep is a loop of mounts. */
const MAX_DEPTH = 128;

export type SweepFinding = PathHint | { readonly unreadable: string; readonly detail: string };

interface Listing {
  /** Relative to the watched folder; '' is the folder itself. */
  readonly relative: string;
  readonly entries: readonly Dirent<Buffer>[];
  readonly problem: string | null;
}

export async function* sweepFolder(
  folder: string,
  globs: Globs,
  signal: AbortSignal,
): AsyncGenerator<SweepFinding, void, undefined> {
  const waiting: string[] = [''];
  const listings: Promise<Listing>[] = [];
  let namesSinceBreath = 0;

  while (!signal.aborted) {
    // Deepest first, so that a wide tree does not pile up waiting folders.
    while (listings.length < MAX_LISTINGS && waiting.length > 0) listings.push(list(folder, waiting.pop() ?? ''));
    const listing = await listings.shift();
    if (!listing) return;
    if (listing.problem) yield { unreadable: join(folder, listing.relative), detail: listing.problem };
    for (const entry of listing.entries) {
      if (++namesSinceBreath >= NAMES_PER_BREATH) {
        namesSinceBreath = 0;
        await breathe();
      }
      if (signal.aborted) return;
      const relative = join(listing.relative, fromFsBytes(entry.name));
      if (entry.isDirectory() && globs.allowsFolder(relative)) waiting.push(relative);
      else if (entry.isFile() && globs.allowsFile(relative)) yield { folder, path: join(folder, relative) };
    }
  }
}

async function list(folder: string, relative: string): Promise<Listing> {
  const path = join(folder, relative);
  if (relative.split('/').length > MAX_DEPTH) {
    return { relative, entries: [], problem: `${printablePath(path)}: deeper than ${MAX_DEPTH} folders` };
  }
  try {
    return {
      relative,
      entries: await readdir(toFsPath(path), { withFileTypes: true, encoding: 'buffer' }),
      problem: null,
    };
  } catch (error) {
    // A folder that vanished is no news, except the watched one itself.
    const quiet = isAbsent(error) && relative !== '';
    const problem = quiet ? null : `readdir ${printablePath(path)}: ${errnoOf(error) ?? String(error)}`;
    return { relative, entries: [], problem };
  }
}

const join = (above: string, name: string): string => {
  if (above === '' || name === '') return above + name;
  return above.endsWith('/') ? above + name : `${above}/${name}`;
};
