// Those who write the files: each does one small thing at a time, in the habits of real recorders (append, patch the head, patch
// every cluster, rewrite, truncate, rotate by rename or replace, unlink while open, preallocate, append and close).
//
// Content is made of records that end in their own CRC32, so that an edit of one in place keeps the CRC32 of all that holds it.

import { crc32 } from 'node:zlib';
import { type Descriptor, FOLDER, type SimulatedDisk } from './disk.ts';
import type { Random } from './random.ts';
import type { SimulatedWorld } from './simulated-world.ts';

const RECORD_BYTES = 32;
/** A few KB: some dozens of parts by the plans of the simulation. */
const MAX_FILE_BYTES = 4096;
const CLUSTER_BYTES = 256;
/** Around the timeouts of the scenarios' settings. */
const PAUSE_MS = [500, 10_000] as const;

export type Habit =
  | 'append'
  | 'patch_head'
  | 'patch_record'
  | 'patch_clusters'
  | 'restore_mtime'
  | 'rewrite'
  | 'truncate'
  | 'rename'
  | 'replace'
  | 'unlink'
  | 'preallocate'
  | 'close'
  /** Does nothing for a while, which may be longer than the timeouts; half of the time with the file closed. */
  | 'pause'
  | 'rest';

export interface Habits {
  readonly weights: readonly (readonly [number, Habit])[];
  /** Closes after each step and opens for the next. */
  readonly closesBetween: boolean;
}

/** Bytes whose last four are the CRC32 of the others, little-endian. */
export function record(random: Random): Uint8Array {
  const bytes = random.bytes(RECORD_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(RECORD_BYTES - 4, crc32(bytes.subarray(0, RECORD_BYTES - 4)), true);
  return bytes;
}

const records = (random: Random, count: number): Uint8Array =>
  Buffer.concat(Array.from({ length: count }, () => record(random)));

export class Writer {
  readonly #disk: SimulatedDisk;
  readonly #random: Random;
  readonly #habits: Habits;
  readonly #names: () => string;
  readonly #nowMs: () => number;
  #path: string;
  #descriptor: Descriptor | null = null;
  #preallocatedFrom: number | null = null;
  #restsUntilMs = 0;

  constructor({ disk, clock, random }: SimulatedWorld, habits: Habits, names: () => string) {
    this.#disk = disk;
    this.#nowMs = () => clock.nowMs;
    this.#random = random;
    this.#habits = habits;
    this.#names = names;
    this.#path = names();
  }

  /** What it did, in a word. */
  step(): Habit {
    if (this.#nowMs() < this.#restsUntilMs) return 'rest';
    const habit = this.#random.weighted(this.#habits.weights);
    if (habit === 'close') this.#close();
    else if (habit === 'pause') this.#pause();
    else if (habit !== 'rest') this.#do(habit, this.#opened());
    if (this.#habits.closesBetween) this.#close();
    return habit;
  }

  /** The writer is done: holes are filled, the descriptor is closed. */
  end(): void {
    if (this.#preallocatedFrom !== null && this.#descriptor) this.#fill(this.#descriptor, this.#preallocatedFrom);
    this.#close();
  }

  #pause(): void {
    this.#restsUntilMs = this.#nowMs() + this.#random.between(...PAUSE_MS);
    if (this.#random.chance(0.5)) this.#close();
  }

  #opened(): Descriptor {
    this.#descriptor ??= this.#disk.open(this.#path);
    return this.#descriptor;
  }

  #close(): void {
    this.#descriptor?.close();
    this.#descriptor = null;
    this.#preallocatedFrom = null;
  }

  #do(habit: Habit, file: Descriptor): void {
    const random = this.#random;
    switch (habit) {
      case 'append':
        this.#append(file);
        break;
      case 'patch_head':
        if (file.sizeBytes > 0) file.write(habit, random.bytes(random.between(1, Math.min(16, file.sizeBytes))), 0);
        break;
      case 'patch_record':
        this.#patchRecord(file);
        break;
      case 'patch_clusters':
        for (let at = 0; at + 4 <= file.sizeBytes; at += CLUSTER_BYTES) file.write(habit, random.bytes(4), at);
        break;
      case 'restore_mtime':
        this.#patchRecord(file);
        file.restoreMtime();
        break;
      case 'rewrite':
        file.write(habit, records(random, Math.ceil(file.sizeBytes / RECORD_BYTES)), 0);
        break;
      case 'truncate':
        file.truncate(random.chance(0.5) ? 0 : random.between(0, file.sizeBytes));
        this.#append(file);
        break;
      case 'preallocate':
        this.#preallocatedFrom ??= file.sizeBytes;
        file.truncate(Math.min(file.sizeBytes + 1024, MAX_FILE_BYTES));
        break;
      default:
        this.#move(habit, file);
    }
  }

  #append(file: Descriptor): void {
    const from = this.#preallocatedFrom;
    if (from !== null) this.#fill(file, from);
    if (from !== null || file.sizeBytes >= MAX_FILE_BYTES) return;
    const random = this.#random;
    const torn = random.chance(0.1) ? random.bytes(random.between(1, 40)) : null;
    file.write('append', torn ?? records(random, random.between(1, 12)), file.sizeBytes);
  }

  #fill(file: Descriptor, from: number): void {
    const count = Math.ceil(Math.max(0, file.sizeBytes - from) / RECORD_BYTES);
    if (count > 0) file.write('fill', records(this.#random, count), from);
    this.#preallocatedFrom = null;
  }

  #patchRecord(file: Descriptor): void {
    const count = Math.floor(file.sizeBytes / RECORD_BYTES);
    if (count === 0) return;
    file.write('patch_record', record(this.#random), this.#random.between(0, count - 1) * RECORD_BYTES);
  }

  #move(habit: Habit, file: Descriptor): void {
    const path = file.path();
    // Without a name, or with one that it does not know: somebody removed the file or set it aside.
    if (path === null || path !== this.#path) return;
    if (habit === 'rename') {
      const to = this.#names();
      if (to === path) return;
      this.#path = to;
      this.#disk.rename(path, to);
    } else if (habit === 'unlink') {
      this.#disk.unlink(path);
    } else if (habit === 'replace') {
      const other = `${FOLDER}/.new-${this.#names().slice(FOLDER.length + 1)}`;
      this.#close();
      const next = this.#disk.open(other);
      next.write('append', records(this.#random, this.#random.between(0, 20)), 0);
      this.#descriptor = next;
      this.#disk.rename(other, path);
      this.#path = path;
    }
  }
}
