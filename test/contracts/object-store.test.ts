// The fake keeps the contract of the real ones.

import { MemoryS3 } from '../fakes/memory-object-store.ts';
import { objectStoreContract } from './object-store.contract.ts';
import { AS_AWS } from './object-store-fixture.ts';

const MIN_PART_BYTES = 1024;

objectStoreContract('in memory', async () => {
  const server = new MemoryS3({ buckets: ['streams'], now: Date.now, minPartBytes: MIN_PART_BYTES });
  return {
    connect: ({ credentials = 'right' } = {}) =>
      server.connect({ credentials: credentials === 'right' ? 'right' : 'wrong' }),
    bucket: 'streams',
    minPartBytes: MIN_PART_BYTES,
    differences: AS_AWS,
    cleanup: async () => undefined,
  };
});
