// Multipart uploads: create, upload a part, complete, abort.
//
// Bytes of a part stream to disk outside the key's turn; within it a part, a Complete or an Abort is decided and written.
// So a part that arrives while its upload is completed or aborted finds NoSuchUpload, and leaves no bytes behind.

import type { Call } from './call.ts';
import { ALGORITHMS, isChecksumAlgorithm } from './checksums.ts';
import { assembleObject, fingerprintOf, readCompletion } from './completion.ts';
import { checkWriteConditions } from './conditions.ts';
import { S3Error } from './errors.ts';
import { MAX_PART_NUMBER } from './limits.ts';
import { readObjectHeaders } from './object-headers.ts';
import type { ObjectRecord } from './object-store.ts';
import { type Claims, PayloadDigests, readChecksumHeader, readClaims, readDocument } from './payload.ts';
import { emptyReply, type Reply, xmlReply } from './reply.ts';
import { headerValue, queryNumber, queryValue, type S3Request } from './request.ts';
import type { FinishedUpload, UploadRecord } from './upload-store.ts';
import type { Xml } from './xml.ts';

export async function createMultipartUpload({ request, buckets, nowMs }: Call): Promise<Reply> {
  const bucket = buckets.get(request.bucket);
  const { key } = request;
  const checksum = readChecksumKind(request);
  const headers = readObjectHeaders(request.headers);
  const upload = await bucket.turn(key, () => bucket.uploads.create({ key, initiatedAtMs: nowMs, headers, checksum }));
  const result: Xml = [
    'InitiateMultipartUploadResult',
    [
      ['Bucket', bucket.name],
      ['Key', key],
      ['UploadId', upload.uploadId],
    ],
  ];
  if (checksum === null) return xmlReply(result);
  return xmlReply(result, {
    'x-amz-checksum-algorithm': checksum.algorithm,
    'x-amz-checksum-type': checksum.type,
  });
}

