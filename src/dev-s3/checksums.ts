// Checksums of S3: which there are, how each is computed, and how those of parts become that of an object.
//
// One row in ALGORITHMS is all that an algorithm is. Values are the base64 of the raw digest, as they travel in headers and XML.
// Of a multipart object S3 knows two types:
//   COMPOSITE    the digest of the parts' digests one after the other, followed by -N; CRC64NVME has none
//   FULL_OBJECT  the digest of all bytes; only for CRCs, because only these can be combined without reading anything

import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import {
  CRC32_POLYNOMIAL,
  CRC32C_POLYNOMIAL,
  Crc64Nvme,
  combineCrc32,
  combineCrc64Nvme,
  crc32c,
  shiftCrc64Nvme,
} from './crc.ts';

export type ChecksumAlgorithm = 'CRC32' | 'CRC32C' | 'CRC64NVME' | 'SHA256';
export type ChecksumType = 'COMPOSITE' | 'FULL_OBJECT';
export type Checksum = { readonly algorithm: ChecksumAlgorithm; readonly type: ChecksumType; readonly value: string };

/** A digest under way. */
export type Digest = { update(bytes: Uint8Array): void; end(): Buffer };
type PartDigest = { readonly digest: Buffer; readonly sizeBytes: number };
type Algorithm = {
  readonly header: string;
  readonly element: string;
  readonly digestBytes: number;
  /** Which types an upload may ask for; the first when it does not say. */
  readonly types: readonly ChecksumType[];
  readonly begin: () => Digest;
  readonly combine: ((parts: readonly PartDigest[]) => Buffer) | null;
};

export const ALGORITHMS: Readonly<Record<ChecksumAlgorithm, Algorithm>> = {
  CRC32: {
    header: 'x-amz-checksum-crc32',
    element: 'ChecksumCRC32',
    digestBytes: 4,
    types: ['COMPOSITE', 'FULL_OBJECT'],
    begin: () => beginCrc(crc32),
    combine: (parts) => combine32(parts, CRC32_POLYNOMIAL),
  },
  CRC32C: {
    header: 'x-amz-checksum-crc32c',
    element: 'ChecksumCRC32C',
    digestBytes: 4,
    types: ['COMPOSITE', 'FULL_OBJECT'],
    begin: () => beginCrc(crc32c),
    combine: (parts) => combine32(parts, CRC32C_POLYNOMIAL),
  },
  CRC64NVME: {
    header: 'x-amz-checksum-crc64nvme',
    element: 'ChecksumCRC64NVME',
    digestBytes: 8,
    types: ['FULL_OBJECT'],
    begin: beginCrc64Nvme,
    combine: combine64,
  },
  SHA256: {
    header: 'x-amz-checksum-sha256',
    element: 'ChecksumSHA256',
    digestBytes: 32,
    types: ['COMPOSITE'],
    begin: () => beginHash('sha256'),
    combine: null,
  },
};
export const ALGORITHM_NAMES = Object.keys(ALGORITHMS) as readonly ChecksumAlgorithm[];

export function isChecksumAlgorithm(name: string): name is ChecksumAlgorithm {
  return Object.hasOwn(ALGORITHMS, name);
}

/** The algorithm whose values travel in this header. */
export function algorithmOfHeader(header: string): ChecksumAlgorithm | undefined {
  return ALGORITHM_NAMES.find((name) => ALGORITHMS[name].header === header);
}

/** Is this the base64 of a digest of this algorithm? */
export function isChecksumValue(algorithm: ChecksumAlgorithm, value: string): boolean {
  const bytes = Buffer.from(value, 'base64');
  return bytes.length === ALGORITHMS[algorithm].digestBytes && bytes.toString('base64') === value;
}

export function beginHash(name: 'md5' | 'sha256'): Digest {
  const hash = createHash(name);
  return { update: (bytes) => void hash.update(bytes), end: () => hash.digest() };
}

function beginCrc(crc: (bytes: Uint8Array, before: number) => number): Digest {
  let value = 0;
  return {
    update: (bytes) => {
      value = crc(bytes, value);
    },
    end: () => digest32(value),
  };
}

function beginCrc64Nvme(): Digest {
  const crc = new Crc64Nvme();
  return { update: (bytes) => crc.update(bytes), end: () => digest64(crc.value()) };
}

/** The checksum of a multipart object from those of its parts, in order. */
export function checksumOfParts(
  algorithm: ChecksumAlgorithm,
  type: ChecksumType,
  parts: readonly { readonly value: string; readonly sizeBytes: number }[],
): Checksum {
  const digests = parts.map(({ value, sizeBytes }) => ({ digest: Buffer.from(value, 'base64'), sizeBytes }));
  const { begin, combine } = ALGORITHMS[algorithm];
  if (type === 'FULL_OBJECT') {
    if (combine === null) throw new Error(`${algorithm} cannot be combined`);
    return { algorithm, type, value: combine(digests).toString('base64') };
  }
  const composite = begin();
  for (const { digest } of digests) composite.update(digest);
  return { algorithm, type, value: `${composite.end().toString('base64')}-${parts.length}` };
}

function digest32(value: number): Buffer {
  const digest = Buffer.alloc(4);
  digest.writeUInt32BE(value >>> 0);
  return digest;
}

function digest64(value: bigint): Buffer {
  const digest = Buffer.alloc(8);
  digest.writeBigUInt64BE(value);
  return digest;
}

function combine32(parts: readonly PartDigest[], polynomial: number): Buffer {
  let combined = 0;
  for (const { digest, sizeBytes } of parts) {
    combined = combineCrc32(combined, digest.readUInt32BE(), sizeBytes, polynomial);
  }
  return digest32(combined);
}

function combine64(parts: readonly PartDigest[]): Buffer {
  const shifts = new Map<number, bigint>();
  let combined = 0n;
  for (const { digest, sizeBytes } of parts) {
    const shift = shifts.get(sizeBytes) ?? shiftCrc64Nvme(sizeBytes);
    shifts.set(sizeBytes, shift);
    combined = combineCrc64Nvme(combined, digest.readBigUInt64BE(), shift);
  }
  return digest64(combined);
}
