// The folder on disk: small JSON records that appear, change and vanish as a whole, and the rules for that.
//
// 1. A record is written beside its place, synced, then renamed over it: killed at any moment, the old or the new is there.
// 2. Whatever is in tmp/ belongs to nobody after a start, and is swept.
// 3. The folder carries a mark. A folder with other things in it is refused: sweeping must never eat a stranger's files.
// With `fsync: false` nothing is synced: a kill -9 still loses nothing (the kernel has the bytes), a power cut may.
// One process per folder: that is not checked.

import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';

const MARK = 'dev-s3.json';
/** Raised whenever the records on disk change their meaning. */
const LAYOUT = 1;

export class Disk {
  readonly folder: string;
  readonly #tmp: string;
  readonly #fsync: boolean;

  private constructor(folder: string, fsync: boolean) {
    this.folder = folder;
    this.#tmp = path.join(folder, 'tmp');
    this.#fsync = fsync;
  }

  static async open(folder: string, fsync: boolean): Promise<Disk> {
    const disk = new Disk(path.resolve(folder), fsync);
    await mkdir(disk.folder, { recursive: true });
    await disk.#checkMark();
    await rm(disk.#tmp, { recursive: true, force: true });
    await mkdir(disk.#tmp);
    await disk.writeRecord(path.join(disk.folder, MARK), { layout: LAYOUT });
    return disk;
  }

  async #checkMark(): Promise<void> {
    const names = await readdir(this.folder);
    // Killed in its very first start: tmp/ is there, the mark not yet.
    if (names.every((name) => name === 'tmp')) return;
    if (!names.includes(MARK))
      throw new Error(`${this.folder} has other things in it: dev-s3 wants a folder of its own`);
    const mark = await this.readRecord<{ layout: number }>(path.join(this.folder, MARK));
    if (mark.layout !== LAYOUT) throw new Error(`${this.folder} was written by another version of dev-s3`);
  }

  /** A path that nobody has, on the same file system as everything else. */
  temporaryPath(): string {
    return path.join(this.#tmp, randomUUID());
  }

  async writeRecord(place: string, record: object): Promise<void> {
    const temporary = this.temporaryPath();
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(JSON.stringify(record));
      if (this.#fsync) await file.sync();
    } finally {
      await file.close();
    }
    await this.move(temporary, place);
  }

  /** @throws if it is not there, or is no JSON: a record is never half written, so that is damage from outside */
  async readRecord<Shape>(place: string): Promise<Shape> {
    const text = await readFile(place, 'utf8');
    try {
      return JSON.parse(text) as Shape;
    } catch (cause) {
      throw new Error(`${place} is damaged`, { cause });
    }
  }

  /** The atomic step: what was at `to` is replaced by what was at `from`. */
  async move(from: string, to: string): Promise<void> {
    await rename(from, to);
    await this.syncFolder(path.dirname(to));
  }

  /** Gone for readers at once, by a rename; the rest may take its time, or be swept at the next start. */
  async removeFolder(place: string): Promise<void> {
    const grave = this.temporaryPath();
    await this.move(place, grave);
    await rm(grave, { recursive: true, force: true }).catch(() => undefined);
  }

  async removeFile(place: string): Promise<void> {
    await rm(place, { force: true });
    await this.syncFolder(path.dirname(place));
  }

  async syncFolder(folder: string): Promise<void> {
    if (!this.#fsync) return;
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /** Must bytes reach the disk before they are spoken of? */
  get isSynced(): boolean {
    return this.#fsync;
  }
}
