// Discovery by chokidar: a hint soon after a file appears. Growth is found by stat, elsewhere: watching it by events costs a core at
// a few thousand files and loses most of them.
//
// 1. Once a path gave its hint, chokidar is told to ignore it, so further events of the file cost no stat. A path is heard again when
//    its name is created, removed or renamed (the raw event `rename` says so).
// 2. Every event may be lost, and names that are no UTF-8 give none (node hands them over as U+FFFD): `sweep` finds all of these.
// 3. Errors (inotify's limits, unreadable folders) are told through `failed`; what is watched goes on, and so does `sweep`.

import { readdir, realpath } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import type { Outcome } from '../ports/outcome.ts';
import type { PathHint, SweepFinding, Watcher, WatchOptions } from '../ports/watcher.ts';
import { SweepThread, type SweepThreadParts } from './folder-sweep-thread.ts';
import { errnoOf, fsFailed } from './fs-failure.ts';
import { createGlobs, type Globs } from './fs-globs.ts';
import { toFsPath } from './fs-path.ts';

/** inotify's limit fails once per folder, possibly thousands of times: one of each kind tells it all. */
const TOLD_ONCE: readonly string[] = ['ENOSPC', 'EMFILE', 'ENFILE', 'ENOMEM'];
/** Different failures told in one run; beyond it they are noise. */
const MAX_TOLD_FAILURES = 1_000;

type Listener = Parameters<Watcher['start']>[0];

export interface ChokidarWatcherParts extends SweepThreadParts {
  /** Chokidar's own `watch`; tests give one that fails on demand. */
  readonly watch?: typeof watch;
}

export function createChokidarWatcher(options: WatchOptions, parts: ChokidarWatcherParts = {}): Watcher {
  const folders = options.folders.map((folder) => ({ folder, absolute: resolve(folder) }));
  const globs = createGlobs(options.include, options.exclude);
  const heard = new Set<string>();
  const sweeps = new SweepThread(options, parts);
  let chokidar: FSWatcher | null = null;

  const hintOf = (path: string): PathHint | null => {
    const owner = folders.find(({ absolute }) => isInside(absolute, path));
    if (!owner || !globs.allowsFile(relative(owner.absolute, path))) return null;
    return { folder: owner.folder, path: join(owner.folder, relative(owner.absolute, path)) };
  };

  function listen(to: FSWatcher, listener: Listener): void {
    const appeared = (path: string): void => {
      heard.add(path);
      const hint = hintOf(path);
      if (hint) listener.appeared(hint);
    };
    to.on('add', appeared);
    // The first event of a file that was there before the start, or that took another's name.
    to.on('change', appeared);
    to.on('unlink', (path) => heard.delete(path));
    // Of ignored files chokidar tells no `unlink`, so a folder that goes takes the names below it along here.
    to.on('unlinkDir', (gone) => {
      for (const path of heard) if (isInside(gone, path)) heard.delete(path);
    });
    to.on('raw', (event, name: unknown, details: unknown) => {
      if (event === 'rename') heard.delete(rawPath(name, details));
    });
    to.on('error', tellOnce(listener.failed));
  }

  async function start(listener: Listener): Promise<Outcome<null>> {
    for (const { folder } of folders) {
      try {
        await readdir(toFsPath(folder));
      } catch (error) {
        return fsFailed('readdir', folder, error);
      }
    }
    // Links below a watched folder are not followed, and chokidar takes the folder itself for one of them.
    for (const owner of folders) owner.absolute = await realpath(owner.absolute).catch(() => owner.absolute);
    const created = (parts.watch ?? watch)([], {
      ignored: (path) => heard.has(path) || isIgnored(folders, globs, path),
      // A sweep follows every start.
      ignoreInitial: true,
      followSymlinks: false,
      // Both would hold events back: until growth stops, until an editor has saved.
      awaitWriteFinish: false,
      atomic: false,
    });
    chokidar = created;
    listen(created, listener);
    const ready = new Promise<void>((resolveReady) => created.once('ready', resolveReady));
    created.add(folders.map(({ absolute }) => absolute));
    await ready;
    return { ok: true, value: null };
  }

  async function* sweep(signal: AbortSignal): AsyncGenerator<SweepFinding, void, undefined> {
    for (const { folder } of folders) yield* sweeps.sweep(folder, signal);
  }

  return {
    start,
    sweep,
    async close() {
      sweeps.close();
      await chokidar?.close();
    },
  };
}

const isInside = (folder: string, path: string): boolean => path.startsWith(folder === '/' ? '/' : `${folder}/`);

/** Folders above and the watched ones themselves are never ignored. A name with U+FFFD may be any name: asking for it costs a listing each time. */
function isIgnored(folders: readonly { readonly absolute: string }[], globs: Globs, path: string): boolean {
  const owner = folders.find(({ absolute }) => isInside(absolute, path));
  if (!owner) return false;
  return path.includes('\uFFFD') || !globs.allowsFolder(relative(owner.absolute, path));
}

/** Where a raw event of `fs.watch` happened; '' when it does not say. */
function rawPath(name: unknown, details: unknown): string {
  if (typeof name !== 'string' || typeof details !== 'object' || details === null) return '';
  return 'watchedPath' in details && typeof details.watchedPath === 'string' ? join(details.watchedPath, name) : '';
}

function tellOnce(failed: (detail: string) => void): (error: unknown) => void {
  const told = new Set<string>();
  return (error) => {
    const errno = errnoOf(error);
    const message = error instanceof Error ? error.message : String(error);
    const kind = errno !== null && TOLD_ONCE.includes(errno) ? errno : message;
    if (told.has(kind) || told.size >= MAX_TOLD_FAILURES) return;
    told.add(kind);
    failed(message);
  };
}
