// What CompleteMultipartUpload asks for, and the object that comes of it. Pure: nothing is read or written here.
//
// The object's bytes are the listed parts', in order; its ETag is the MD5 of their MD5s with -N; its checksum follows from
// theirs. Parts that were uploaded but not listed are left out, as at AWS.

import { createHash } from 'node:crypto';
import type { Behaviour } from './behaviour.ts';
import { ALGORITHM_NAMES, ALGORITHMS, type Checksum, type ChecksumAlgorithm, checksumOfParts } from './checksums.ts';
import { unquote } from './conditions.ts';
import { S3Error } from './errors.ts';
import type { ObjectRecord } from './object-store.ts';
import type { OpenUpload, PartRecord } from './upload-store.ts';
import { type ParsedXml, parseXml } from './xml.ts';

export type ListedPart = {
  readonly partNumber: number;
  readonly etag: string;
  readonly checksums: Readonly<Partial<Record<ChecksumAlgorithm, string>>>;
};

/** @throws S3Error MalformedXML, InvalidArgument, InvalidPartOrder */
export function readCompletion(text: string, behaviour: Behaviour): readonly ListedPart[] {
  const { Part: listed } = parseXml(text, 'CompleteMultipartUpload');
  if (!Array.isArray(listed)) throw new S3Error('MalformedXML');
  const parts = listed.map((part: ParsedXml) => readListedPart(part, behaviour));
  if (behaviour.partOrder === 'sorted') return parts.sort((a, b) => a.partNumber - b.partNumber);
  for (const [index, part] of parts.entries()) {
    if (part.partNumber <= (parts[index - 1]?.partNumber ?? -1)) throw new S3Error('InvalidPartOrder');
  }
  return parts;
}

function readListedPart(part: ParsedXml, behaviour: Behaviour): ListedPart {
  const { minPartNumber, maxPartNumber } = behaviour;
  const { PartNumber: number, ETag: etag } = part;
  if (typeof number !== 'string' || typeof etag !== 'string' || !/^\d{1,9}$/.test(number)) {
    throw new S3Error('MalformedXML');
  }
  if (Number(number) < minPartNumber || Number(number) > maxPartNumber) {
    throw new S3Error(
      'InvalidArgument',
      `PartNumber must be an integer between ${minPartNumber} and ${maxPartNumber}, inclusive`,
    );
  }
  return { partNumber: Number(number), etag: unquote(etag), checksums: readListedChecksums(part, behaviour) };
}

function readListedChecksums(part: ParsedXml, behaviour: Behaviour): ListedPart['checksums'] {
  const checksums: Partial<Record<ChecksumAlgorithm, string>> = {};
  for (const algorithm of ALGORITHM_NAMES) {
    const value = part[ALGORITHMS[algorithm].element];
    if (typeof value === 'string') checksums[algorithm] = value;
  }
  if (Object.keys(checksums).length > 0 && behaviour.checksumsInComplete === 'MalformedXML') {
    throw new S3Error('MalformedXML');
  }
  return behaviour.checksums === 'verified' ? checksums : {};
}

/** Two Completes with one fingerprint ask for the same object. */
export function fingerprintOf(listed: readonly ListedPart[]): string {
  const text = listed.map(({ partNumber, etag }) => `${partNumber}:${etag}\n`).join('');
  return createHash('sha256').update(text).digest('hex');
}

export type AssemblyRules = {
  readonly minPartBytes: number;
  readonly behaviour: Behaviour;
  readonly nowMs: number;
};

/** @throws S3Error InvalidPart, InvalidRequest, EntityTooSmall, EntityTooLarge */
export function assembleObject(
  upload: OpenUpload,
  listed: readonly ListedPart[],
  { minPartBytes, behaviour, nowMs }: AssemblyRules,
): ObjectRecord {
  const parts = listed.map((one) => chosenPart(upload, one));
  checkChoice(upload, parts, behaviour);
  for (const part of parts.slice(0, -1)) {
    if (part.sizeBytes < minPartBytes) {
      throw new S3Error('EntityTooSmall', undefined, {
        ProposedSize: part.sizeBytes,
        MinSizeAllowed: minPartBytes,
        PartNumber: part.partNumber,
        ETag: part.etag,
      });
    }
  }
  const md5 = createHash('md5');
  for (const { etag } of parts) md5.update(Buffer.from(etag, 'hex'));
  const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  if (sizeBytes > behaviour.maxObjectBytes) {
    const { maxObjectBytes } = behaviour;
    throw new S3Error('EntityTooLarge', undefined, { ProposedSize: sizeBytes, MaxSizeAllowed: maxObjectBytes });
  }
  return {
    key: upload.key,
    sizeBytes,
    etag: `${md5.digest('hex')}-${parts.length}`,
    lastModifiedMs: nowMs,
    headers: upload.headers,
    checksum: checksumOfUpload(upload, parts),
    pieces: parts.map((part) => ({ blob: part.blob, sizeBytes: part.sizeBytes })),
    madeBy: { uploadId: upload.uploadId, partsFingerprint: fingerprintOf(listed) },
  };
}

/** What a provider demands of the choice of parts as a whole. */
function checkChoice({ uploadId, parts: held }: OpenUpload, parts: readonly PartRecord[], behaviour: Behaviour): void {
  if (behaviour.completeOfSome === 'InvalidPart' && parts.length < held.size) {
    throw new S3Error('InvalidPart', undefined, { UploadId: uploadId });
  }
  const [first] = parts;
  const differs = parts.slice(0, -1).some(({ sizeBytes }) => sizeBytes !== first?.sizeBytes);
  if (behaviour.partSizes === 'equal' && differs) {
    throw new S3Error('InvalidPart', 'All non-trailing parts must have the same length.', { UploadId: uploadId });
  }
}

function chosenPart({ uploadId, parts, checksum }: OpenUpload, listed: ListedPart): PartRecord {
  const { partNumber } = listed;
  const part = parts.get(partNumber);
  if (part === undefined || part.etag !== listed.etag) throw invalidPart(uploadId, listed);
  const algorithms = Object.keys(listed.checksums) as ChecksumAlgorithm[];
  for (const algorithm of algorithms) {
    const held = part.checksum?.algorithm === algorithm ? part.checksum.value : null;
    if (held !== listed.checksums[algorithm]) throw invalidPart(uploadId, listed);
  }
  if (checksum?.type === 'COMPOSITE' && listed.checksums[checksum.algorithm] === undefined) {
    throw new S3Error(
      'InvalidRequest',
      `The upload was created using a ${checksum.algorithm.toLowerCase()} checksum. The complete request must include the checksum for each part. It was missing for part ${partNumber} in the request.`,
    );
  }
  return part;
}

function invalidPart(uploadId: string, { partNumber, etag }: ListedPart): S3Error {
  return new S3Error('InvalidPart', undefined, { UploadId: uploadId, PartNumber: partNumber, ETag: etag });
}

function checksumOfUpload({ checksum }: OpenUpload, parts: readonly PartRecord[]): Checksum | null {
  if (checksum === null) return null;
  const values = parts.map((part) => ({ value: part.checksum?.value ?? '', sizeBytes: part.sizeBytes }));
  return checksumOfParts(checksum.algorithm, checksum.type, values);
}
