// Listings: of objects (ListObjectsV2), of open uploads, of an upload's parts; each in pages.
//
// A page never says that more follows unless something follows, and its marker never points before its own end.

import type { Behaviour } from './behaviour.ts';
import type { Call } from './call.ts';
import { ALGORITHMS } from './checksums.ts';
import { S3Error } from './errors.ts';
import { compareUtf8, type ListingPlace, listKeys } from './listing.ts';
import type { ObjectRecord } from './object-store.ts';
import { type Reply, xmlReply } from './reply.ts';
import { queryNumber, queryValue, type S3Request } from './request.ts';
import { abortDateHeaders } from './upload-operations.ts';
import type { OpenUpload, PartRecord } from './upload-store.ts';
import { type Xml, xmlTime } from './xml.ts';

/** A page may be asked for by any count; it never has more than this many. */
const MAX_ASKED = 2 ** 31 - 1;

export async function listObjectsV2({ request, buckets, behaviour }: Call): Promise<Reply> {
  const bucket = buckets.get(request.bucket);
  if (queryValue(request, 'list-type') !== '2') throw invalid('list-type');
  const prefix = queryValue(request, 'prefix') ?? '';
  const delimiter = queryValue(request, 'delimiter') ?? '';
  const startAfter = queryValue(request, 'start-after');
  const token = queryValue(request, 'continuation-token');
  const maxEntries = pageEntries(request, 'max-keys', behaviour);
  const encode = textEncoding(request);

  const place = token === undefined ? { after: startAfter ?? '', isGroup: false } : readToken(token);
  const page = listKeys(bucket.objects.sortedKeys(), { prefix, delimiter, place, maxEntries });
  const contents = page.keys.flatMap((key): Xml[] => {
    const object = bucket.objects.get(key);
    return object === undefined ? [] : [objectXml(object, encode)];
  });
  return xmlReply([
    'ListBucketResult',
    [
      ['Name', bucket.name],
      ['Prefix', encode(prefix)],
      ...(delimiter === '' ? [] : [['Delimiter', encode(delimiter)] as const]),
      ...(startAfter === undefined ? [] : [['StartAfter', encode(startAfter)] as const]),
      ...(token === undefined ? [] : [['ContinuationToken', token] as const]),
      ...(page.next === null ? [] : [['NextContinuationToken', writeToken(page.next)] as const]),
      ...encodingXml(request),
      ['KeyCount', page.keys.length + page.groups.length],
      ['MaxKeys', maxEntries],
      ['IsTruncated', page.next !== null],
      ...contents,
      ...page.groups.map((group): Xml => ['CommonPrefixes', [['Prefix', encode(group)]]]),
    ],
  ]);
}

function objectXml(object: ObjectRecord, encode: (text: string) => string): Xml {
  return [
    'Contents',
    [
      ['Key', encode(object.key)],
      ['LastModified', xmlTime(object.lastModifiedMs)],
      ['ETag', `"${object.etag}"`],
      ...(object.checksum === null
        ? []
        : [['ChecksumAlgorithm', object.checksum.algorithm] as const, ['ChecksumType', object.checksum.type] as const]),
      ['Size', object.sizeBytes],
      ['StorageClass', 'STANDARD'],
    ],
  ];
}

export async function listMultipartUploads({ request, buckets, behaviour }: Call): Promise<Reply> {
  const bucket = buckets.get(request.bucket);
  const prefix = queryValue(request, 'prefix') ?? '';
  const keyMarker = queryValue(request, 'key-marker') ?? '';
  // Without a key-marker it means nothing, as at AWS.
  const idMarker = keyMarker === '' ? '' : (queryValue(request, 'upload-id-marker') ?? '');
  const maxEntries = pageEntries(request, 'max-uploads', behaviour);
  const encode = textEncoding(request);

  const isAfter = ({ key, uploadId }: OpenUpload) =>
    key === keyMarker ? idMarker !== '' && compareUtf8(uploadId, idMarker) > 0 : compareUtf8(key, keyMarker) > 0;
  const isListed = ({ key }: OpenUpload) =>
    behaviour.uploadsListedBy === 'prefix' || prefix === '' ? key.startsWith(prefix) : key === prefix;
  const rest = bucket.uploads.sorted().filter((upload) => isListed(upload) && isAfter(upload));
  const page = rest.slice(0, maxEntries);
  const last = behaviour.uploadMarkers === 'told' || page.length > 1 ? page.at(-1) : undefined;
  return xmlReply([
    'ListMultipartUploadsResult',
    [
      ['Bucket', bucket.name],
      ['KeyMarker', encode(keyMarker)],
      ['UploadIdMarker', idMarker],
      ...(last === undefined ? [] : [['NextKeyMarker', encode(last.key)] as const]),
      ...(last === undefined ? [] : [['NextUploadIdMarker', last.uploadId] as const]),
      ['Prefix', encode(prefix)],
      ...encodingXml(request),
      ['MaxUploads', maxEntries],
      ['IsTruncated', page.length > 0 && rest.length > page.length],
      ...page.map((upload): Xml => uploadXml(upload, encode)),
    ],
  ]);
}

