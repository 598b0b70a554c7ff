// A watcher that does what its scenario says: hints come when `appear` is called, failures when `fail` is; a sweep lists the disk in memory
// that it was given. Lost events are simply never given.

import { createGlobs } from '../../src/adapters/fs-globs.ts';
import { ASIDE_PREFIX } from '../../src/machines/aside-path.ts';
import type { Failure } from '../../src/machines/failure.ts';
import type { PathHint, Watcher } from '../../src/ports/watcher.ts';

export interface ScriptedWatcher extends Watcher {
  /** An event, told to whoever listens; false when nobody does. */
  appear(path: string): boolean;
  fail(detail: string): void;
  /** What the next `start` answers instead. */
  refuseStart: Failure | null;
  /** Folders that a sweep cannot read. */
  readonly unreadable: Set<string>;
  readonly sweeps: () => number;
}

export interface SweptDisk {
  readonly folder: string;
  paths(): string[];
  isOther(path: string): boolean;
}

/** As the default of WATCH_EXCLUDE has it, among others. */
const ASIDE = [`**/${ASIDE_PREFIX}*`];

export function createScriptedWatcher(
  disk: SweptDisk,
  globs: { readonly include?: readonly string[]; readonly exclude?: readonly string[] } = {},
): ScriptedWatcher {
  const { allowsFile } = createGlobs(globs.include ?? ['**/*'], globs.exclude ?? ASIDE);
  let listener: Parameters<Watcher['start']>[0] | null = null;
  let sweeps = 0;

  const hintOf = (path: string): PathHint | null =>
    path.startsWith(`${disk.folder}/`) && allowsFile(path.slice(disk.folder.length + 1))
      ? { folder: disk.folder, path }
      : null;

  const watcher: ScriptedWatcher = {
    refuseStart: null,
    unreadable: new Set(),
    sweeps: () => sweeps,
    async start(given) {
      const failure = watcher.refuseStart;
      watcher.refuseStart = null;
      if (failure) return { ok: false, failure };
      listener = given;
      return { ok: true, value: null };
    },
    async *sweep(signal) {
      sweeps += 1;
      for (const path of watcher.unreadable) yield { unreadable: path, detail: `readdir ${path}: EACCES` };
      for (const path of disk.paths()) {
        if (signal.aborted) return;
        const closed = [...watcher.unreadable].some((folder) => path.startsWith(`${folder}/`));
        const hint = closed || disk.isOther(path) ? null : hintOf(path);
        if (hint) yield hint;
      }
    },
    async close() {
      listener = null;
    },
    appear(path) {
      const hint = hintOf(path);
      if (hint) listener?.appeared(hint);
      return hint !== null && listener !== null;
    },
    fail: (detail) => listener?.failed(detail),
  };
  return watcher;
}
