// OpenStack Swift with s3api (Debian), started by `npm run test:real-s3`.

import { objectStoreContract } from '../contracts/object-store.contract.ts';
import { AS_SWIFT } from '../contracts/provider-differences.ts';
import { type RealServer, underTest } from './server.ts';

objectStoreContract('Swift s3api', async () => {
  const server = process.env['TAILRACE_REAL_S3'];
  if (!server) throw new Error('run by `npm run test:real-s3`, which starts Swift');
  return underTest(JSON.parse(server) as RealServer, AS_SWIFT);
});
