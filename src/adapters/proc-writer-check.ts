// Who writes, as /proc tells: one pass over all processes' descriptors (flags O_WRONLY, O_RDWR) and shared writable mappings, for all
// files asked for. Files are told by inode and birth time, never by path text, which differs between containers.
//
// 1. "None" is said only when every process could be looked into. EACCES, processes hidden by hidepid or by a PID namespace, file systems
//    that other hosts write to, and no /proc at all: `unknown`.
// 2. Not seen: writers inside the kernel (nfsd, loop devices), descriptors on their way through a socket or registered with
//    io_uring, threads that unshared their descriptors. Rare; for these the idle time counts alone.
// 3. A process that vanishes while we look has closed what it held; one that is born meanwhile is looked at too.
// 4. What may hang (another process' file on a dead network mount, the memory lock of a stuck process) is asked for asynchronously;
//    only what the kernel answers from its own tables is asked for synchronously, about a millisecond at a time.
// 5. Our own process is passed over: it opens watched files for reading only, and holds so many that they would be most of the look.

import { readlinkSync } from 'node:fs';
import { failureOf } from '../machines/failure.ts';
import type { FileRef } from '../machines/file-identity.ts';
import type { StreamId } from '../machines/ids.ts';
import type { Outcome } from '../ports/outcome.ts';
import type { WriterCheck, WriterPresence } from '../ports/writer-check.ts';
import { errnoOf, isAbsent } from './fs-failure.ts';
import { createProcHost } from './proc-host.ts';
import { createLookQueue } from './proc-look-queue.ts';
import { listProcesses, lookAtProcess, type ProcessLook } from './proc-processes.ts';

/** Processes looked at in parallel: few, because each may hold one of libuv's four threads. */
const MAX_PARALLEL = 2;

export interface ProcWriterCheckOptions {
  readonly procPath?: string;
  /**
   * Whether all processes that could write the files are in our PID namespace. Default: only when it is the host's own. Say true for
   * a container that holds its writers.
   */
  readonly seesAllProcesses?: boolean;
  /** statfs(2)'s `f_type` of a folder; tests have no file system of another host. */
  readonly fileSystemType?: (folder: string) => Promise<number>;
}

/** Files asked for, by inode: a descriptor's inode is compared first, because it nearly never matches. */
type ByInode = ReadonlyMap<string, readonly FileRef[]>;

export function createProcWriterCheck(options: ProcWriterCheckOptions = {}): WriterCheck {
  const procPath = options.procPath ?? '/proc';
  const host = createProcHost(procPath, options.seesAllProcesses, options.fileSystemType);

  async function lookAtAll(files: ByInode): Promise<ProcessLook> {
    const self = ownPid(procPath);
    const seen = new Set<string>();
    const all: ProcessLook = { open: new Set(), doubtful: new Set(), restricted: false };
    // The second listing finds who was born during the first pass, perhaps with the descriptor in its hands.
    for (let pass = 0; pass < 2; pass++) {
      const fresh = listProcesses(procPath).filter((pid) => !seen.has(pid) && pid !== self);
      for (const pid of fresh) seen.add(pid);
      const work = async (): Promise<void> => {
        for (let pid = fresh.pop(); pid !== undefined; pid = fresh.pop()) {
          await lookAtProcess(procPath, pid, files, all);
        }
      };
      await Promise.all(Array.from({ length: MAX_PARALLEL }, work));
    }
    return all;
  }

  async function presences(files: readonly FileRef[]): Promise<ReadonlyMap<StreamId, WriterPresence>> {
    const look = await lookAtAll(byInode(files));
    const blind = look.restricted || !host.showsAllProcesses();
    const found = new Map<StreamId, WriterPresence>();
    const shared = new Map<string, boolean>();
    for (const { folder } of files) if (!shared.has(folder)) shared.set(folder, await host.othersMayWrite(folder));
    for (const { streamId, folder } of files) {
      if (look.open.has(streamId)) found.set(streamId, 'open');
      else found.set(streamId, blind || look.doubtful.has(streamId) || shared.get(folder) ? 'unknown' : 'none');
    }
    return found;
  }

  const queue = createLookQueue((questions: readonly (readonly FileRef[])[]) => presences(questions.flat()));

  return {
    async look(files): Promise<Outcome<ReadonlyMap<StreamId, WriterPresence>>> {
      if (files.length === 0) return { ok: true, value: new Map() };
      try {
        const answer = await queue.ask(files);
        if (answer) return { ok: true, value: only(files, (id) => answer.get(id) ?? 'unknown') };
        return unavailable('a look into a process hangs in the kernel');
      } catch (error) {
        if (isAbsent(error)) return { ok: true, value: only(files, () => 'unknown') };
        const errno = errnoOf(error);
        if (errno !== null) return unavailable(`${procPath}: ${errno}`);
        return { ok: false, failure: failureOf('bug', String(error)) };
      }
    },
  };
}

/** As this /proc counts: in another PID namespace our number is another process'. Null: no such entry. */
function ownPid(procPath: string): string | null {
  try {
    return readlinkSync(`${procPath}/self`);
  } catch {
    return null;
  }
}

function only(files: readonly FileRef[], presenceOf: (id: StreamId) => WriterPresence): Map<StreamId, WriterPresence> {
  const presences = new Map<StreamId, WriterPresence>();
  for (const { streamId } of files) presences.set(streamId, presenceOf(streamId));
  return presences;
}

const unavailable = (detail: string): Outcome<never> => ({
  ok: false,
  failure: failureOf('writer_check_unavailable', detail),
});

function byInode(files: readonly FileRef[]): ByInode {
  const groups = new Map<string, FileRef[]>();
  for (const file of files) {
    const group = groups.get(file.identity.inode);
    if (!group) groups.set(file.identity.inode, [file]);
    else if (!group.some(({ streamId }) => streamId === file.streamId)) group.push(file);
  }
  return groups;
}
