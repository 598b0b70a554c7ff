// The embedded default: an S3 endpoint inside STATE_DIR, so that tailrace can be tried with nothing but Node. Not for production.
//
// Its key is random, made once per STATE_DIR and kept beside the objects, readable by its owner alone: other users of this
// machine can connect to the port, but not read recordings.

import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDevS3 } from './dev-s3/server.ts';

export interface EmbeddedS3 {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly folder: string;
  close(): Promise<void>;
}

const ACCESS_KEY_ID = 'tailrace';
const SECRET_BYTES = 24;

export async function startEmbeddedS3(stateDir: string, bucket: string): Promise<EmbeddedS3> {
  const secretAccessKey = await secretOf(stateDir);
  const folder = join(stateDir, 's3');
  const server = await startDevS3({ folder, accessKeyId: ACCESS_KEY_ID, secretAccessKey, buckets: [bucket] });
  return { endpoint: server.url, accessKeyId: ACCESS_KEY_ID, secretAccessKey, folder, close: () => server.close() };
}

async function secretOf(stateDir: string): Promise<string> {
  const path = join(stateDir, 's3-secret');
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  try {
    await writeFile(path, randomBytes(SECRET_BYTES).toString('hex'), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return await readFile(path, 'utf8');
}
