// What a process costs, as the kernel counts it: CPU of all its threads, resident memory now and at its highest.

import { readFileSync } from 'node:fs';

/** USER_HZ: fixed at 100 for /proc on every Linux that Node runs on. */
const TICK_MS = 10;

/** Fields of /proc/PID/stat from the third on; the name before them may hold spaces and parentheses. */
const statFields = (pid: number | 'self'): readonly string[] =>
  readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');

/** CPU ms of the process since it began, in user and kernel, all threads. */
export function cpuMsOf(pid: number): number {
  const fields = statFields(pid);
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** CPU ms of our children that have ended, and of theirs. */
export function endedChildrenCpuMs(): number {
  const fields = statFields('self');
  return (Number(fields[13]) + Number(fields[14])) * TICK_MS;
}

const statusMb = (pid: number, field: string): number => {
  const kb = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return (Number(kb) * 1024) / 1e6;
};

/** Resident memory in MB (10^6 bytes). */
export const residentMbOf = (pid: number): number => statusMb(pid, 'VmRSS');
/** The highest it ever was. */
export const peakMbOf = (pid: number): number => statusMb(pid, 'VmHWM');

/** Bytes that this process gave to write(2) and its like, files and sockets together. */
export function writtenBytes(): number {
  return Number(/^wchar: (\d+)/m.exec(readFileSync('/proc/self/io', 'latin1'))?.[1]);
}
