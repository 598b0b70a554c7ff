// The payload of a write: what its headers claim about the bytes, and whether the bytes keep it.
//
// Claims are read, and refused if they make no sense, before a byte is pulled; digests run while the bytes stream to disk; after the last byte
// the claims are compared, before any record names the bytes. Only what is needed is computed: MD5 always (it is the ETag),
// SHA-256 and CRC32 when claimed or owed by the upload.

import {
  ALGORITHM_NAMES,
  ALGORITHMS,
  beginHash,
  type ChecksumAlgorithm,
  type Digest,
  isChecksumValue,
} from './checksums.ts';
import { S3Error } from './errors.ts';
import { MAX_BODY_BYTES, MAX_XML_BYTES } from './limits.ts';
import { headerValue, type S3Request } from './request.ts';

export type Claims = {
  readonly md5: string | null;
  /** In hex, signed; null when the payload was left unsigned. */
  readonly sha256Hex: string | null;
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly value: string } | null;
};

/** What was computed; checksums in base64. */
export type Digests = {
  readonly md5Hex: string;
  readonly checksums: Readonly<Partial<Record<ChecksumAlgorithm, string>>>;
};

/** @throws S3Error MissingContentLength, EntityTooLarge, InvalidDigest, InvalidRequest, NotImplemented */
export function readClaims(request: S3Request): Claims {
  const claims = { ...readSignedClaims(request), checksum: readChecksumClaim(request) };
  const { lengthBytes } = request.body;
  if (lengthBytes === null) throw new S3Error('MissingContentLength');
  if (lengthBytes > MAX_BODY_BYTES) {
    throw new S3Error('EntityTooLarge', undefined, { ProposedSize: lengthBytes, MaxSizeAllowed: MAX_BODY_BYTES });
  }
  return claims;
}

/** A small XML body, whose claims hold; '' if there is none. A checksum header is not about it, but about its object. */
export async function readDocument(request: S3Request): Promise<string> {
  const digests = new PayloadDigests({ ...readSignedClaims(request), checksum: null });
  const chunks: Buffer[] = [];
  for await (const chunk of digests.through(request.body.chunks())) {
    if (request.body.receivedBytes > MAX_XML_BYTES) throw new S3Error('MalformedXML', 'The XML is too large.');
    chunks.push(chunk);
  }
  digests.end();
  return Buffer.concat(chunks).toString('utf8');
}

function readSignedClaims(request: S3Request): Omit<Claims, 'checksum'> {
  const md5 = headerValue(request.headers, 'content-md5') ?? null;
  if (md5 !== null && Buffer.from(md5, 'base64').length !== 16) throw new S3Error('InvalidDigest');
  return { md5, sha256Hex: readContentSha256(request) };
}

function readContentSha256(request: S3Request): string | null {
  const value = headerValue(request.headers, 'x-amz-content-sha256');
  if (value === undefined) {
    throw new S3Error('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256');
  }
  if (value === 'UNSIGNED-PAYLOAD') return null;
  // Room for aws-chunked: a decoder between body and digests, and its trailer as one more claim.
  if (value.startsWith('STREAMING-')) throw new S3Error('NotImplemented', `${value} is not implemented`);
  if (!/^[0-9a-f]{64}$/.test(value)) {
    throw new S3Error('InvalidArgument', 'x-amz-content-sha256 must be UNSIGNED-PAYLOAD or a valid sha256 value.');
  }
  return value;
}

/** The checksum header of a request, for its body or (Complete) its object. @throws S3Error InvalidRequest, NotImplemented */
export function readChecksumHeader(
  request: S3Request,
): { readonly algorithm: ChecksumAlgorithm; readonly value: string } | null {
  const valued = Object.keys(request.headers).filter((name) => /^x-amz-checksum-(?!algorithm$|type$|mode$)/.test(name));
  if (valued.length === 0) return null;
  if (valued.length > 1) {
    throw new S3Error(
      'InvalidRequest',
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    );
  }
  const algorithm = ALGORITHM_NAMES.find((name) => ALGORITHMS[name].header === valued[0]);
  if (algorithm === undefined) throw new S3Error('NotImplemented', `${valued[0]} is not implemented`);
  return { algorithm, value: headerValue(request.headers, ALGORITHMS[algorithm].header) ?? '' };
}

function readChecksumClaim(request: S3Request): Claims['checksum'] {
  const claim = readChecksumHeader(request);
  if (claim !== null && !isChecksumValue(claim.algorithm, claim.value)) {
    throw new S3Error('InvalidRequest', `Value for ${ALGORITHMS[claim.algorithm].header} header is invalid.`);
  }
  return claim;
}

/** Digests of one body. */
export class PayloadDigests {
  readonly #claims: Claims;
  readonly #md5 = beginHash('md5');
  readonly #sha256: Digest | null;
  readonly #checksums = new Map<ChecksumAlgorithm, Digest>();

  /** @param owed an algorithm to compute although the request does not claim it */
  constructor(claims: Claims, owed: ChecksumAlgorithm | null = null) {
    this.#claims = claims;
    this.#sha256 = claims.sha256Hex === null ? null : beginHash('sha256');
    for (const algorithm of [claims.checksum?.algorithm, owed]) {
      if (algorithm != null) this.#checksums.set(algorithm, ALGORITHMS[algorithm].begin());
    }
  }

  async *through(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      this.#md5.update(chunk);
      this.#sha256?.update(chunk);
      for (const digest of this.#checksums.values()) digest.update(chunk);
      yield chunk;
    }
  }

  /** After the last byte. @throws S3Error XAmzContentSHA256Mismatch, BadDigest */
  end(): Digests {
    const { md5, sha256Hex, checksum } = this.#claims;
    const computedSha256 = this.#sha256?.end().toString('hex') ?? null;
    if (computedSha256 !== sha256Hex) {
      throw new S3Error('XAmzContentSHA256Mismatch', undefined, {
        ClientComputedContentSHA256: sha256Hex ?? '',
        S3ComputedContentSHA256: computedSha256 ?? '',
      });
    }
    const computedMd5 = this.#md5.end();
    if (md5 !== null && computedMd5.toString('base64') !== md5) {
      throw new S3Error('BadDigest', 'The Content-MD5 you specified did not match what we received.', {
        ExpectedDigest: md5,
        CalculatedDigest: computedMd5.toString('base64'),
      });
    }
    const checksums: Partial<Record<ChecksumAlgorithm, string>> = {};
    for (const [algorithm, digest] of this.#checksums) checksums[algorithm] = digest.end().toString('base64');
    if (checksum !== null && checksums[checksum.algorithm] !== checksum.value) {
      throw new S3Error('BadDigest', `The ${checksum.algorithm} you specified did not match the calculated checksum.`);
    }
    return { md5Hex: computedMd5.toString('hex'), checksums };
  }
}
