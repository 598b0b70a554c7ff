// What each provider's S3 answers otherwise than AWS, as our port shows it: what was measured on the real one where there is one to
// measure (Swift), else what is known of it. dev-s3 with that provider's behaviour must answer the same.

import type { ProviderName } from '../../src/dev-s3/behaviour.ts';
import { AS_AWS, type ServerDifferences } from './object-store-fixture.ts';

/** Without checksums of S3's own: parts are verified by Content-MD5, and nothing is stored for the object. */
const WITHOUT_CHECKSUMS = {
  capabilities: { ...AS_AWS.capabilities, checksum: 'md5', checksumsInComplete: false },
  completeWithWrongChecksum: 'success',
  storedChecksum: 'none',
} as const satisfies Partial<ServerDifferences>;

/** RGW 16. */
const AS_CEPH: ServerDifferences = {
  ...AS_AWS,
  ...WITHOUT_CHECKSUMS,
  capabilities: { ...WITHOUT_CHECKSUMS.capabilities, conditionalComplete: false },
  completeOfGone: 's3_unavailable',
  completeOfSome: 'part_invalid',
  completeOutOfOrder: 'success',
  completeOfWrongSize: 'success',
};

/** Measured with swift 2.30. */
export const AS_SWIFT: ServerDifferences = {
  ...AS_AWS,
  ...WITHOUT_CHECKSUMS,
  capabilities: { ...WITHOUT_CHECKSUMS.capabilities, conditionalComplete: false },
  listAfterComplete: 'success',
  completeOfWrongSize: 'success',
  copyOfParts: 'precondition_failed',
  putIfAbsent: false,
  putIfOurs: false,
};

const AS_MINIO: ServerDifferences = {
  ...AS_AWS,
  reComplete: 'upload_not_found',
  uploadsFoundByPrefix: false,
};

const AS_R2: ServerDifferences = {
  ...AS_AWS,
  ...WITHOUT_CHECKSUMS,
  completeOfWrongSize: 'success',
  completeWithUnequalParts: 'part_invalid',
};

export const DIFFERENCES: Readonly<Record<ProviderName, ServerDifferences>> = {
  aws: AS_AWS,
  ceph: AS_CEPH,
  swift: AS_SWIFT,
  minio: AS_MINIO,
  r2: AS_R2,
};
