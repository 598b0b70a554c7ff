// Checks of what this host lets us see and hold: other processes' descriptors (who writes a file?) and the number of open files.

import { readdir, readFile, readlink } from 'node:fs/promises';
import { formatDuration } from '../../config/values.ts';
import { type Check, ok, skipped, warn } from './finding.ts';

/** Flag of a kernel thread in /proc/PID/stat: nobody may look into these, and they hold nothing. */
const KERNEL_THREAD = 0x0020_0000;

export const checkWriterSight: Check = async ({ examined, tools }) => {
  const id = 'writers';
  const { streamTimeoutUnknownMs, writerCloseGraceMs } = examined.config;
  const means = `whether a recorder still holds a file open may be unknown: files are then finished ${formatDuration(streamTimeoutUnknownMs)} after the last growth (STREAM_TIMEOUT_UNKNOWN_SECONDS) instead of ${formatDuration(writerCloseGraceMs)} after closing`;
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  if (pids.length === 0) return [skipped(id, 'there is no /proc: writers are never seen, idle time decides')];
  const sight = await tools.host().writersOfNothing();
  if (sight === 'none') return [ok(id, `all ${pids.length} processes can be looked into: writers are seen`)];
  if (!tools.host().showsAllProcesses()) {
    const found = '/proc does not show all processes of this host (hidepid, or a PID namespace of a container)';
    return [warn(id, found, means, "mount /proc without hidepid, or run with the host's PID namespace (--pid=host)")];
  }
  const hidden = (await Promise.all(pids.map(isHidden))).filter(Boolean).length;
  const cure =
    'run as root, or give CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (systemd: AmbientCapabilities); or lower STREAM_TIMEOUT_UNKNOWN_SECONDS if your recorders write steadily';
  return [warn(id, `${hidden || 'some'} of ${pids.length} processes may not be looked into`, means, cure)];
};

/** The descriptors may be listed and yet not be followed: the kernel asks for the right to trace the process. */
async function isHidden(pid: string): Promise<boolean> {
  try {
    const [first] = await readdir(`/proc/${pid}/fd`);
    if (first !== undefined) await readlink(`/proc/${pid}/fd/${first}`);
    return false;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return (code === 'EACCES' || code === 'EPERM') && !(await isKernelThread(pid));
  }
}

async function isKernelThread(pid: string): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  // After the name, which may hold anything: state, ppid, pgrp, session, tty, tpgid, flags.
  const flags = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[6]);
  return (flags & KERNEL_THREAD) !== 0;
}

/** Half of them may be recordings. */
const FEW_OPEN_FILES = 4_096;

export const checkOpenFiles: Check = async () => {
  const id = 'open-files';
  const limits = await readFile('/proc/self/limits', 'latin1').catch(() => '');
  const [, soft, hard] = /^Max open files\s+(\S+)\s+(\S+)/m.exec(limits) ?? [];
  if (soft === undefined) return [skipped(id, 'the limit cannot be read')];
  if (soft === 'unlimited' || Number(soft) >= FEW_OPEN_FILES) return [ok(id, `${soft} may be open`)];
  const means = `at most ${Math.floor(Number(soft) / 2)} growing files are held open; more are opened anew for each read, and lost when they are deleted meanwhile`;
  return [
    warn(id, `${soft} may be open (hard limit ${hard})`, means, 'raise it: ulimit -n 65536, systemd LimitNOFILE=65536'),
  ];
};