function uploadXml(upload: OpenUpload, encode: (text: string) => string): Xml {
  return [
    'Upload',
    [
      ['UploadId', upload.uploadId],
      ['Key', encode(upload.key)],
      ['Initiated', xmlTime(upload.initiatedAtMs)],
      ['StorageClass', 'STANDARD'],
      ...checksumKindXml(upload),
    ],
  ];
}

export async function listParts(call: Call): Promise<Reply> {
  const { request, buckets, behaviour } = call;
  const bucket = buckets.get(request.bucket);
  const upload = findListedUpload(call);
  const marker = queryNumber(request, 'part-number-marker', 0, MAX_ASKED) ?? -1;
  const maxEntries = pageEntries(request, 'max-parts', behaviour);

  const rest = [...upload.parts.values()]
    .filter(({ partNumber }) => partNumber > marker)
    .sort((a, b) => a.partNumber - b.partNumber);
  const page = rest.slice(0, maxEntries);
  const result: Xml = [
    'ListPartsResult',
    [
      ['Bucket', bucket.name],
      ['Key', upload.key],
      ['UploadId', upload.uploadId],
      ['StorageClass', 'STANDARD'],
      ['PartNumberMarker', Math.max(marker, 0)],
      ['NextPartNumberMarker', page.at(-1)?.partNumber ?? 0],
      ['MaxParts', maxEntries],
      ['IsTruncated', page.length > 0 && rest.length > page.length],
      ...checksumKindXml(upload),
      ...page.map((part): Xml => partXml(part, upload)),
    ],
  ];
  return xmlReply(result, abortDateHeaders(behaviour, upload));
}

/** @throws S3Error NoSuchUpload, NoSuchKey */
function findListedUpload({ request, buckets, behaviour }: Call): OpenUpload {
  const { uploads } = buckets.get(request.bucket);
  const uploadId = queryValue(request, 'uploadId') ?? '';
  const open = uploads.find(uploadId, request.key);
  if (open !== undefined) return open;
  const remains = uploads.finished(uploadId, request.key)?.remains;
  if (remains === undefined || behaviour.listAfterComplete === 'gone') {
    throw new S3Error(behaviour.listOfGone, undefined, { UploadId: uploadId });
  }
  return { ...remains, parts: new Map(remains.listed.map((part) => [part.partNumber, part])) };
}

/** Checksums are told only of an upload that was opened with them, as at AWS. */
function partXml({ partNumber, lastModifiedMs, etag, sizeBytes, checksum }: PartRecord, upload: OpenUpload): Xml {
  return [
    'Part',
    [
      ['PartNumber', partNumber],
      ['LastModified', xmlTime(lastModifiedMs)],
      ['ETag', `"${etag}"`],
      ['Size', sizeBytes],
      ...(upload.checksum === null || checksum === null
        ? []
        : [[ALGORITHMS[checksum.algorithm].element, checksum.value] as const]),
    ],
  ];
}

function checksumKindXml({ checksum }: OpenUpload): Xml[] {
  if (checksum === null) return [];
  return [
    ['ChecksumAlgorithm', checksum.algorithm],
    ['ChecksumType', checksum.type],
  ];
}

function pageEntries(request: S3Request, name: string, { maxPageEntries }: Behaviour): number {
  return Math.min(queryNumber(request, name, 0, MAX_ASKED) ?? maxPageEntries, maxPageEntries);
}

/** With encoding-type=url keys come percent-encoded, for what XML cannot hold. @throws S3Error InvalidArgument */
function textEncoding(request: S3Request): (text: string) => string {
  const type = queryValue(request, 'encoding-type');
  if (type === undefined) return (text) => text;
  if (type !== 'url') throw invalid('encoding-type');
  return (text) => encodeURIComponent(text).replaceAll('%2F', '/');
}

function encodingXml(request: S3Request): Xml[] {
  const type = queryValue(request, 'encoding-type');
  return type === undefined ? [] : [['EncodingType', type]];
}

/** A continuation token is opaque to clients: the place, as base64url of JSON. */
function writeToken(place: ListingPlace): string {
  return Buffer.from(JSON.stringify([place.after, place.isGroup])).toString('base64url');
}

function readToken(token: string): ListingPlace {
  try {
    const [after, isGroup] = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
    if (typeof after === 'string' && typeof isGroup === 'boolean') return { after, isGroup };
  } catch {
    // Not one of ours: refused below.
  }
  throw invalid('continuation-token');
}

function invalid(parameter: string): S3Error {
  return new S3Error('InvalidArgument', `The ${parameter} provided is incorrect`, { ArgumentName: parameter });
}
