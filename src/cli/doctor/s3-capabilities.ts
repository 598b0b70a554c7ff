// What this server can do, by the same probe that the daemon makes at its start: checksums, conditional Complete, and when it expires
// unfinished uploads.

import { formatDuration } from '../../config/values.ts';
import type { StoreCapabilities } from '../../ports/object-store.ts';
import type { S3Access } from '../tools.ts';
import { type Bench, type Finding, ok, warn } from './finding.ts';
import { ofFailure } from './s3-failure.ts';

export async function checkCapabilities(
  { examined, hurry }: Bench,
  { store }: S3Access,
  warnings: readonly string[],
): Promise<readonly Finding[]> {
  const probed = await store.probe(examined.config.s3BucketName, { signal: hurry });
  const left = warnings.map((warning) =>
    warn(
      's3.delete',
      warning,
      'each start leaves one object of a few bytes behind; the daemon deletes nothing else',
      'allow s3:DeleteObject below .tailrace-probe/ (see --iam)',
    ),
  );
  if (!probed.ok)
    return [ofFailure('s3.probe', probed.failure, 'the daemon asks the same and waits until it is answered'), ...left];
  return [checksums(probed.value), conditions(probed.value), expiry(probed.value), ...left];
}

function checksums({ checksum, checksumsInComplete }: StoreCapabilities): Finding {
  const id = 's3.checksums';
  if (checksum === 'crc32')
    return ok(id, `the server verifies CRC32 of parts${checksumsInComplete ? ', and takes them in Complete' : ''}`);
  const means = 'parts are sent with Content-MD5, and objects are proven by their ETag; that costs some CPU';
  return warn(id, 'the server does not verify CRC32', means, 'nothing has to be done; a newer server verifies it');
}

function conditions({ conditionalComplete }: StoreCapabilities): Finding {
  const id = 's3.conditional';
  if (conditionalComplete) return ok(id, 'Complete honours If-None-Match: no object is overwritten by accident');
  const means =
    'the key is looked at just before Complete instead: an object that another program writes in that moment is overwritten';
  return warn(id, 'Complete ignores If-None-Match', means, 'let no other program write below S3_KEY_PREFIX');
}

const DAY_MS = 86_400_000;

/** Only servers that say so when an upload is opened are known; MinIO expires after 24 h without a word. */
function expiry({ maxUploadAgeMs }: StoreCapabilities): Finding {
  const id = 's3.lifecycle';
  if (maxUploadAgeMs === null) {
    const found = 'the server names no time after which it aborts unfinished uploads (AbortIncompleteMultipartUpload)';
    return ok(
      id,
      `${found}; those that nobody finishes stay until \`tailrace gc\`. MinIO (24 h) and R2 (7 d) do not say theirs`,
    );
  }
  const age = formatDuration(Math.round(maxUploadAgeMs / 3_600_000) * 3_600_000);
  const found = `the bucket aborts unfinished uploads after about ${age}`;
  const means = 'a recording that takes longer loses its upload and is sent again from the file';
  if (maxUploadAgeMs > 2 * DAY_MS) return ok(id, `${found}; ${means}`);
  return warn(id, found, means, 'raise DaysAfterInitiation of the lifecycle rule above your longest recording');
}
