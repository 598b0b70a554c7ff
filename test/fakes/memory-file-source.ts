// A small file system in memory, for simulations: names lead to files, files live while a name or a descriptor holds them. Nothing
// happens by itself; time comes from outside; the same steps give the same inodes, times and stream ids at every run.
//
// `createMemoryFiles` is the disk, which outlives a crash of the daemon; `createMemoryFileSource` is one daemon's view of it,
// with its descriptors, which do not.

import { streamIdOf } from '../../src/adapters/fs-identity.ts';
import type { Failure } from '../../src/machines/failure.ts';
import { failureOf } from '../../src/machines/failure.ts';
import { type FileIdentity, type FileRef, type FileStat, sameIdentity } from '../../src/machines/file-identity.ts';
import type { StreamId } from '../../src/machines/ids.ts';
import type { FileSource } from '../../src/ports/file-source.ts';
import type { Outcome } from '../../src/ports/outcome.ts';

export type FileOperation = 'identify' | 'stat' | 'read' | 'capacityBytes';

export interface MemoryFile {
  readonly identity: FileIdentity;
  bytes: Uint8Array;
  allocatedBytes: number;
  mtimeNs: bigint;
  ctimeNs: bigint;
  linkCount: number;
}

export interface MemoryFiles {
  readonly folder: string;
  /** Creates the file if need be, and puts the bytes at the offset (default: 0), filling a hole with zeros. */
  write(path: string, bytes: Uint8Array | string, offset?: number): void;
  append(path: string, bytes: Uint8Array | string): void;
  /** Reaches the size without allocating, as fallocate's sparse cousin does. */
  truncate(path: string, sizeBytes: number): void;
  /** The same through a descriptor: also of a file that lost its name. */
  writeTo(file: MemoryFile, bytes: Uint8Array | string, offset: number): void;
  truncateTo(file: MemoryFile, sizeBytes: number): void;
  rename(from: string, to: string): void;
  link(from: string, to: string): void;
  unlink(path: string): void;
  /** Sets mtime as programs can; ctime tells of it. */
  setMtimeMs(path: string, epochMs: number): void;
  /** What no stat shows: an edit through a shared mapping. */
  poke(path: string, bytes: Uint8Array | string, offset: number): void;
  /** A name that leads to no regular file. */
  makeOther(path: string): void;
  bytesOf(path: string): Uint8Array | null;
  paths(): string[];
  isOther(path: string): boolean;
  /** Of the whole file system; nothing is ever full here. */
  capacityBytes: number;
  fileAt(path: string): MemoryFile | null;
  /** Asked before each operation of every source: what it answers is the outcome instead. */
  fault: (operation: FileOperation, path: string) => Failure | null;
}

export interface MemoryFilesOptions {
  readonly folder?: string;
  readonly nowMs?: () => number;
  /** False: a file system without birth times. */
  readonly birthTimes?: boolean;
  /** True: a new file gets the lowest inode that no file has, as ext4 does. */
  readonly reuseInodes?: boolean;
  /** Changes within one such tick leave the same times, as with the kernel's coarse clock; 0: each change has its own. */
  readonly timeTickMs?: number;
}

const FIRST_INODE = 1_000;

export function createMemoryFiles(options: MemoryFilesOptions = {}): MemoryFiles {
  const names = new Map<string, MemoryFile>();
  const others = new Set<string>();
  let lastInode = FIRST_INODE;
  let lastNs = 0n;
  let lastBirthNs = 0n;

  /** Without coarse ticks every change is later than the one before, as with a file system's fine-grained times. */
  function tickNs(): bigint {
    const tickMs = options.timeTickMs ?? 0;
    const nowMs = Math.floor((options.nowMs ?? (() => 1_800_000_000_000))());
    if (tickMs > 0) return BigInt(nowMs - (nowMs % tickMs)) * 1_000_000n;
    const nowNs = BigInt(nowMs) * 1_000_000n;
    lastNs = nowNs > lastNs ? nowNs : lastNs + 1n;
    return lastNs;
  }

  function nextInode(): number {
    if (!options.reuseInodes) return ++lastInode;
    const taken = new Set([...names.values()].map((file) => file.identity.inode));
    let inode = FIRST_INODE + 1;
    while (taken.has(String(inode))) inode += 1;
    return inode;
  }

  function create(path: string): MemoryFile {
    const nowNs = tickNs();
    lastBirthNs = nowNs > lastBirthNs ? nowNs : lastBirthNs + 1n;
    const birthNs = options.birthTimes === false ? '0' : String(lastBirthNs);
    const file: MemoryFile = {
      identity: { inode: String(nextInode()), birthNs },
      bytes: new Uint8Array(),
      allocatedBytes: 0,
      mtimeNs: nowNs,
      ctimeNs: nowNs,
      linkCount: 1,
    };
    names.set(path, file);
    return file;
  }

  function existing(path: string): MemoryFile {
    const file = names.get(path);
    if (!file) throw new Error(`the scenario names a file that is not there: ${path}`);
    return file;
  }

  function resize(file: MemoryFile, sizeBytes: number): void {
    const bytes = new Uint8Array(sizeBytes);
    bytes.set(file.bytes.subarray(0, sizeBytes));
    file.bytes = bytes;
    file.allocatedBytes = Math.min(file.allocatedBytes, sizeBytes);
  }

  function put(file: MemoryFile, bytes: Uint8Array | string, offset: number): void {
    const given = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    if (offset + given.length > file.bytes.length) resize(file, offset + given.length);
    file.bytes.set(given, offset);
    file.allocatedBytes = Math.min(file.bytes.length, Math.max(file.allocatedBytes, 0) + given.length);
  }

  function modified(file: MemoryFile): void {
    file.mtimeNs = tickNs();
    file.ctimeNs = file.mtimeNs;
  }

  function dropName(path: string): void {
    others.delete(path);
    const file = names.get(path);
    if (!file) return;
    names.delete(path);
    file.linkCount -= 1;
    file.ctimeNs = tickNs();
  }

  const files: MemoryFiles = {
    folder: options.folder ?? '/watched',
    write(path, bytes, offset = 0) {
      files.writeTo(names.get(path) ?? create(path), bytes, offset);
    },
    append: (path, bytes) => files.write(path, bytes, names.get(path)?.bytes.length ?? 0),
    truncate: (path, sizeBytes) => files.truncateTo(existing(path), sizeBytes),
    writeTo(file, bytes, offset) {
      put(file, bytes, offset);
      modified(file);
    },
    truncateTo(file, sizeBytes) {
      resize(file, sizeBytes);
      modified(file);
    },
    rename(from, to) {
      const file = existing(from);
      dropName(to);
      names.delete(from);
      names.set(to, file);
      file.ctimeNs = tickNs();
    },
    link(from, to) {
      const file = existing(from);
      names.set(to, file);
      file.linkCount += 1;
      file.ctimeNs = tickNs();
    },
    unlink: dropName,
    setMtimeMs(path, epochMs) {
      const file = existing(path);
      file.mtimeNs = BigInt(epochMs) * 1_000_000n;
      file.ctimeNs = tickNs();
    },
    poke: (path, bytes, offset) => put(existing(path), bytes, offset),
    makeOther: (path) => void others.add(path),
    bytesOf: (path) => names.get(path)?.bytes.slice() ?? null,
    paths: () => [...names.keys()].sort(),
    isOther: (path) => others.has(path),
    fileAt: (path) => names.get(path) ?? null,
    capacityBytes: 2 ** 40,
    fault: () => null,
  };
  return files;
}

