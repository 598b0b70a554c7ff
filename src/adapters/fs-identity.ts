// Who a file is: its stat in our words, and the id of its stream.
//
// A stream's id hashes what survives a reboot: inode and birth time of the folder and of the file. Where a file system has no
// birth time, the path at first sight stands in for it (the folder's own path; the file's path within the folder).
// Device numbers never enter: they change at reboot.

import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { FileIdentity, FileStat } from '../machines/file-identity.ts';
import { type StreamId, streamId } from '../machines/ids.ts';
import { toFsPath } from './fs-path.ts';

/** 128 bits: enough that no two streams of one installation ever meet. */
const STREAM_ID_HEX_DIGITS = 32;
/** `st_blocks` counts these, whatever the file system's own block size (stat(2)). */
const STAT_BLOCK_BYTES = 512n;
/**
 * First paths remembered of files without birth time. Beyond it the oldest is forgotten, and a later rename of that file makes it a
 * new stream: sent again, never lost.
 */
const MAX_FIRST_PATHS = 100_000;

export const identityOf = (stats: BigIntStats): FileIdentity => ({
  inode: String(stats.ino),
  birthNs: String(stats.birthtimeNs),
});

export const fileStatOf = (stats: BigIntStats): FileStat => ({
  identity: identityOf(stats),
  sizeBytes: Number(stats.size),
  mtimeNs: String(stats.mtimeNs),
  ctimeNs: String(stats.ctimeNs),
  allocatedBytes: Number(stats.blocks * STAT_BLOCK_BYTES),
  linkCount: Number(stats.nlink),
});

interface Place {
  readonly identity: FileIdentity;
  /** Counts only where the birth time is '0'. */
  readonly firstPath: string;
}

/** The id of a file's stream. Also the fakes' formula, so that ids look and behave alike. */
export function streamIdOf(folder: Place, file: Place): StreamId {
  const parts = [folder, file].map(({ identity, firstPath }) => [
    identity.inode,
    identity.birthNs === '0' ? `path:${firstPath}` : identity.birthNs,
  ]);
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return streamId(digest.slice(0, STREAM_ID_HEX_DIGITS));
}

export interface StreamNames {
  /** Rejects with node's error when the folder cannot be looked at. */
  idOf(folder: string, path: string, identity: FileIdentity): Promise<StreamId>;
  /** The stream is over: a file that gets the same inode is another one. */
  forget(id: StreamId): void;
}

export function createStreamNames(): StreamNames {
  const folders = new Map<string, FileIdentity>();
  const firstPaths = new Map<string, { readonly path: string; readonly id: StreamId }>();
  const keysOfStreams = new Map<StreamId, string>();

  async function folderIdentity(folder: string): Promise<FileIdentity> {
    const known = folders.get(folder);
    if (known) return known;
    // Follows: the watched folder itself may be a symlink; what is inside may not.
    const identity = identityOf(await stat(toFsPath(folder), { bigint: true }));
    folders.set(folder, identity);
    return identity;
  }

  function remember(key: string, path: string, id: StreamId): void {
    firstPaths.set(key, { path, id });
    keysOfStreams.set(id, key);
    if (firstPaths.size <= MAX_FIRST_PATHS) return;
    const oldest = firstPaths.entries().next().value;
    if (!oldest) return;
    firstPaths.delete(oldest[0]);
    keysOfStreams.delete(oldest[1].id);
  }

  return {
    async idOf(folder, path, identity) {
      const folderPlace = { identity: await folderIdentity(folder), firstPath: folder };
      if (identity.birthNs !== '0') return streamIdOf(folderPlace, { identity, firstPath: '' });
      const key = JSON.stringify([folder, identity.inode]);
      const known = firstPaths.get(key);
      if (known) return known.id;
      const firstPath = path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path;
      const id = streamIdOf(folderPlace, { identity, firstPath });
      remember(key, firstPath, id);
      return id;
    },
    forget(id) {
      const key = keysOfStreams.get(id);
      if (key === undefined) return;
      keysOfStreams.delete(id);
      firstPaths.delete(key);
    },
  };
}
