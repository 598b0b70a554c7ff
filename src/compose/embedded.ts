// The embedded default: an S3 endpoint inside STATE_DIR, so that tailrace can be tried with nothing but Node. Not for production.
//
// Its key is random, made once per STATE_DIR and kept beside the objects, readable by its owner alone: other users of this
// machine can connect to the port, but not read recordings. Where it listens stands in `s3-endpoint`, for verbs beside the daemon; after a kill
// that file stays and lies, so whoever reads it must find out by connecting.

import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDevS3 } from '../dev-s3/server.ts';

export interface EmbeddedS3 {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly folder: string;
  close(): Promise<void>;
}

const ACCESS_KEY_ID = 'tailrace';
const SECRET_BYTES = 24;
const SECRET_FILE = 's3-secret';

const ENDPOINT_FILE = 's3-endpoint';
/** On loopback: it answers at once, or it is not there. */
const ANSWER_TIMEOUT_MS = 2_000;

export async function startEmbeddedS3(stateDir: string, bucket: string): Promise<EmbeddedS3> {
  const secretAccessKey = await secretOf(stateDir);
  const folder = join(stateDir, 's3');
  const server = await startDevS3({ folder, accessKeyId: ACCESS_KEY_ID, secretAccessKey, buckets: [bucket] });
  const note = join(stateDir, ENDPOINT_FILE);
  await writeFile(note, server.url, { mode: 0o600 });
  const close = async (): Promise<void> => {
    await server.close();
    await rm(note, { force: true });
  };
  return { endpoint: server.url, accessKeyId: ACCESS_KEY_ID, secretAccessKey, folder, close };
}

/** The one of a running daemon; null: none runs. Closing it is the daemon's. */
export async function findEmbeddedS3(stateDir: string): Promise<Omit<EmbeddedS3, 'folder' | 'close'> | null> {
  try {
    const endpoint = (await readFile(join(stateDir, ENDPOINT_FILE), 'utf8')).trim();
    const secretAccessKey = await readFile(join(stateDir, SECRET_FILE), 'utf8');
    const answer = await fetch(endpoint, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    await answer.body?.cancel();
    return { endpoint, accessKeyId: ACCESS_KEY_ID, secretAccessKey };
  } catch {
    return null;
  }
}

async function secretOf(stateDir: string): Promise<string> {
  const path = join(stateDir, SECRET_FILE);
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  try {
    await writeFile(path, randomBytes(SECRET_BYTES).toString('hex'), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return await readFile(path, 'utf8');
}
