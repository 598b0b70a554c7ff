// OpenStack Swift with s3api (Debian), started by `npm run test:real-s3`.

import { objectStoreContract } from '../contracts/object-store.contract.ts';
import { AS_AWS, type ServerDifferences } from '../contracts/object-store-fixture.ts';
import { type RealServer, underTest } from './server.ts';

/** Measured with swift 2.30. */
const AS_SWIFT: ServerDifferences = {
  ...AS_AWS,
  capabilities: { ...AS_AWS.capabilities, checksum: 'md5', checksumsInComplete: false, conditionalComplete: false },
  listAfterComplete: 'success',
  completeOfWrongSize: 'success',
  completeWithWrongChecksum: 'success',
  storedChecksum: 'none',
  putIfAbsent: false,
  putIfOurs: false,
};

objectStoreContract('Swift s3api', async () => {
  const server = process.env['TAILRACE_REAL_S3'];
  if (!server) throw new Error('run by `npm run test:real-s3`, which starts Swift');
  return underTest(JSON.parse(server) as RealServer, AS_SWIFT);
});
