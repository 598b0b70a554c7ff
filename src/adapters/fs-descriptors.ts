// The descriptors that we keep open, one per stream, so that a rename or unlink does not lose the bytes.
//
// 1. A descriptor is the ref's file: its identity was checked by fstat after opening. Regular files only, never through a
//    symlink (nor through a folder below the watched one that became one), never blocking (a FIFO must not hang us), closed on exec (libuv always sets O_CLOEXEC).
// 2. At most `maxHeld` are held, plus those in use right now. The least recently used goes first; it is opened again by path and
//    identity. A descriptor in use is never closed under its user.
// 3. A file that no path leads to any more (unlinked, moved away) lives through its descriptor alone: that one goes only by
//    `release` or `close`. When such files fill the whole maximum, no other file is opened until some are released.

import type { BigIntStats } from 'node:fs';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { failureOf } from '../machines/failure.ts';
import { type FileIdentity, type FileRef, sameIdentity } from '../machines/file-identity.ts';
import type { StreamId } from '../machines/ids.ts';
import type { Outcome } from '../ports/outcome.ts';
import { fsFailed, isAbsent, sourceGone } from './fs-failure.ts';
import { identityOf } from './fs-identity.ts';
import { isOpenInside } from './fs-inside.ts';
import { printablePath, toFsPath } from './fs-path.ts';

const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

interface Held {
  readonly identity: FileIdentity;
  /** Newest path that a caller gave. */
  path: string;
  readonly opened: Promise<Outcome<FileHandle>>;
  users: number;
  /** The path was seen not to lead to the file; looked at again when a caller gives another path. */
  unreachable: boolean;
  released: boolean;
}

export interface Descriptors {
  /** Runs `work` with the stream's descriptor, opening it when none is held. */
  use<T>(file: FileRef, work: (handle: FileHandle) => Promise<Outcome<T>>): Promise<Outcome<T>>;
  holds(id: StreamId): boolean;
  /** Whether one more can be held without closing another. */
  hasRoom(): boolean;
  /** Closes the stream's descriptor, at the end of its last use. */
  release(id: StreamId): Promise<void>;
  close(): Promise<void>;
}

export function createDescriptors(maxHeld: number): Descriptors {
  /** Least recently used first. */
  const held = new Map<StreamId, Held>();
  let trimming: Promise<void> = Promise.resolve();
  let closed = false;

  async function trimNow(): Promise<void> {
    for (const [id, entry] of held) {
      if (held.size <= maxHeld) return;
      if (entry.users > 0 || entry.unreachable) continue;
      if (await pathLeadsTo(entry.path, entry.identity)) {
        // Somebody may have begun to use it while we looked.
        if (entry.users === 0 && held.get(id) === entry) await drop(id, entry);
      } else {
        entry.unreachable = true;
      }
    }
  }

  /** One at a time: two trims would close twice as many as needed. */
  function trim(): Promise<void> {
    trimming = trimming.then(trimNow);
    return trimming;
  }

  async function openFor(file: FileRef): Promise<Outcome<FileHandle>> {
    if (held.size > maxHeld) {
      await trim();
      const kept = [...held.values()].filter((entry) => entry.unreachable).length;
      if (kept >= maxHeld) return noneToSpare(file.path, kept);
    }
    return openByIdentity(file);
  }

  function entryOf(file: FileRef): Held {
    const known = held.get(file.streamId);
    const entry: Held = known ?? {
      identity: file.identity,
      path: file.path,
      // Begins after the entry stands in the map, so that it is counted.
      opened: Promise.resolve().then(() => openFor(file)),
      users: 0,
      unreachable: false,
      released: false,
    };
    if (entry.path !== file.path) Object.assign(entry, { path: file.path, unreachable: false });
    held.delete(file.streamId);
    held.set(file.streamId, entry);
    return entry;
  }

  async function use<T>(file: FileRef, work: (handle: FileHandle) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    if (closed) return { ok: false, failure: failureOf('source_read_error', 'the file source is closed') };
    const entry = entryOf(file);
    if (!sameIdentity(entry.identity, file.identity)) return sourceGone(file.path, 'another file has this stream');
    entry.users += 1;
    try {
      const opened = await entry.opened;
      if (opened.ok) return await work(opened.value);
      if (held.get(file.streamId) === entry) held.delete(file.streamId);
      return opened;
    } finally {
      entry.users -= 1;
      if (entry.released && entry.users === 0) await closeHeld(entry);
      else if (held.size > maxHeld) await trim();
    }
  }

  async function drop(id: StreamId, entry: Held): Promise<void> {
    held.delete(id);
    entry.released = true;
    if (entry.users === 0) await closeHeld(entry);
  }

  async function release(id: StreamId): Promise<void> {
    const entry = held.get(id);
    if (entry) await drop(id, entry);
  }

  return {
    use,
    holds: (id) => held.has(id),
    hasRoom: () => held.size < maxHeld,
    release,
    async close() {
      closed = true;
      await Promise.all([...held.keys()].map(release));
    },
  };
}

function noneToSpare(path: string, kept: number): Outcome<never> {
  const detail = `${printablePath(path)}: ${kept} removed files are held open until they are uploaded`;
  return { ok: false, failure: failureOf('source_open_files_limit', detail) };
}

async function openByIdentity({ folder, path, identity }: FileRef): Promise<Outcome<FileHandle>> {
  const fsPath = toFsPath(path);
  try {
    // Looked at before it is opened: opening a device can have effects.
    if (!isFileOf(await lstat(fsPath, { bigint: true }), identity)) return sourceGone(path, 'another file is there');
    const handle = await open(fsPath, OPEN_FLAGS);
    const isOurs = await isOursOpen(folder, path, identity, handle);
    if (isOurs.ok && isOurs.value) return { ok: true, value: handle };
    await handle.close();
    return isOurs.ok ? sourceGone(path, 'another file is there') : isOurs;
  } catch (error) {
    return fsFailed('open', path, error);
  }
}

async function isOursOpen(
  folder: string,
  path: string,
  identity: FileIdentity,
  handle: FileHandle,
): Promise<Outcome<boolean>> {
  try {
    const isFile = isFileOf(await handle.stat({ bigint: true }), identity);
    return { ok: true, value: isFile && (await isOpenInside(folder, path, handle.fd)) };
  } catch (error) {
    return fsFailed('fstat', path, error);
  }
}

async function pathLeadsTo(path: string, identity: FileIdentity): Promise<boolean> {
  try {
    return isFileOf(await lstat(toFsPath(path), { bigint: true }), identity);
  } catch (error) {
    // Only a path that is gone makes the descriptor precious; what cannot be looked at now can be opened again later, or not.
    return !isAbsent(error);
  }
}

const isFileOf = (stats: BigIntStats, identity: FileIdentity): boolean =>
  stats.isFile() && sameIdentity(identityOf(stats), identity);

async function closeHeld(entry: Held): Promise<void> {
  const opened = await entry.opened;
  if (!opened.ok) return;
  try {
    await opened.value.close();
  } catch {
    // Nothing was written through it, so a failing close loses nothing; the descriptor is gone either way (close(2)).
  }
}