const placeOf = (files: MemoryFiles) => ({ identity: { inode: '2', birthNs: '1' }, firstPath: files.folder });

/** Asked for at every look at a file: hashed once. */
const streamIds = new WeakMap<FileIdentity, StreamId>();

/** The stream of a file that has a birth time. */
export function memoryStreamId(files: MemoryFiles, identity: FileIdentity): StreamId {
  const known = streamIds.get(identity);
  if (known) return known;
  const id = streamIdOf(placeOf(files), { identity, firstPath: '' });
  streamIds.set(identity, id);
  return id;
}

/** One daemon's view. `maxHeldDescriptors` as in the real one; a new source on the same files is a restarted daemon. */
export function createMemoryFileSource(
  files: MemoryFiles,
  options: { readonly maxHeldDescriptors?: number } = {},
): FileSource {
  const held = new Map<StreamId, MemoryFile>();
  const firstPaths = new Map<string, { readonly path: string; readonly id: StreamId }>();
  const maxHeld = options.maxHeldDescriptors ?? Number.POSITIVE_INFINITY;
  const folderPlace = placeOf(files);

  function idOf(path: string, identity: FileIdentity): StreamId {
    if (identity.birthNs !== '0') return memoryStreamId(files, identity);
    const known = firstPaths.get(identity.inode);
    if (known) return known.id;
    const firstPath = path.slice(files.folder.length + 1);
    const id = streamIdOf(folderPlace, { identity, firstPath });
    firstPaths.set(identity.inode, { path: firstPath, id });
    return id;
  }

  function hold(file: FileRef): MemoryFile | null {
    const known = held.get(file.streamId);
    const found = known ?? files.fileAt(file.path);
    if (!found || !sameIdentity(found.identity, file.identity)) return null;
    held.delete(file.streamId);
    held.set(file.streamId, found);
    for (const [id, other] of held) {
      if (held.size <= maxHeld) break;
      if (other !== found && other.linkCount > 0) held.delete(id);
    }
    return found;
  }

  function withFile<T>(operation: FileOperation, file: FileRef, look: (found: MemoryFile) => T): Outcome<T> {
    const failure = files.fault(operation, file.path);
    if (failure) return { ok: false, failure };
    const found = hold(file);
    if (found) return { ok: true, value: look(found) };
    return { ok: false, failure: failureOf('source_gone', `${file.path}: not there`) };
  }

  return {
    async identify(folder, path) {
      const failure = files.fault('identify', path);
      if (failure) return { ok: false, failure };
      const file = files.isOther(path) ? null : files.fileAt(path);
      if (!file) return { ok: true, value: null };
      return { ok: true, value: { streamId: idOf(path, file.identity), folder, path, stat: statOf(file) } };
    },
    stat: async (file) => withFile('stat', file, statOf),
    read: async (file, offset, into) =>
      withFile('read', file, ({ bytes }) => {
        const piece = bytes.subarray(offset, offset + into.byteLength);
        into.set(piece);
        return piece.length;
      }),
    async capacityBytes(folder) {
      const failure = files.fault('capacityBytes', folder);
      return failure ? { ok: false, failure } : { ok: true, value: files.capacityBytes };
    },
    async release(id) {
      held.delete(id);
      for (const [inode, first] of firstPaths) if (first.id === id) firstPaths.delete(inode);
    },
    async close() {
      held.clear();
    },
  };
}

const statOf = (file: MemoryFile): FileStat => ({
  identity: file.identity,
  sizeBytes: file.bytes.length,
  mtimeNs: String(file.mtimeNs),
  ctimeNs: String(file.ctimeNs),
  allocatedBytes: file.allocatedBytes,
  linkCount: file.linkCount,
});
