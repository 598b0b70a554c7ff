// The watched folder of a simulated world: the files in memory, who has them open for writing, and the record of every content
// that each file ever had. It outlives all daemons.

import { hash } from 'node:crypto';
import type { StreamId } from '../../src/machines/ids.ts';
import type { Outcome } from '../../src/ports/outcome.ts';
import { createMemoryFiles, type MemoryFile, type MemoryFiles, memoryStreamId } from '../fakes/memory-file-source.ts';
import type { FileState } from './checker/evidence.ts';
import type { EventLog } from './event-log.ts';

export const FOLDER = '/watched';

export const digestOf = (bytes: Uint8Array): string => hash('sha1', bytes);

export type Disposal = 'set aside' | 'put back' | 'removed' | 'moved';
export type FileLook = Omit<FileState, 'digest'>;

/** A descriptor open for writing. */
export interface Descriptor {
  readonly streamId: StreamId;
  readonly sizeBytes: number;
  read(offset: number, sizeBytes: number): Uint8Array;
  write(how: string, bytes: Uint8Array, offset: number): void;
  truncate(sizeBytes: number): void;
  /** mtime as it was before; ctime tells. */
  restoreMtime(): void;
  /** Whether the file still has a name, and which. */
  path(): string | null;
  close(): void;
}

export interface DiskOptions {
  readonly nowMs: () => number;
  readonly reuseInodes: boolean;
  readonly timeTickMs: number;
}

export class SimulatedDisk {
  readonly files: MemoryFiles;
  readonly #log: EventLog;
  readonly #writers = new Map<StreamId, number>();
  /** Hear of each path that appears. */
  readonly listeners: ((path: string) => void)[] = [];

  constructor(log: EventLog, options: DiskOptions) {
    this.#log = log;
    this.files = createMemoryFiles({ folder: FOLDER, ...options });
  }

  idOf(file: MemoryFile): StreamId {
    return memoryStreamId(this.files, file.identity);
  }

  isWritten(id: StreamId): boolean {
    return (this.#writers.get(id) ?? 0) > 0;
  }

  /** Every file that has a name in the folder, as it is now. */
  states(): FileState[] {
    return this.#paths().map((path) => this.#stateOf(this.#at(path), path));
  }

  /** The same by what a stat shows: the content is not read. */
  stats(): FileLook[] {
    return this.#paths().map((path) => this.#lookAt(this.#at(path), path));
  }

  /** A daemon gives the stream's file another name, removes it or moves it away: `step` does it, if it can. */
  async dispose<T>(id: StreamId, how: Disposal, step: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const file = this.#fileOf(id);
    const before = file && this.#stateOf(file, this.#pathOf(file) ?? '');
    const done = await step();
    if (!done.ok || !file || !before) return done;
    if (how === 'removed' || how === 'moved') {
      this.#log.add({ kind: 'file.disposed', how, file: before });
      this.#unlinked(file);
    } else {
      const path = this.#pathOf(file) ?? '';
      this.#changed(how, file, path);
      if (how === 'put back') this.#appeared(path);
    }
    return done;
  }

  #paths(): string[] {
    return this.files.paths().filter((path) => path.startsWith(`${FOLDER}/`));
  }

  #fileOf(id: StreamId): MemoryFile | null {
    const files = this.#paths().map((path) => this.#at(path));
    return files.find((file) => this.idOf(file) === id) ?? null;
  }

  /** Opens, creating the file if need be. */
  open(path: string): Descriptor {
    if (!this.files.fileAt(path)) {
      this.files.write(path, '');
      this.#changed('create', this.#at(path), path);
      this.#appeared(path);
    }
    return this.#descriptor(this.#at(path));
  }

  rename(from: string, to: string): void {
    const replaced = this.files.fileAt(to);
    const moved = this.#at(from);
    this.files.rename(from, to);
    if (replaced) this.#unlinked(replaced);
    this.#changed('rename', moved, to);
    this.#appeared(to);
  }

  unlink(path: string): void {
    const file = this.#at(path);
    this.files.unlink(path);
    this.#unlinked(file);
  }

  #unlinked(file: MemoryFile): void {
    this.#changed('unlink', file, '(unlinked)');
    this.#log.add({ kind: 'file.unlinked', streamId: this.idOf(file) });
  }

  #appeared(path: string): void {
    for (const tell of this.listeners) tell(path);
  }

  #at(path: string): MemoryFile {
    const file = this.files.fileAt(path);
    if (!file) throw new Error(`the scenario names a file that is not there: ${path}`);
    return file;
  }

  #pathOf(file: MemoryFile): string | null {
    return this.files.paths().find((path) => this.files.fileAt(path) === file) ?? null;
  }

  #descriptor(file: MemoryFile): Descriptor {
    const { files } = this;
    const id = this.idOf(file);
    const count = (by: number): void => {
      this.#writers.set(id, (this.#writers.get(id) ?? 0) + by);
      this.#log.add({ kind: 'writer', streamId: id, isOpen: this.isWritten(id) });
    };
    const changed = (how: string): void => this.#changed(how, file, this.#pathOf(file) ?? '(unlinked)');
    let mtimeNs = file.mtimeNs;
    let open = true;
    count(1);
    return {
      streamId: id,
      get sizeBytes() {
        return file.bytes.length;
      },
      read: (offset, sizeBytes) => file.bytes.slice(offset, offset + sizeBytes),
      write(how, bytes, offset) {
        mtimeNs = file.mtimeNs;
        files.writeTo(file, bytes, offset);
        changed(how);
      },
      truncate(sizeBytes) {
        mtimeNs = file.mtimeNs;
        files.truncateTo(file, sizeBytes);
        changed('truncate');
      },
      restoreMtime() {
        file.mtimeNs = mtimeNs;
        changed('utimes');
      },
      path: () => this.#pathOf(file),
      close() {
        if (open) count(-1);
        open = false;
      },
    };
  }

  #changed(how: string, file: MemoryFile, path: string): void {
    this.#log.add({ kind: 'file.changed', how, file: this.#stateOf(file, path) });
  }

  #stateOf(file: MemoryFile, path: string): FileState {
    return { ...this.#lookAt(file, path), digest: digestOf(file.bytes) };
  }

  #lookAt(file: MemoryFile, path: string): FileLook {
    const { identity, bytes, mtimeNs, ctimeNs } = file;
    const times = { mtimeNs: String(mtimeNs), ctimeNs: String(ctimeNs) };
    return { streamId: this.idOf(file), identity, path, sizeBytes: bytes.length, ...times };
  }
}
