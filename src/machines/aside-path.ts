// Where a source file lies between being looked at for the last time and being removed or moved: in its own folder, so that the rename
// stays within one file system. Pure, so that a restart finds it.

import type { FileRef } from './file-identity.ts';

/** Dot files are excluded from watching by default; configuration refuses a WATCH_EXCLUDE that lets this one in. */
export const ASIDE_PREFIX = '.tailrace-aside-';
/** Names have at most 255 bytes; a character has at most four. */
const MAX_NAME_CHARS = 50;
const ID_CHARS = 16;

/** The start of the file's own name tells a person whose it was. */
export function asidePath({ streamId, path }: FileRef): string {
  const slash = path.lastIndexOf('/') + 1;
  const name = [...path.slice(slash)].slice(0, MAX_NAME_CHARS).join('');
  return `${path.slice(0, slash)}${ASIDE_PREFIX}${streamId.slice(0, ID_CHARS)}-${name}`;
}
