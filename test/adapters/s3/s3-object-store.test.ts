// The adapter keeps the contract on dev-s3: as AWS, with the smallest parts that AWS takes, and as each of its cousins.

import {
  AS_AWS as BEHAVES_AS_AWS,
  type Behaviour,
  PROVIDERS,
  type ProviderName,
} from '../../../src/dev-s3/behaviour.ts';
import { objectStoreContract } from '../../contracts/object-store.contract.ts';
import { AS_AWS, type ServerDifferences } from '../../contracts/object-store-fixture.ts';
import { DIFFERENCES } from '../../contracts/provider-differences.ts';
import { startServer } from './fixture.ts';

const MIB = 1024 * 1024;
const SMALL_PART_BYTES = 1024;
/** As AWS pages; the cousins' runs have little pages, to be quick. */
const PAGE_ENTRIES = 1000;
const SMALL_PAGE_ENTRIES = 40;
const HOUR_MS = 3_600_000;

function keepsContract(name: string, minPartBytes: number, behaviour: Behaviour, differences: ServerDifferences): void {
  const maxPageEntries = minPartBytes === SMALL_PART_BYTES ? SMALL_PAGE_ENTRIES : PAGE_ENTRIES;
  objectStoreContract(`S3 on dev-s3 ${name}`, async () => {
    const server = await startServer({ minPartBytes, behaviour: { ...behaviour, maxPageEntries } });
    return { ...server, bucket: 'streams', minPartBytes, maxPageEntries, differences, cleanup: server.close };
  });
}

keepsContract(`as AWS, parts from 5 MiB`, 5 * MIB, BEHAVES_AS_AWS, AS_AWS);
for (const name of Object.keys(PROVIDERS) as ProviderName[]) {
  keepsContract(`as ${name}`, SMALL_PART_BYTES, PROVIDERS[name], DIFFERENCES[name]);
}
// A lifecycle rule: AWS tells when it will end an upload.
keepsContract(
  'as AWS with a rule that ends uploads',
  SMALL_PART_BYTES,
  { ...BEHAVES_AS_AWS, maxUploadAgeMs: HOUR_MS },
  { ...AS_AWS, tellsExpiry: true, capabilities: { ...AS_AWS.capabilities, maxUploadAgeMs: HOUR_MS } },
);
