// Any S3 server: S3_ENDPOINT_URL, S3_BUCKET_NAME, S3_REGION_NAME, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY. The bucket must
// exist; what the run makes lies below `contract-<random>/` and is removed. What the server is known to do otherwise than AWS
// is given as JSON in S3_DIFFERENCES, for example {"reComplete":"upload_not_found"}.

import { objectStoreContract } from '../contracts/object-store.contract.ts';
import { AS_AWS, type ServerDifferences } from '../contracts/object-store-fixture.ts';
import { underTest } from './server.ts';

function setting(name: string, otherwise?: string): string {
  const value = process.env[name] ?? otherwise;
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

objectStoreContract('S3_ENDPOINT_URL', async () => {
  const known = JSON.parse(setting('S3_DIFFERENCES', '{}')) as Partial<ServerDifferences>;
  const capabilities = { ...AS_AWS.capabilities, ...known.capabilities };
  const server = {
    url: setting('S3_ENDPOINT_URL'),
    region: setting('S3_REGION_NAME', 'us-east-1'),
    accessKeyId: setting('S3_ACCESS_KEY_ID'),
    secretAccessKey: setting('S3_SECRET_ACCESS_KEY'),
    bucket: setting('S3_BUCKET_NAME'),
  };
  return underTest(server, { ...AS_AWS, ...known, capabilities });
});
