// What this host lets us see at all: whether /proc shows every process, and whether a folder is written by this host alone.

import { readlinkSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { toFsPath } from './fs-path.ts';

/** The host's own PID namespace has this inode, always (PROC_PID_INIT_INO in the kernel's proc_ns.h). */
const HOST_PID_NAMESPACE = 'pid:[4026531836]';

/** `f_type` of file systems that other hosts, or a program behind FUSE, may write to (statfs(2), magic.h). */
const SHARED_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0x6969, // NFS
  0x517b, // SMB
  0xff534d42, // CIFS
  0xfe534d42, // SMB2
  0x65735546, // FUSE, virtiofs
  0x01021997, // 9p
  0x00c36400, // Ceph
  0x5346414f, // AFS
  0x0bd00bd0, // Lustre
  0x01161970, // GFS2
  0x7461636f, // OCFS2
  0x47504653, // GPFS
  0x19830326, // BeeGFS
]);

export interface ProcHost {
  /** False when processes may exist that no listing shows. */
  showsAllProcesses(): boolean;
  othersMayWrite(folder: string): Promise<boolean>;
}

/** `typeOf` answers statfs(2)'s `f_type`; tests have no file system of another host. */
export function createProcHost(
  procPath: string,
  seesAllProcesses: boolean | undefined,
  typeOf = fileSystemType,
): ProcHost {
  const shared = new Map<string, boolean>();

  function showsAllProcesses(): boolean {
    try {
      // hidepid=2 hides what we may not look into, and process 1 belongs to root.
      statSync(`${procPath}/1`);
      return seesAllProcesses ?? readlinkSync(`${procPath}/self/ns/pid`) === HOST_PID_NAMESPACE;
    } catch {
      // Whatever hinders the look, it hinders the sight.
      return false;
    }
  }

  async function othersMayWrite(folder: string): Promise<boolean> {
    const known = shared.get(folder);
    if (known !== undefined) return known;
    try {
      // Some types come sign-extended from the kernel's long.
      const isShared = SHARED_FILE_SYSTEMS.has((await typeOf(folder)) >>> 0);
      shared.set(folder, isShared);
      return isShared;
    } catch {
      return true;
    }
  }

  return { showsAllProcesses, othersMayWrite };
}

const fileSystemType = async (folder: string): Promise<number> => (await statfs(toFsPath(folder))).type;
