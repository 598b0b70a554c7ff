// The files of the local machine, by identity: what is at a path, the stat of a stream's own file, and its bytes.
//
// Promises: what `stat` and `read` answer is of the file that the ref names, never of another one at the same path. Failures are
// data. Never writes, follows no symlink below the watched folder, opens regular files only.

import { type FileHandle, lstat, statfs } from 'node:fs/promises';
import { type FileRef, type FileStat, sameIdentity } from '../machines/file-identity.ts';
import type { FileSource, FoundFile } from '../ports/file-source.ts';
import type { Outcome } from '../ports/outcome.ts';
import { createDescriptors } from './fs-descriptors.ts';
import { fsFailed, isAbsent, sourceGone } from './fs-failure.ts';
import { createStreamNames, fileStatOf } from './fs-identity.ts';
import { leadsStraight } from './fs-inside.ts';
import { defaultHeldDescriptors } from './fs-open-files-limit.ts';
import { toFsPath } from './fs-path.ts';

export interface FsFileSourceOptions {
  /** Descriptors kept open; default: half of what the process may open. */
  readonly maxHeldDescriptors?: number;
}

export interface FsFileSource extends FileSource {
  /** Runs `work` with an open descriptor of the stream's own file, for programs that read it by themselves; it stays open meanwhile. */
  lend<T>(file: FileRef, work: (descriptor: number) => Promise<T>): Promise<Outcome<T>>;
}

export function createFsFileSource(options: FsFileSourceOptions = {}): FsFileSource {
  const descriptors = createDescriptors(options.maxHeldDescriptors ?? defaultHeldDescriptors());
  const names = createStreamNames();

  return {
    async identify(folder, path) {
      try {
        const stats = await lstat(toFsPath(path), { bigint: true });
        if (!stats.isFile() || !(await leadsStraight(folder, path))) return { ok: true, value: null };
        const stat = fileStatOf(stats);
        const found: FoundFile = { streamId: await names.idOf(folder, path, stat.identity), folder, path, stat };
        return { ok: true, value: found };
      } catch (error) {
        return isAbsent(error) ? { ok: true, value: null } : fsFailed('lstat', path, error);
      }
    },

    async stat(file) {
      // With more streams than descriptors, looking at all of them must not open and close each in turn.
      if (!descriptors.holds(file.streamId) && !descriptors.hasRoom()) return statByPath(file);
      return descriptors.use(file, (handle) => statByDescriptor(file, handle));
    },

    read: (file, offset, into) => descriptors.use(file, (handle) => readFully(file, handle, offset, into)),

    lend: (file, work) => descriptors.use(file, async (handle) => ({ ok: true, value: await work(handle.fd) })),

    async capacityBytes(folder) {
      try {
        const { blocks, bsize } = await statfs(toFsPath(folder));
        return { ok: true, value: blocks * bsize };
      } catch (error) {
        return fsFailed('statfs', folder, error);
      }
    },

    async release(id) {
      names.forget(id);
      await descriptors.release(id);
    },

    close: () => descriptors.close(),
  };
}

async function statByDescriptor(file: FileRef, handle: FileHandle): Promise<Outcome<FileStat>> {
  try {
    return { ok: true, value: fileStatOf(await handle.stat({ bigint: true })) };
  } catch (error) {
    return fsFailed('fstat', file.path, error);
  }
}

async function statByPath(file: FileRef): Promise<Outcome<FileStat>> {
  try {
    const stats = await lstat(toFsPath(file.path), { bigint: true });
    const stat = fileStatOf(stats);
    if (stats.isFile() && sameIdentity(stat.identity, file.identity)) return { ok: true, value: stat };
    return sourceGone(file.path, 'another file is there');
  } catch (error) {
    return fsFailed('lstat', file.path, error);
  }
}

/** One read(2) may return less than asked for before the end of the file (a signal, a network file system). */
async function readFully(
  file: FileRef,
  handle: FileHandle,
  offset: number,
  into: Uint8Array,
): Promise<Outcome<number>> {
  let filledBytes = 0;
  try {
    while (filledBytes < into.byteLength) {
      const { bytesRead } = await handle.read(into, filledBytes, into.byteLength - filledBytes, offset + filledBytes);
      if (bytesRead === 0) break;
      filledBytes += bytesRead;
    }
    return { ok: true, value: filledBytes };
  } catch (error) {
    return fsFailed('read', file.path, error);
  }
}