function readChecksumKind(request: S3Request): UploadRecord['checksum'] {
  const algorithm = headerValue(request.headers, 'x-amz-checksum-algorithm')?.toUpperCase();
  const type = headerValue(request.headers, 'x-amz-checksum-type')?.toUpperCase();
  if (algorithm === undefined) {
    if (type === undefined) return null;
    throw new S3Error(
      'InvalidRequest',
      'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.',
    );
  }
  if (!isChecksumAlgorithm(algorithm)) throw new S3Error('NotImplemented', `${algorithm} is not implemented`);
  if (type === undefined || type === 'COMPOSITE') return { algorithm, type: 'COMPOSITE' };
  if (type === 'FULL_OBJECT' && ALGORITHMS[algorithm].combine !== null) return { algorithm, type };
  throw new S3Error(
    'InvalidRequest',
    `The ${type} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
  );
}

export async function uploadPart({ request, buckets, nowMs }: Call): Promise<Reply> {
  const bucket = buckets.get(request.bucket);
  const { key } = request;
  const partNumber = queryNumber(request, 'partNumber', 1, MAX_PART_NUMBER) ?? 0;
  const uploadId = queryValue(request, 'uploadId') ?? '';
  const { checksum: kind } = bucket.uploads.get(uploadId, key);
  const claims = readClaims(request);
  checkPartChecksum(claims, kind);

  const algorithm = kind?.algorithm ?? claims.checksum?.algorithm ?? null;
  const digests = new PayloadDigests(claims, algorithm);
  return bucket.receive(digests.through(request.body.chunks()), async (piece) => {
    const { md5Hex: etag, checksums } = digests.end();
    const checksum = algorithm === null ? null : { algorithm, value: checksums[algorithm] ?? '' };
    await bucket.turn(key, async () => {
      const upload = bucket.uploads.get(uploadId, key);
      await bucket.putPart(upload, { ...piece, partNumber, etag, lastModifiedMs: nowMs, checksum });
    });
    const echoed = claims.checksum && { [ALGORITHMS[claims.checksum.algorithm].header]: claims.checksum.value };
    return emptyReply(200, { etag: `"${etag}"`, ...echoed });
  });
}

/**
 * A part's checksum must be the upload's; only for FULL_OBJECT may the part leave it to the server. To an upload that was
 * opened without, SDKs send CRC32 by default: it is verified and echoed, but neither listed nor made one of the object.
 */
function checkPartChecksum(claims: Claims, kind: UploadRecord['checksum']): void {
  const given = claims.checksum?.algorithm;
  if (kind === null || given === kind.algorithm || (given === undefined && kind.type === 'FULL_OBJECT')) return;
  const [expected, actual] = [kind.algorithm, given].map((one) => one?.toLowerCase() ?? 'null');
  throw new S3Error(
    'InvalidRequest',
    `Checksum Type mismatch occurred, expected checksum Type: ${expected}, actual checksum Type: ${actual}`,
  );
}

export async function completeMultipartUpload({ request, buckets, minPartBytes, nowMs }: Call): Promise<Reply> {
  const bucket = buckets.get(request.bucket);
  const { key } = request;
  const uploadId = queryValue(request, 'uploadId') ?? '';
  const listed = readCompletion(await readDocument(request));
  return bucket.turn(key, async () => {
    // Before the conditions: to a repeated Complete, its own object is no reason to fail.
    const former = bucket.uploads.finished(uploadId, key);
    if (former?.partsFingerprint === fingerprintOf(listed)) return completedReply(request, former);
    const upload = bucket.uploads.get(uploadId, key);
    const object = assembleObject(upload, listed, minPartBytes, nowMs);
    checkObjectClaims(request, object);
    checkWriteConditions(request.headers, bucket.objects.get(key)?.etag);
    return completedReply(request, await bucket.completeUpload(upload, object));
  });
}

/** What the request says of the whole object. @throws S3Error InvalidRequest, BadDigest */
function checkObjectClaims(request: S3Request, object: ObjectRecord): void {
  const sizeText = headerValue(request.headers, 'x-amz-mp-object-size');
  if (sizeText !== undefined && Number(sizeText) !== object.sizeBytes) {
    throw new S3Error(
      'InvalidRequest',
      `The provided 'x-amz-mp-object-size' header value ${sizeText} does not match what was computed: ${object.sizeBytes}`,
    );
  }
  const type = headerValue(request.headers, 'x-amz-checksum-type')?.toUpperCase();
  if (type !== undefined && type !== object.checksum?.type) {
    throw new S3Error('InvalidRequest', `The upload was created with another checksum type than ${type}.`);
  }
  const claim = readChecksumHeader(request);
  if (claim === null) return;
  if (claim.algorithm !== object.checksum?.algorithm) {
    throw new S3Error(
      'InvalidRequest',
      `The upload was created with another checksum algorithm than ${claim.algorithm}.`,
    );
  }
  // A composite may be given with or without its -N.
  const { value } = object.checksum;
  if (claim.value !== value && claim.value !== value.split('-')[0]) {
    throw new S3Error('BadDigest', `The ${claim.algorithm} you specified did not match the calculated checksum.`);
  }
}

function completedReply(request: S3Request, { key, etag, checksum }: FinishedUpload): Reply {
  return xmlReply([
    'CompleteMultipartUploadResult',
    [
      ['Location', `http://${request.headers.host ?? ''}/${request.bucket}/${encodeURIComponent(key)}`],
      ['Bucket', request.bucket],
      ['Key', key],
      ['ETag', `"${etag}"`],
      ...(checksum === null
        ? []
        : [
            [ALGORITHMS[checksum.algorithm].element, checksum.value] as const,
            ['ChecksumType', checksum.type] as const,
          ]),
    ],
  ]);
}

export async function abortMultipartUpload({ request, buckets }: Call): Promise<Reply> {
  const bucket = buckets.get(request.bucket);
  const { key } = request;
  await bucket.turn(key, async () => {
    await bucket.abortUpload(bucket.uploads.get(queryValue(request, 'uploadId') ?? '', key));
  });
  return emptyReply(204);
}
