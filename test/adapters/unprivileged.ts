// Runs a child module without privileges, because root may look at everything. The child is started as we are, so that it can load
// its modules wherever the checkout lies, and gives its privileges up by itself (`dropPrivileges`) before it acts.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const NOBODY = 65_534;

/** The child's answer: the JSON that it printed. */
export async function runUnprivileged<T>(child: URL, ...args: string[]): Promise<T> {
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(child), ...args], { timeout: 25_000 });
  return JSON.parse(stdout) as T;
}

/** For the child. An ordinary user has nothing to give up. */
export function dropPrivileges(): void {
  if (process.geteuid?.() !== 0) return;
  process.setgroups?.([]);
  process.setegid?.(NOBODY);
  process.seteuid?.(NOBODY);
}
