// Errors of node:fs, translated once and by name into the failure table.
//
// An error that is no answer of the operating system is a bug of ours and says so; it never passes for a fault of the disk.

import { type Failure, type FailureCode, failureOf } from '../machines/failure.ts';
import type { Outcome } from '../ports/outcome.ts';
import { printablePath } from './fs-path.ts';

const CODES: Readonly<Record<string, FailureCode>> = {
  EACCES: 'source_permission_denied',
  EPERM: 'source_permission_denied',
  EMFILE: 'source_open_files_limit',
  ENFILE: 'source_open_files_limit',
  ENOENT: 'source_gone',
  ENOTDIR: 'source_gone',
  // With O_NOFOLLOW: a symlink stands where the file was.
  ELOOP: 'source_gone',
  // A socket, or a device without a driver, stands where the file was.
  ENXIO: 'source_gone',
  ENODEV: 'source_gone',
};

/** The operating system's name of the error (`ENOENT`), or null. Node's own errors begin with `ERR_`. */
export function errnoOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return null;
  return /^E(?!RR_)[A-Z0-9]+$/.test(error.code) ? error.code : null;
}

/** Nothing is there (any more), or nothing that a path through it could lead to. */
export const isAbsent = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '');

export function fsFailure(operation: string, path: string, error: unknown): Failure {
  const errno = errnoOf(error);
  const detail = `${operation} ${printablePath(path)}: ${errno ?? String(error)}`;
  // Whatever else the system says (EIO, ESTALE, ENOMEM, EOVERFLOW): the file could not be read, a person may look.
  return failureOf(errno === null ? 'bug' : (CODES[errno] ?? 'source_read_error'), detail);
}

export const fsFailed = (operation: string, path: string, error: unknown): Outcome<never> => ({
  ok: false,
  failure: fsFailure(operation, path, error),
});

export const sourceGone = (path: string, why: string): Outcome<never> => ({
  ok: false,
  failure: failureOf('source_gone', `${printablePath(path)}: ${why}`),
});
