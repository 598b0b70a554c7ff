// `STATE_DIR/daemon.json`: where a running daemon can be asked. Written whole (temporary file, then rename), removed at a clean
// end. After a kill it stays and lies: whoever reads it must find out by connecting whether the daemon still lives.

import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface DaemonFile {
  readonly pid: number;
  /** `http://127.0.0.1:8000` */
  readonly address: string;
  /** Absolute path of the unix socket; null: none. */
  readonly socket: string | null;
  readonly instance: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
}

const FILE_NAME = 'daemon.json';
const SOCKET_NAME = 'daemon.sock';

export const daemonSocketPath = (stateDir: string): string => join(stateDir, SOCKET_NAME);

export async function writeDaemonFile(stateDir: string, content: DaemonFile): Promise<void> {
  const path = join(stateDir, FILE_NAME);
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, `${JSON.stringify(content)}\n`, { mode: 0o600 });
  await rename(temporary, path);
}

/** Removes the file only if it is ours: a successor may have written its own already. */
export async function removeDaemonFile(stateDir: string): Promise<void> {
  const content = await readDaemonFile(stateDir);
  if (content?.pid === process.pid) await rm(join(stateDir, FILE_NAME), { force: true });
}

/** null: none, or nothing that can be understood. */
export async function readDaemonFile(stateDir: string): Promise<DaemonFile | null> {
  try {
    const content: unknown = JSON.parse(await readFile(join(stateDir, FILE_NAME), 'utf8'));
    return isDaemonFile(content) ? content : null;
  } catch {
    return null;
  }
}

function isDaemonFile(content: unknown): content is DaemonFile {
  if (typeof content !== 'object' || content === null) return false;
  const { pid, address, socket, instance, startedAt } = content as Record<string, unknown>;
  const texts = [address, instance, startedAt].every((field) => typeof field === 'string');
  return typeof pid === 'number' && texts && (socket === null || typeof socket === 'string');
}
