// A real server for the object store's contract: where it is, and how to connect to it rightly and wrongly.

import { createS3ObjectStore } from '../../src/adapters/s3-object-store.ts';
import type { ObjectStoreUnderTest, ServerDifferences } from '../contracts/object-store-fixture.ts';

export interface RealServer {
  readonly url: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly bucket: string;
}

/** Real servers keep to S3's smallest part. */
const MIN_PART_BYTES = 5 * 1024 * 1024;

export function underTest(server: RealServer, differences: ServerDifferences): ObjectStoreUnderTest {
  const { url, region, bucket } = server;
  return {
    connect: ({ credentials = 'right', pageEntries } = {}) =>
      createS3ObjectStore({
        endpoint: url,
        region,
        credentials: {
          accessKeyId: credentials === 'wrong key' ? 'nobody:nobody' : server.accessKeyId,
          secretAccessKey: credentials === 'wrong secret' ? 'another-secret-just-as-long' : server.secretAccessKey,
        },
        pageEntries,
      }),
    bucket,
    minPartBytes: MIN_PART_BYTES,
    differences,
    cleanup: async () => undefined,
  };
}
