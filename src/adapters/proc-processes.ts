// One process in /proc: its descriptors open for writing and its shared writable mappings, compared with the files asked for.
//
// Adds to a `ProcessLook` and never throws for what the process does: it may vanish at any line. Errors of our own (no descriptors
// left, no memory) are thrown: they are no answer about writers.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { lstat, readFile, stat } from 'node:fs/promises';
import { setImmediate as breathe } from 'node:timers/promises';
import { type FileIdentity, type FileRef, sameIdentity } from '../machines/file-identity.ts';
import type { StreamId } from '../machines/ids.ts';
import { errnoOf } from './fs-failure.ts';
import { identityOf } from './fs-identity.ts';
import { toFsPath } from './fs-path.ts';

/** O_WRONLY | O_RDWR. */
const WRITE_FLAGS = 3;
/** Flag of a kernel thread in /proc/PID/stat (PF_KTHREAD): these have no descriptors, though we may be refused the look. */
const KERNEL_THREAD = 0x0020_0000;
/** Descriptors looked at between two breaths: about a millisecond. */
const DESCRIPTORS_PER_BREATH = 100;
/** start-end, permissions (shared and writable), offset, device major:minor (hex), inode. */
const SHARED_WRITABLE = /^([0-9a-f]+-[0-9a-f]+) .w.s [0-9a-f]+ ([0-9a-f]+):([0-9a-f]+) ([0-9]+)/gm;

export interface ProcessLook {
  readonly open: Set<StreamId>;
  /** Something has the file's inode and could not be told apart from it. */
  readonly doubtful: Set<StreamId>;
  /** Some process could not be looked into. */
  restricted: boolean;
}

type ByInode = ReadonlyMap<string, readonly FileRef[]>;

export const listProcesses = (procPath: string): string[] => readdirSync(procPath).filter((name) => /^\d+$/.test(name));

export async function lookAtProcess(procPath: string, pid: string, files: ByInode, look: ProcessLook): Promise<void> {
  const process = `${procPath}/${pid}`;
  try {
    const descriptors = readdirSync(`${process}/fd`);
    if (descriptors.length === 0 && isKernelThread(process)) return;
    await lookAtDescriptors(process, descriptors, files, look);
    await lookAtMappings(process, files, look);
  } catch (error) {
    if (isVanished(error)) return;
    if (!isRefused(error)) throw error;
    if (!isKernelThread(process)) look.restricted = true;
  }
}

async function lookAtDescriptors(
  process: string,
  descriptors: readonly string[],
  files: ByInode,
  look: ProcessLook,
): Promise<void> {
  let sinceBreath = 0;
  for (const fd of descriptors) {
    if (++sinceBreath >= DESCRIPTORS_PER_BREATH) {
      sinceBreath = 0;
      await breathe();
    }
    if (!mayWriteFile(process, fd)) continue;
    const identity = await identityBehind(`${process}/fd/${fd}`);
    for (const file of identity === null ? [] : (files.get(identity.inode) ?? [])) {
      if (identity !== null && sameIdentity(file.identity, identity)) look.open.add(file.streamId);
    }
  }
}

/** Decides from the kernel's own tables, without asking the file's file system, which may hang. */
function mayWriteFile(process: string, fd: string): boolean {
  // The target of a file is a path; `socket:[1]`, `pipe:[1]`, `anon_inode:[eventpoll]` are none.
  try {
    const target = readlinkSync(`${process}/fd/${fd}`);
    if (!target.startsWith('/') || target === '/dev/null' || target.startsWith('/dev/pts/')) return false;
    const octal = /^flags:\s*([0-7]+)/m.exec(readFileSync(`${process}/fdinfo/${fd}`, 'latin1'))?.[1];
    return octal === undefined || (Number.parseInt(octal, 8) & WRITE_FLAGS) !== 0;
  } catch (error) {
    // Closed meanwhile.
    if (isVanished(error)) return false;
    throw error;
  }
}

/** Null: closed meanwhile, or its own file system refuses to tell (a dead mount, another user's FUSE): none that we could carry. */
async function identityBehind(link: string): Promise<FileIdentity | null> {
  try {
    return identityOf(await stat(link, { bigint: true }));
  } catch (error) {
    if (isVanished(error) || isRefused(error) || isDeadMount(error)) return null;
    throw error;
  }
}

async function lookAtMappings(process: string, files: ByInode, look: ProcessLook): Promise<void> {
  const maps = await readFile(`${process}/maps`, 'latin1');
  for (const [, range = '', major = '', minor = '', inode = ''] of maps.matchAll(SHARED_WRITABLE)) {
    for (const file of files.get(inode) ?? []) {
      const answer = await isMappingOf(`${process}/map_files/${range}`, `${major}:${minor}`, file);
      if (answer === 'yes') look.open.add(file.streamId);
      else if (answer === 'perhaps') look.doubtful.add(file.streamId);
    }
  }
}

/**
 * The inode matches; is it the file? Root can follow the mapping to its file. Others compare devices; where they differ it may still be
 * the file (btrfs and overlayfs show another device in maps), so nothing is denied.
 */
async function isMappingOf(mapFile: string, device: string, file: FileRef): Promise<'yes' | 'no' | 'perhaps'> {
  try {
    return sameIdentity(identityOf(await stat(mapFile, { bigint: true })), file.identity) ? 'yes' : 'no';
  } catch (error) {
    if (!isRefused(error) && !isVanished(error)) throw error;
  }
  try {
    const stats = await lstat(toFsPath(file.path), { bigint: true });
    return sameIdentity(identityOf(stats), file.identity) && deviceText(stats.dev) === device ? 'yes' : 'perhaps';
  } catch {
    return 'perhaps';
  }
}

/** `major:minor` in hex, as maps shows it; the split is glibc's gnu_dev_major and gnu_dev_minor. */
function deviceText(device: bigint): string {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n);
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffffff00n);
  return [major, minor].map((part) => part.toString(16).padStart(2, '0')).join(':');
}

/** Field 9 of stat, counted after the name, which may hold spaces and parentheses. Readable for everyone. */
function isKernelThread(process: string): boolean {
  try {
    const fields = readFileSync(`${process}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[6]) & KERNEL_THREAD) !== 0 || fields[0] === 'Z';
  } catch (error) {
    return isVanished(error);
  }
}

const isVanished = (error: unknown): boolean => ['ENOENT', 'ESRCH', 'ENOTDIR'].includes(errnoOf(error) ?? '');
const isRefused = (error: unknown): boolean => ['EACCES', 'EPERM'].includes(errnoOf(error) ?? '');
const isDeadMount = (error: unknown): boolean =>
  ['EIO', 'ESTALE', 'ENOTCONN', 'EHOSTDOWN', 'ETIMEDOUT'].includes(errnoOf(error) ?? '');
