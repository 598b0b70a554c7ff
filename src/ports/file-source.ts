// The files, by identity. The descriptor of a stream's file is kept open from the first look on, so that a rename or unlink
// does not lose the bytes; when descriptors run short, the least recently used is closed and opened again by path and identity.
//
// Never writes. Never follows symlinks. Opens regular files only, without blocking (a FIFO must not hang us).

import type { FileRef, FileStat } from '../machines/file-identity.ts';
import type { StreamId } from '../machines/ids.ts';
import type { Outcome } from './outcome.ts';

export interface FoundFile {
  readonly streamId: StreamId;
  readonly folder: string;
  readonly path: string;
  readonly stat: FileStat;
}

export interface FileSource {
  /** What is at the path now; null: nothing, or nothing that we carry (folder, symlink, FIFO, socket, device). Opens nothing. */
  identify(folder: string, path: string): Promise<Outcome<FoundFile | null>>;
  /** Stat of the stream's own file through its descriptor. `source_gone` when the path holds another file and no descriptor is held. */
  stat(file: FileRef): Promise<Outcome<FileStat>>;
  /** Fills `into` from `offset`; resolves to the bytes read, fewer only at the end of the file. */
  read(file: FileRef, offset: number, into: Uint8Array): Promise<Outcome<number>>;
  /** Of the file system that the folder is on: all of it, free or not. */
  capacityBytes(folder: string): Promise<Outcome<number>>;
  /** Closes the descriptor. Idempotent. */
  release(id: StreamId): Promise<void>;
  close(): Promise<void>;
}
