// dev-s3 in a folder of its own, and our adapter connected to it.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createS3ObjectStore, type S3ObjectStoreOptions } from '../../../src/adapters/s3-object-store.ts';
import type { Behaviour } from '../../../src/dev-s3/behaviour.ts';
import { type DevS3, startDevS3 } from '../../../src/dev-s3/server.ts';
import type { ObjectStore } from '../../../src/ports/object-store.ts';
import type { ConnectOptions } from '../../contracts/object-store-fixture.ts';

export const ACCESS_KEY_ID = 'tailrace-test';
export const SECRET_ACCESS_KEY = 'not-a-secret-but-long';

export interface TestServer {
  readonly s3: DevS3;
  readonly folder: string;
  readonly connect: (options?: Parameters<typeof connectTo>[1]) => ObjectStore;
  readonly close: () => Promise<void>;
}

export async function startServer(
  options: { readonly minPartBytes?: number; readonly behaviour?: Behaviour; readonly now?: () => number } = {},
): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'tailrace-s3-'));
  const s3 = await startDevS3({
    folder,
    accessKeyId: ACCESS_KEY_ID,
    secretAccessKey: SECRET_ACCESS_KEY,
    buckets: ['streams'],
    fsync: false,
    ...options,
  });
  const stores: ObjectStore[] = [];
  return {
    s3,
    folder,
    connect: (how = {}) => {
      const store = connectTo(s3.url, how);
      stores.push(store);
      return store;
    },
    close: async () => {
      for (const store of stores) store.close();
      await s3.close();
      await rm(folder, { recursive: true });
    },
  };
}

export function connectTo(
  endpoint: string,
  { credentials = 'right', ...more }: ConnectOptions & Partial<Omit<S3ObjectStoreOptions, 'credentials'>> = {},
): ObjectStore {
  return createS3ObjectStore({
    endpoint,
    region: 'us-east-1',
    credentials: {
      accessKeyId: credentials === 'wrong key' ? 'somebody-else' : ACCESS_KEY_ID,
      secretAccessKey: credentials === 'wrong secret' ? 'another-secret-just-as-long' : SECRET_ACCESS_KEY,
    },
    ...more,
  });
}
