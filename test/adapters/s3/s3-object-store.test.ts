// The adapter keeps the contract on dev-s3, once with AWS' smallest parts and once with tiny ones.

import { objectStoreContract } from '../../contracts/object-store.contract.ts';
import { AS_AWS } from '../../contracts/object-store-fixture.ts';
import { startServer } from './fixture.ts';

const MIB = 1024 * 1024;

for (const minPartBytes of [5 * MIB, 1024]) {
  objectStoreContract(`S3 on dev-s3, parts from ${minPartBytes} bytes`, async () => {
    const server = await startServer({ minPartBytes });
    return { ...server, bucket: 'streams', minPartBytes, differences: AS_AWS, cleanup: server.close };
  });
}
