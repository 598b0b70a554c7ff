// Copies within this server: a part from a range of an object, and an object from an object.
//
// The bytes are read from the source as it was when the copy began: it may be replaced or deleted meanwhile. They are copied on
// disk, because an object owns its bytes. What a body is to UploadPart and PutObject, the source is here; all else is alike.

import type { Bucket } from './bucket-store.ts';
import type { ByteRange } from './byte-range.ts';
import type { Call } from './call.ts';
import { ALGORITHMS, type ChecksumAlgorithm, isChecksumAlgorithm } from './checksums.ts';
import { checkSourceConditions, checkWriteConditions } from './conditions.ts';
import { S3Error } from './errors.ts';
import { MAX_BODY_BYTES } from './limits.ts';
import { readObjectHeaders } from './object-headers.ts';
import { findObject } from './object-operations.ts';
import type { ObjectRecord } from './object-store.ts';
import { PayloadDigests } from './payload.ts';
import { type Reply, xmlReply } from './reply.ts';
import { headerValue, type S3Request } from './request.ts';
import { checksumFrom, readPartPlace } from './upload-operations.ts';
import { type Xml, xmlTime } from './xml.ts';

type Source = { readonly bucket: Bucket; readonly object: ObjectRecord; readonly range: ByteRange };
type Copied = { readonly etag: string; readonly checksum: ReturnType<typeof checksumFrom> };

const NO_CLAIMS = { md5: null, sha256Hex: null, checksum: null };

export async function uploadPartCopy(call: Call): Promise<Reply> {
  const bucket = call.buckets.get(call.request.bucket);
  const place = readPartPlace(call);
  const { checksum: kind } = bucket.uploads.get(place.uploadId, place.key);
  const source = findSource(call);
  const copied = await copy(source, bucket, kind?.algorithm ?? null, (part) =>
    bucket.turn(place.key, async () => {
      const upload = bucket.uploads.get(place.uploadId, place.key);
      await bucket.putPart(upload, { ...part, partNumber: place.partNumber, lastModifiedMs: call.nowMs });
    }),
  );
  return copiedReply('CopyPartResult', copied, call.nowMs);
}

export async function copyObject(call: Call): Promise<Reply> {
  const { request, buckets, nowMs } = call;
  const bucket = buckets.get(request.bucket);
  const { key } = request;
  const source = findSource(call);
  const replaces = readDirective(request) === 'REPLACE';
  if (!replaces && source.bucket === bucket && source.object.key === key) {
    throw new S3Error('InvalidRequest', 'This copy request is illegal because it copies an object to itself as it is.');
  }
  const headers = replaces ? readObjectHeaders(request.headers) : source.object.headers;
  const algorithm = readAlgorithm(request) ?? source.object.checksum?.algorithm ?? null;
  const copied = await copy(source, bucket, algorithm, (part) =>
    bucket.turn(key, async () => {
      checkWriteConditions(request.headers, bucket.objects.get(key)?.etag);
      const { blob, sizeBytes, etag } = part;
      const checksum = part.checksum && { ...part.checksum, type: 'FULL_OBJECT' as const };
      const pieces = [{ blob, sizeBytes }];
      await bucket.putObject({ key, sizeBytes, etag, lastModifiedMs: nowMs, headers, checksum, pieces, madeBy: null });
    }),
  );
  return copiedReply('CopyObjectResult', copied, nowMs);
}

type NewBytes = Copied & { readonly blob: string; readonly sizeBytes: number };

/** @param name writes the record that names the bytes */
async function copy(
  { bucket: from, object, range }: Source,
  to: Bucket,
  algorithm: ChecksumAlgorithm | null,
  name: (bytes: NewBytes) => Promise<void>,
): Promise<Copied> {
  const reading = from.blobs.read(object.pieces, range);
  const digests = new PayloadDigests(NO_CLAIMS, algorithm);
  try {
    return await to.receive(digests.through(reading.chunks()), async (piece) => {
      const { md5Hex: etag, checksums } = digests.end();
      const copied = { etag, checksum: checksumFrom(algorithm, checksums) };
      await name({ ...piece, ...copied });
      return copied;
    });
  } finally {
    reading.release();
  }
}

/** @throws S3Error InvalidArgument, NoSuchBucket, NoSuchKey, PreconditionFailed, InvalidRange, InvalidRequest */
function findSource({ request, buckets, behaviour }: Call): Source {
  const bucket = readSourceName(request);
  const from = buckets.get(bucket.name);
  const object = findObject(from, bucket.key);
  const isUnknown = behaviour.copyCondition === 'never holds for parts' && object.madeBy !== null;
  checkSourceConditions(request.headers, isUnknown ? 'an ETag of its own' : object.etag);
  const range = readSourceRange(headerValue(request.headers, 'x-amz-copy-source-range'), object.sizeBytes);
  if (range.last - range.first >= MAX_BODY_BYTES) {
    throw new S3Error('InvalidRequest', `The specified copy source is larger than ${MAX_BODY_BYTES} bytes.`);
  }
  return { bucket: from, object, range };
}

/** `bucket/key` or `/bucket/key`, percent-encoded. */
function readSourceName({ headers }: S3Request): { readonly name: string; readonly key: string } {
  const text = headerValue(headers, 'x-amz-copy-source') ?? '';
  if (text.includes('?')) throw new S3Error('NotImplemented', 'a version of a copy source is not implemented');
  const match = /^\/?([^/]+)\/(.+)$/s.exec(decode(text));
  if (match === null) throw invalidSource('x-amz-copy-source', text);
  return { name: match[1] ?? '', key: match[2] ?? '' };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidSource('x-amz-copy-source', text);
  }
}

/** Unlike that of GET it has both ends, within the object. */
function readSourceRange(text: string | undefined, sizeBytes: number): ByteRange {
  if (text === undefined) return { first: 0, last: sizeBytes - 1 };
  const match = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || last < first) throw invalidSource('x-amz-copy-source-range', text);
  if (last >= sizeBytes) {
    throw new S3Error('InvalidArgument', `Range specified is not valid for source object of size: ${sizeBytes}`, {
      ArgumentName: 'x-amz-copy-source-range',
      ArgumentValue: text,
    });
  }
  return { first, last };
}

function readDirective({ headers }: S3Request): 'COPY' | 'REPLACE' {
  const text = headerValue(headers, 'x-amz-metadata-directive') ?? 'COPY';
  if (text !== 'COPY' && text !== 'REPLACE') throw invalidSource('x-amz-metadata-directive', text);
  return text;
}

function readAlgorithm({ headers }: S3Request): ChecksumAlgorithm | null {
  const name = headerValue(headers, 'x-amz-checksum-algorithm')?.toUpperCase();
  if (name === undefined) return null;
  if (!isChecksumAlgorithm(name)) throw new S3Error('NotImplemented', `${name} is not implemented`);
  return name;
}

function copiedReply(root: string, { etag, checksum }: Copied, nowMs: number): Reply {
  const elements: Xml[] = [
    ['LastModified', xmlTime(nowMs)],
    ['ETag', `"${etag}"`],
  ];
  if (checksum !== null) elements.push([ALGORITHMS[checksum.algorithm].element, checksum.value]);
  return xmlReply([root, elements]);
}

function invalidSource(name: string, value: string): S3Error {
  return new S3Error('InvalidArgument', `The ${name} provided is incorrect`, {
    ArgumentName: name,
    ArgumentValue: value,
  });
}
