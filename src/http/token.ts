// The bearer token of the changing verbs: `STATE_DIR/token`, made once, readable by its owner alone. Whoever may read it may do
// what the owner of the daemon may do with its streams.
//
// Never logged; compared in constant time.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Nobody guesses 256 bits. */
const TOKEN_BYTES = 32;
/** What we make; a shorter or stranger one is a damaged file, or somebody's idea of a password. */
const TOKEN = /^[A-Za-z0-9_-]{43,}$/;

const FILE_NAME = 'token';

/** The caller holds the lock of STATE_DIR. Throws what the file system throws. */
export async function tokenOf(stateDir: string): Promise<string> {
  const path = join(stateDir, FILE_NAME);
  const stored = await readToken(path);
  if (stored !== null) {
    await chmod(path, 0o600);
    return stored;
  }
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, `${token}\n`, { mode: 0o600 });
  await rename(temporary, path);
  return token;
}

async function readToken(path: string): Promise<string | null> {
  try {
    const text = (await readFile(path, 'utf8')).trim();
    return TOKEN.test(text) ? text : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** `authorization` is the header as it came. */
export function tokenIsRight(authorization: string | undefined, token: string): boolean {
  const [, given = ''] = /^Bearer ([^\s]+)$/i.exec(authorization ?? '') ?? [];
  return timingSafeEqual(digest(given), digest(token));
}

/** Equal lengths, which the comparison needs and which tell nothing. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
