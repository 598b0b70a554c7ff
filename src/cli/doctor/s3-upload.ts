// One upload, as the daemon makes them: created, filled with a part, listed, aborted. Aborted in any case, once it was created.

import { randomBytes, randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Failure } from '../../machines/failure.ts';
import { partNumber, type UploadId } from '../../machines/ids.ts';
import type { ObjectTarget } from '../../machines/stream-record.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { Outcome } from '../../ports/outcome.ts';
import type { S3Access } from '../tools.ts';
import { type Bench, type Finding, fail, ok, skipped, warn } from './finding.ts';
import { ofFailure } from './s3-failure.ts';

/** Any size will do for a last part. */
const PART_BYTES = 64 * 1024;
/** Below the folder whose leftovers every probe ends. */
const FOLDER = '.tailrace-probe/';

export async function tryUpload(bench: Bench, { store }: S3Access): Promise<readonly Finding[]> {
  const { s3BucketName: bucket, s3KeyPrefix } = bench.examined.config;
  const target = { bucket, key: `${s3KeyPrefix}${FOLDER}doctor-${randomUUID()}` };
  const head = await store.headObject(target, { signal: bench.signal });
  const looked = head.ok
    ? ok('s3.head', 'a missing object is told from a forbidden one (s3:ListBucket)')
    : ofFailure('s3.head', head.failure, 'it cannot be seen whether a key is taken, so no upload is opened');
  if (bench.signal.aborted) return [looked];
  bench.talk(
    `Trying an upload: s3://${bucket}/${target.key}. If this is killed now, it stays there unfinished until a daemon starts.`,
  );
  // Not by the signal that tells us to end: a Create that is cut off leaves an upload whose id nobody heard.
  const created = await store.createUpload({ target, metadata: {} }, { signal: bench.hurry });
  if (!created.ok) return [looked, ...(await afterFailedCreate(target, created.failure, store))];
  const { uploadId } = created.value;
  const steps = await fillAndList(target, uploadId, store, bench.signal);
  return [looked, ...steps, await abort(target, uploadId, store, steps.length === 0)];
}

/** The upload may be open all the same: it is looked for by its key, which is nobody else's. */
async function afterFailedCreate(
  target: ObjectTarget,
  failure: Failure,
  store: ObjectStore,
): Promise<readonly Finding[]> {
  const refused = ofFailure('s3.create', failure, 'no upload can be opened (s3:PutObject)');
  if (failure.answered !== false) return [refused];
  const listed = await store.listUploads({ bucket: target.bucket, prefix: target.key });
  if (!listed.ok) {
    const left = `an upload of s3://${target.bucket}/${target.key} may be left behind: tailrace gc lists it`;
    return [refused, ofFailure('s3.abort', listed.failure, left)];
  }
  const ended = listed.value.map(({ uploadId }) => abort(target, uploadId, store, false));
  return [refused, ...(await Promise.all(ended))];
}

/** Empty: all went well. */
async function fillAndList(
  target: ObjectTarget,
  uploadId: UploadId,
  store: ObjectStore,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const bytes = randomBytes(PART_BYTES);
  const sum = crc32(bytes).toString(16).padStart(8, '0');
  const body = { kind: 'bytes', bytes } as const;
  const sent = await store.uploadPart({ target, uploadId, partNumber: partNumber(1), body, crc32: sum }, { signal });
  const ended = 'not tried to the end: you told it to stop';
  if (!sent.ok && signal.aborted) return [skipped('s3.part', ended)];
  if (!sent.ok) return [ofFailure('s3.part', sent.failure, 'no part can be sent (s3:PutObject)')];
  const parts = await store.listParts({ target, uploadId }, { signal });
  if (!parts.ok && signal.aborted) return [skipped('s3.list-parts', ended)];
  if (!parts.ok)
    return [
      ofFailure('s3.list-parts', parts.failure, 'a restart cannot see what was sent (s3:ListMultipartUploadParts)'),
    ];
  const [part] = parts.value.parts;
  if (part?.etag === sent.value.etag && part.sizeBytes === PART_BYTES) return [];
  const cure = 'check S3_ENDPOINT_URL: a proxy or cache may stand between';
  return [
    fail('s3.list-parts', 'unavailable', 'the part just sent is not listed', 'a restart cannot go on from it', cure),
  ];
}

/** Not by the caller's signal: it must be gone, also when the user wants to end. */
async function abort(target: ObjectTarget, uploadId: UploadId, store: ObjectStore, isWhole: boolean): Promise<Finding> {
  const aborted = await store.abortUpload({ target, uploadId });
  const id = 's3.upload';
  const left = `left behind: the upload ${uploadId} of s3://${target.bucket}/${target.key}`;
  if (!aborted.ok) return leftBehind(aborted, left);
  const parts = await store.listParts({ target, uploadId });
  if (parts.ok && parts.value.parts.length > 0) {
    const cure = 'see whether it is gone later: tailrace gc';
    return warn(
      id,
      `Abort was answered, but its parts are still listed; ${left}`,
      'aborted uploads may go on to cost',
      cure,
    );
  }
  return ok(
    id,
    isWhole
      ? 'an upload was created, filled, listed and aborted; nothing is left'
      : 'the upload was aborted; nothing is left',
  );
}

function leftBehind(aborted: Extract<Outcome<null>, { ok: false }>, left: string): Finding {
  const failure: Failure = aborted.failure;
  return ofFailure('s3.abort', failure, `unfinished uploads cannot be ended (s3:AbortMultipartUpload); ${left}`);
}
