// What a file is, and when two looks at it saw the same thing.
//
// Identity is inode and birth time within a watched folder; device numbers change at reboot and are never stored.
// Times are nanoseconds since 1970 as decimal strings, because they exceed 2^53 and must survive JSON.

import type { StreamId } from './ids.ts';

export interface FileIdentity {
  readonly inode: string;
  /** `'0'` where the file system has no birth time; then the path at first sight is part of the stream's id. */
  readonly birthNs: string;
}

export interface FileStat {
  readonly identity: FileIdentity;
  readonly sizeBytes: number;
  readonly mtimeNs: string;
  readonly ctimeNs: string;
  /** Bytes really allocated: less than the size while a preallocated or sparse file is being filled. */
  readonly allocatedBytes: number;
  /** 0 once the last name is gone: the bytes live only as long as somebody holds a descriptor. */
  readonly linkCount: number;
}

/** The stat that a verification holds for. */
export type Freeze = Pick<FileStat, 'identity' | 'sizeBytes' | 'mtimeNs' | 'ctimeNs'>;

/** What effects need to find a file again. `path` is absolute; bytes that are no UTF-8 are kept as lone surrogates U+DC80 to U+DCFF. */
export interface FileRef {
  readonly streamId: StreamId;
  readonly folder: string;
  readonly path: string;
  readonly identity: FileIdentity;
}

export const freezeOf = (stat: FileStat): Freeze => ({
  identity: stat.identity,
  sizeBytes: stat.sizeBytes,
  mtimeNs: stat.mtimeNs,
  ctimeNs: stat.ctimeNs,
});

export const sameIdentity = (a: FileIdentity, b: FileIdentity): boolean =>
  a.inode === b.inode && a.birthNs === b.birthNs;

/** Nothing happened to the file between the two looks. */
export const sameStat = (a: Freeze, b: Freeze): boolean => sameContentStat(a, b) && a.ctimeNs === b.ctimeNs;

/** Nothing that a `write` does happened; a changed ctime alone is a rename, link or chmod (or a restored mtime: so verify). */
export const sameContentStat = (a: Freeze, b: Freeze): boolean =>
  sameIdentity(a.identity, b.identity) && a.sizeBytes === b.sizeBytes && a.mtimeNs === b.mtimeNs;

/** Epoch ms of the last change that the file's own times tell of. ctime cannot be set by programs, so restored mtimes do not hide it. */
export function lastChangeMs(stat: Freeze): number {
  const newest = BigInt(stat.mtimeNs) > BigInt(stat.ctimeNs) ? stat.mtimeNs : stat.ctimeNs;
  return Number(BigInt(newest) / 1_000_000n);
}

/** Epoch ms; 0 where the file system has no birth times. */
export const birthMs = (identity: FileIdentity): number => Number(BigInt(identity.birthNs) / 1_000_000n);
