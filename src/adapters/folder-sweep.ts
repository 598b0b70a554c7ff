// Walks through a folder again and again: every file that the globs allow, regular files only, and what changed since the walk before.
// It is what makes discovery correct; events only make it fast. For the sweep's own thread: it waits for the file system.
//
// 1. A walk reports each folder that it visits: which files there are new or have another stat than reported, which are gone. A file
//    that is not mentioned is as it was reported last.
// 2. Follows no symlink; goes on when folders vanish under it; reports what it may not read. Opens no file.
// 3. Remembers of each file its name and its stat, some 150 bytes; of a folder that is gone, nothing.

import { lstatSync, readdirSync } from 'node:fs';
import type { FileStat } from '../machines/file-identity.ts';
import { errnoOf, isAbsent } from './fs-failure.ts';
import type { Globs } from './fs-globs.ts';
import { fileStatOf } from './fs-identity.ts';
import { fromFsBytes, printablePath, toFsPath } from './fs-path.ts';

/** Files told at once: a folder of a million must not become one message. */
const MAX_FILES_PER_REPORT = 500;
/** A tree this deep is a loop of mounts. */
const MAX_DEPTH = 128;
/** What node makes of bytes that are no UTF-8. */
const REPLACEMENT = '\uFFFD';

export interface FolderReport {
  /** Relative to the watched folder; '' is the folder itself. */
  readonly relative: string;
  /** New files and those that changed. Without a stat: it could not be had, and whoever looks will be told why. */
  readonly news: readonly { readonly name: string; readonly stat: FileStat | null }[];
  /** Files that are there no longer. */
  readonly gone: readonly string[];
  /** `more`: further reports of this folder follow. `absent`: nothing is known of it any more. */
  readonly state: 'whole' | 'more' | 'absent';
  readonly problem: string | null;
  /** Looked at for this report. */
  readonly names: number;
}

type News = FolderReport['news'][number];

/** Name, and what tells two stats apart as one text. */
type KnownFiles = Map<string, string>;

/** In place of that text: the file is there, its stat could not be had. */
const UNSEEN = '';

interface Changed {
  readonly stat: FileStat | null;
  readonly asText: string;
}

export class FolderSweep {
  readonly #folder: string;
  readonly #globs: Globs;
  readonly #known = new Map<string, KnownFiles>();

  constructor(folder: string, globs: Globs) {
    this.#folder = folder;
    this.#globs = globs;
  }

  *walk(): Generator<FolderReport, void, undefined> {
    const visited = new Set<string>();
    // Deepest first, so that a wide tree does not pile up waiting folders.
    const waiting: string[] = [''];
    for (let relative = waiting.pop(); relative !== undefined; relative = waiting.pop()) {
      visited.add(relative);
      const listed = this.#list(relative);
      if (Array.isArray(listed)) yield* this.#look(relative, listed, waiting);
      else yield this.#absent(relative, listed);
    }
    for (const relative of this.#known.keys()) if (!visited.has(relative)) yield this.#absent(relative, null);
  }

  /** Names, or what hinders; null: it vanished, which is no news, except of the watched folder itself. */
  #list(relative: string): string[] | string | null {
    const path = joined(this.#folder, relative);
    if (relative.split('/').length > MAX_DEPTH) return `${printablePath(path)}: deeper than ${MAX_DEPTH} folders`;
    try {
      const names = readdirSync(toFsPath(path));
      if (!names.some((name) => name.includes(REPLACEMENT))) return names;
      return readdirSync(toFsPath(path), { encoding: 'buffer' }).map(fromFsBytes);
    } catch (error) {
      if (isAbsent(error) && relative !== '') return null;
      return `readdir ${printablePath(path)}: ${errnoOf(error) ?? String(error)}`;
    }
  }

  #absent(relative: string, problem: string | null): FolderReport {
    this.#known.delete(relative);
    return { relative, news: [], gone: [], state: 'absent', problem, names: 1 };
  }

  *#look(relative: string, names: readonly string[], waiting: string[]): Generator<FolderReport, void, undefined> {
    const known: KnownFiles = this.#known.get(relative) ?? new Map();
    this.#known.set(relative, known);
    const there = new Set<string>();
    let news: News[] = [];
    for (const name of names) {
      const below = joined(relative, name);
      const found = this.#lookAt(below, known.get(name));
      if (found === 'folder') waiting.push(below);
      if (found === 'folder' || found === 'other') continue;
      there.add(name);
      if (found === 'as before') continue;
      known.set(name, found.asText);
      news.push({ name, stat: found.stat });
      if (news.length < MAX_FILES_PER_REPORT) continue;
      yield { relative, news, gone: [], state: 'more', problem: null, names: 0 };
      news = [];
    }
    const gone = there.size === known.size ? [] : [...known.keys()].filter((name) => !there.has(name));
    for (const name of gone) known.delete(name);
    yield { relative, news, gone, state: 'whole', problem: null, names: names.length };
  }

  #lookAt(relative: string, before: string | undefined): Changed | 'as before' | 'folder' | 'other' {
    const { allowsFile, allowsFolder } = this.#globs;
    const mayBeFile = before !== undefined || allowsFile(relative);
    if (!mayBeFile && !allowsFolder(relative)) return 'other';
    try {
      const path = toFsPath(joined(this.#folder, relative));
      const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
      if (stats?.isDirectory()) return allowsFolder(relative) ? 'folder' : 'other';
      if (!stats?.isFile() || !mayBeFile) return 'other';
      const { ino, birthtimeNs, size, mtimeNs, ctimeNs } = stats;
      const asText = `${ino} ${birthtimeNs} ${size} ${mtimeNs} ${ctimeNs}`;
      return asText === before ? 'as before' : { stat: fileStatOf(stats), asText };
    } catch {
      if (before === UNSEEN) return 'as before';
      return mayBeFile ? { stat: null, asText: UNSEEN } : 'other';
    }
  }
}

/** A path below `above`; '' is nothing on either side. */
export const joined = (above: string, name: string): string => {
  if (above === '' || name === '') return above + name;
  return above.endsWith('/') ? above + name : `${above}/${name}`;
};
