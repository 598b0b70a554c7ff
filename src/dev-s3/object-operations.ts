// Objects: put, get, head, delete.
//
// A PutObject is visible when its record is renamed, after its bytes are on disk and its claims were kept; whatever fails
// before leaves the former object as it was, and no bytes behind.

import type { Bucket } from './bucket-store.ts';
import { parseByteRange } from './byte-range.ts';
import type { Call } from './call.ts';
import type { Checksum } from './checksums.ts';
import { checkReadConditions, checkWriteConditions } from './conditions.ts';
import { S3Error } from './errors.ts';
import { checksumHeaders, objectHeaders, readObjectHeaders } from './object-headers.ts';
import type { ObjectRecord } from './object-store.ts';
import { type Claims, type Digests, openPayload, PayloadDigests } from './payload.ts';
import { emptyReply, type Reply } from './reply.ts';
import { queryNumber, type S3Request } from './request.ts';

export async function putObject(call: Call): Promise<Reply> {
  const { request, buckets, nowMs } = call;
  const bucket = buckets.get(request.bucket);
  const { key } = request;
  const payload = openPayload(call);
  const { claims } = payload;
  const headers = readObjectHeaders(request.headers);
  const digests = new PayloadDigests(claims);
  return bucket.receive(digests.through(payload.chunks()), async (piece) => {
    const { md5Hex: etag, checksums } = digests.end();
    const checksum = checksumOf(claims, checksums);
    const { sizeBytes } = piece;
    await bucket.turn(key, async () => {
      checkWriteConditions(request.headers, bucket.objects.get(key)?.etag);
      const pieces = [piece];
      await bucket.putObject({ key, sizeBytes, etag, lastModifiedMs: nowMs, headers, checksum, pieces, madeBy: null });
    });
    return emptyReply(200, { etag: `"${etag}"`, ...(checksum === null ? {} : checksumHeaders(checksum)) });
  });
}

function checksumOf(claims: Claims, checksums: Digests['checksums']): Checksum | null {
  if (claims.checksum === null) return null;
  const { algorithm } = claims.checksum;
  return { algorithm, type: 'FULL_OBJECT', value: checksums[algorithm] ?? '' };
}

export async function getObject({ request, buckets }: Call): Promise<Reply> {
  const bucket = buckets.get(request.bucket);
  const object = findObject(bucket, request.key);
  const looked = look(request, object);
  if (looked.status === 304) return looked;
  const { first, last } = parseByteRange(request.headers.range, object.sizeBytes) ?? {
    first: 0,
    last: object.sizeBytes - 1,
  };
  return { ...looked, body: bucket.blobs.read(object.pieces, { first, last }) };
}

export async function headObject({ request, buckets, behaviour }: Call): Promise<Reply> {
  const object = findObject(buckets.get(request.bucket), request.key);
  const partNumber = queryNumber(request, 'partNumber', behaviour.minPartNumber, behaviour.maxPartNumber);
  return partNumber === undefined ? look(request, object) : lookAtPart(request, object, partNumber);
}

/** One part of an object that was uploaded in parts; an object that was put is its only part. */
function lookAtPart(request: S3Request, object: ObjectRecord, partNumber: number): Reply {
  const piece = object.pieces[partNumber - 1];
  if (piece === undefined) throw new S3Error('InvalidRange', undefined, { ActualObjectSize: object.sizeBytes });
  const first = object.pieces.slice(0, partNumber - 1).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const looked = look(request, object);
  return emptyReply(206, {
    ...looked.headers,
    'content-length': piece.sizeBytes,
    'content-range': `bytes ${first}-${first + piece.sizeBytes - 1}/${object.sizeBytes}`,
    ...(object.madeBy === null ? {} : { 'x-amz-mp-parts-count': object.pieces.length }),
  });
}

export function findObject(bucket: Bucket, key: string): ObjectRecord {
  const object = bucket.objects.get(key);
  if (object === undefined) throw new S3Error('NoSuchKey', undefined, { Key: key });
  return object;
}

/** The reply but for its bytes. */
function look(request: S3Request, object: ObjectRecord): Reply {
  const headers = objectHeaders(object, request.headers['x-amz-checksum-mode'] === 'ENABLED');
  if (checkReadConditions(request.headers, object.etag) === 'not modified') return emptyReply(304, headers);
  const range = parseByteRange(request.headers.range, object.sizeBytes);
  if (range === null) return emptyReply(200, { ...headers, 'content-length': object.sizeBytes });
  return emptyReply(206, {
    ...headers,
    'content-length': range.last - range.first + 1,
    'content-range': `bytes ${range.first}-${range.last}/${object.sizeBytes}`,
  });
}

export async function deleteObject({ request, buckets }: Call): Promise<Reply> {
  const bucket = buckets.get(request.bucket);
  await bucket.turn(request.key, async () => {
    const object = bucket.objects.get(request.key);
    if (object === undefined) return;
    checkWriteConditions(request.headers, object.etag);
    await bucket.deleteObject(object);
  });
  return emptyReply(204);
}
