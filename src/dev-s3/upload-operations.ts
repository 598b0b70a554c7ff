// Multipart uploads: create, upload a part, complete, abort.
//
// Bytes of a part stream to disk outside the key's turn; within it a part, a Complete or an Abort is decided and written.
// So a part that arrives while its upload is completed or aborted finds NoSuchUpload, and leaves no bytes behind.

import type { OutgoingHttpHeaders } from 'node:http';
import type { Call } from './call.ts';
import { ALGORITHMS, type ChecksumAlgorithm, isChecksumAlgorithm } from './checksums.ts';
import { assembleObject, fingerprintOf, type ListedPart, readCompletion } from './completion.ts';
import { checkWriteConditions } from './conditions.ts';
import { S3Error } from './errors.ts';
import { readObjectHeaders } from './object-headers.ts';
import type { ObjectRecord } from './object-store.ts';
import { type Claims, openPayload, PayloadDigests, readChecksumHeader, readDocument } from './payload.ts';
import { emptyReply, type Reply, xmlReply } from './reply.ts';
import { headerValue, queryNumber, queryValue, type S3Request } from './request.ts';
import type { FinishedUpload, UploadRecord } from './upload-store.ts';
import type { Xml } from './xml.ts';

/** What a part is uploaded to, as the request names it. */
export type PartPlace = { readonly key: string; readonly uploadId: string; readonly partNumber: number };

export async function createMultipartUpload({ request, buckets, behaviour, nowMs }: Call): Promise<Reply> {
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
  return xmlReply(result, {
    ...abortDateHeaders(behaviour, upload),
    ...(checksum === null
      ? {}
      : { 'x-amz-checksum-algorithm': checksum.algorithm, 'x-amz-checksum-type': checksum.type }),
  });
}

/** When a lifecycle rule will end the upload. */
export function abortDateHeaders(
  { maxUploadAgeMs, abortDate }: Call['behaviour'],
  { initiatedAtMs }: UploadRecord,
): OutgoingHttpHeaders {
  if (maxUploadAgeMs === null || abortDate === 'untold') return {};
  const endsAt = new Date(initiatedAtMs + maxUploadAgeMs);
  return { 'x-amz-abort-date': endsAt.toUTCString(), 'x-amz-abort-rule-id': 'max-upload-age' };
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
  const { types } = ALGORITHMS[algorithm];
  const found = type === undefined ? types[0] : types.find((one) => one === type);
  if (found !== undefined) return { algorithm, type: found };
  throw new S3Error(
    'InvalidRequest',
    `The ${type} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
  );
}

/** @throws S3Error InvalidArgument */
export function readPartPlace({ request, behaviour }: Call): PartPlace {
  const { minPartNumber, maxPartNumber } = behaviour;
  const partNumber = queryNumber(request, 'partNumber', minPartNumber, maxPartNumber) ?? 0;
  return { key: request.key, uploadId: queryValue(request, 'uploadId') ?? '', partNumber };
}

export async function uploadPart(call: Call): Promise<Reply> {
  const bucket = call.buckets.get(call.request.bucket);
  const place = readPartPlace(call);
  const { checksum: kind } = bucket.uploads.get(place.uploadId, place.key);
  const payload = openPayload(call);
  const { claims } = payload;
  checkPartChecksum(claims, kind);

  const algorithm = kind?.algorithm ?? claims.checksum?.algorithm ?? null;
  const digests = new PayloadDigests(claims, algorithm);
  return bucket.receive(digests.through(payload.chunks()), async (piece) => {
    const { md5Hex: etag, checksums } = digests.end();
    const checksum = checksumFrom(algorithm, checksums);
    await bucket.turn(place.key, async () => {
      const upload = bucket.uploads.get(place.uploadId, place.key);
      const { partNumber } = place;
      await bucket.putPart(upload, { ...piece, partNumber, etag, lastModifiedMs: call.nowMs, checksum });
    });
    const echoed = claims.checksum && checksum && { [ALGORITHMS[checksum.algorithm].header]: checksum.value };
    return emptyReply(200, { etag: `"${etag}"`, ...echoed });
  });
}

export function checksumFrom(
  algorithm: ChecksumAlgorithm | null,
  checksums: Readonly<Partial<Record<ChecksumAlgorithm, string>>>,
): { readonly algorithm: ChecksumAlgorithm; readonly value: string } | null {
  return algorithm === null ? null : { algorithm, value: checksums[algorithm] ?? '' };
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

export async function completeMultipartUpload(call: Call): Promise<Reply> {
  const { request, buckets, behaviour } = call;
  const bucket = buckets.get(request.bucket);
  const { key } = request;
  const uploadId = queryValue(request, 'uploadId') ?? '';
  const listed = readCompletion(await readDocument(call), behaviour);
  return bucket.turn(key, async () => {
    const former = bucket.uploads.finished(uploadId, key);
    // To a repeated Complete, its own object is no reason to fail; not so at MinIO, which asks the conditions before the upload.
    if (behaviour.reComplete === 'NoSuchUpload') checkWriteConditions(request.headers, bucket.objects.get(key)?.etag);
    else if (former?.partsFingerprint === fingerprintOf(listed)) return completedReply(request, former);
    return await complete(call, uploadId, listed);
  });
}

/** Within the key's turn. */
async function complete(call: Call, uploadId: string, listed: readonly ListedPart[]): Promise<Reply> {
  const { request, buckets, minPartBytes, behaviour, nowMs } = call;
  const bucket = buckets.get(request.bucket);
  const upload = bucket.uploads.find(uploadId, request.key);
  if (upload === undefined) throw new S3Error(behaviour.completeOfGone, undefined, { UploadId: uploadId });
  const object = assembleObject(upload, listed, { minPartBytes, behaviour, nowMs });
  checkObjectClaims(request, object);
  checkWriteConditions(request.headers, bucket.objects.get(request.key)?.etag);
  const finished = await bucket.completeUpload(upload, object, behaviour.listAfterComplete === 'listed');
  return completedReply(request, behaviour.firstCompleteEtag === 'told' ? finished : { ...finished, etag: null });
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

type Completed = Pick<FinishedUpload, 'key' | 'checksum'> & { readonly etag: string | null };

function completedReply(request: S3Request, { key, etag, checksum }: Completed): Reply {
  return xmlReply([
    'CompleteMultipartUploadResult',
    [
      ['Location', `http://${request.headers.host ?? ''}/${request.bucket}/${encodeURIComponent(key)}`],
      ['Bucket', request.bucket],
      ['Key', key],
      ['ETag', etag === null ? '' : `"${etag}"`],
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
