// Checksums of S3: which there are, how each is computed, and how those of parts become that of an object.
//
// One row in ALGORITHMS is all that an algorithm is; a further one (CRC32C, CRC64NVME) is a further row. Values are the
// base64 of the raw digest, as they travel in headers and XML. Of a multipart object S3 knows two types:
//   COMPOSITE    the digest of the parts' digests one after the other, followed by -N
//   FULL_OBJECT  the digest of all bytes; only for CRCs, because only these can be combined without reading anything

import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

export type ChecksumAlgorithm = 'CRC32' | 'SHA256';
export type ChecksumType = 'COMPOSITE' | 'FULL_OBJECT';
export type Checksum = { readonly algorithm: ChecksumAlgorithm; readonly type: ChecksumType; readonly value: string };

/** A digest under way. */
export type Digest = { update(bytes: Uint8Array): void; end(): Buffer };
type PartDigest = { readonly digest: Buffer; readonly sizeBytes: number };
type Algorithm = {
  readonly header: string;
  readonly element: string;
  readonly digestBytes: number;
  readonly begin: () => Digest;
  readonly combine: ((parts: readonly PartDigest[]) => Buffer) | null;
};

export const ALGORITHMS: Readonly<Record<ChecksumAlgorithm, Algorithm>> = {
  CRC32: {
    header: 'x-amz-checksum-crc32',
    element: 'ChecksumCRC32',
    digestBytes: 4,
    begin: beginCrc32,
    combine: combineCrc32Digests,
  },
  SHA256: {
    header: 'x-amz-checksum-sha256',
    element: 'ChecksumSHA256',
    digestBytes: 32,
    begin: () => beginHash('sha256'),
    combine: null,
  },
};
export const ALGORITHM_NAMES = Object.keys(ALGORITHMS) as readonly ChecksumAlgorithm[];

export function isChecksumAlgorithm(name: string): name is ChecksumAlgorithm {
  return Object.hasOwn(ALGORITHMS, name);
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

function beginCrc32(): Digest {
  let value = 0;
  return {
    update: (bytes) => {
      value = crc32(bytes, value);
    },
    end: () => crc32Digest(value),
  };
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

function crc32Digest(value: number): Buffer {
  const digest = Buffer.alloc(4);
  digest.writeUInt32BE(value >>> 0);
  return digest;
}

function combineCrc32Digests(parts: readonly PartDigest[]): Buffer {
  let combined = 0;
  for (const { digest, sizeBytes } of parts) combined = combineCrc32(combined, digest.readUInt32BE(), sizeBytes);
  return crc32Digest(combined);
}

/**
 * The CRC32 of A followed by B, from both CRCs and the length of B: crc(A) times x to the 8|B|, plus crc(B), modulo the
 * polynomial. Inversions at begin and end cancel out. 64 multiplications at most, however long B is.
 */
export function combineCrc32(crcOfA: number, crcOfB: number, bytesOfB: number): number {
  return (multiply(crcOfA, powerOfX8(bytesOfB)) ^ crcOfB) >>> 0;
}

// Polynomials modulo that of CRC32, bits reversed as CRC32 keeps them: the highest bit is the coefficient of x^0.
const POLYNOMIAL = 0xedb88320;
const ONE = 0x80000000;
const X8 = 0x00800000;

function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  for (let bit = 31; bit >= 0; bit -= 1) {
    if ((a >>> bit) & 1) product ^= shifted;
    shifted = shifted & 1 ? (shifted >>> 1) ^ POLYNOMIAL : shifted >>> 1;
  }
  return product >>> 0;
}

/** By repeated squaring; lengths above 2^32 need real division instead of shifts. */
function powerOfX8(exponent: number): number {
  let power = ONE;
  let square = X8;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) power = multiply(power, square);
    square = multiply(square, square);
  }
  return power;
}
