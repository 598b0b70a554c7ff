// The payload of a write: what its headers claim about the bytes, and whether the bytes keep it.
//
// Claims are read, and refused if they make no sense, before a byte is pulled; digests run while the bytes stream to disk; after
// the last byte the claims are compared, before any record names the bytes. Only what is needed is computed: MD5 always (it is the
// ETag), SHA-256 and a checksum when claimed or owed by the upload. A body in chunks is decoded on its way, and may bring its
// checksum behind it: such a claim has its value only at the end.

import { ChunkedBody } from './aws-chunked.ts';
import type { Call } from './call.ts';
import {
  ALGORITHMS,
  algorithmOfHeader,
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
  /** In hex, signed; null when the payload was left unsigned, or is signed chunk by chunk. */
  readonly sha256Hex: string | null;
  /** `value`: asked for after the last byte. */
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly value: () => string } | null;
};

export type Payload = {
  readonly claims: Claims;
  /** The bytes themselves, without any framing. */
  chunks(): AsyncGenerator<Buffer>;
};

/** What was computed; checksums in base64. */
export type Digests = {
  readonly md5Hex: string;
  readonly checksums: Readonly<Partial<Record<ChecksumAlgorithm, string>>>;
};

/** @throws S3Error MissingContentLength, EntityTooLarge, InvalidDigest, InvalidRequest, NotImplemented */
export function openPayload(call: Call): Payload {
  const { request } = call;
  const md5 = readMd5(request);
  const kind = readBodyKind(request);
  const header = readChecksumClaim(request);
  checkLength(request, kind);
  if (kind.framing === 'none') {
    return { claims: { md5, sha256Hex: kind.sha256Hex, checksum: header }, chunks: () => request.body.chunks() };
  }
  const signing = kind.framing === 'signed' ? call.signing : null;
  const body = new ChunkedBody(request.body.chunks(), signing, kind.hasTrailer);
  const trailer = kind.hasTrailer ? readTrailerClaim(request, body) : null;
  return {
    claims: { md5, sha256Hex: null, checksum: header ?? trailer },
    chunks: () => ofLength(body.chunks(), decodedLength(request) ?? 0),
  };
}

/** A small XML body, whose claims hold; '' if there is none. A checksum header is not about it, but about its object. */
export async function readDocument({ request }: Pick<Call, 'request'>): Promise<string> {
  const kind = readBodyKind(request);
  if (kind.framing !== 'none') throw new S3Error('NotImplemented', 'a document in chunks is not implemented');
  const digests = new PayloadDigests({ md5: readMd5(request), sha256Hex: kind.sha256Hex, checksum: null });
  const chunks: Buffer[] = [];
  for await (const chunk of digests.through(request.body.chunks())) {
    if (request.body.receivedBytes > MAX_XML_BYTES) throw new S3Error('MalformedXML', 'The XML is too large.');
    chunks.push(chunk);
  }
  digests.end();
  return Buffer.concat(chunks).toString('utf8');
}

function readMd5(request: S3Request): string | null {
  const md5 = headerValue(request.headers, 'content-md5') ?? null;
  if (md5 !== null && Buffer.from(md5, 'base64').length !== 16) throw new S3Error('InvalidDigest');
  return md5;
}

type BodyKind =
  | { readonly framing: 'none'; readonly sha256Hex: string | null }
  | { readonly framing: 'signed' | 'unsigned'; readonly hasTrailer: boolean };

const CHUNKED_BODIES: Readonly<Record<string, BodyKind>> = {
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER': { framing: 'unsigned', hasTrailer: true },
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD': { framing: 'signed', hasTrailer: false },
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER': { framing: 'signed', hasTrailer: true },
};

function readBodyKind(request: S3Request): BodyKind {
  const value = headerValue(request.headers, 'x-amz-content-sha256');
  if (value === undefined) {
    throw new S3Error('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256');
  }
  if (value === 'UNSIGNED-PAYLOAD') return { framing: 'none', sha256Hex: null };
  const chunked = CHUNKED_BODIES[value];
  if (chunked !== undefined) return chunked;
  if (value.startsWith('STREAMING-')) throw new S3Error('NotImplemented', `${value} is not implemented`);
  if (!/^[0-9a-f]{64}$/.test(value)) {
    throw new S3Error('InvalidArgument', 'x-amz-content-sha256 must be UNSIGNED-PAYLOAD or a valid sha256 value.');
  }
  return { framing: 'none', sha256Hex: value };
}

/** Of the bytes themselves: a chunked body says it in a header of its own. */
function checkLength(request: S3Request, { framing }: BodyKind): void {
  const length = framing === 'none' ? request.body.lengthBytes : decodedLength(request);
  if (length === null) throw new S3Error('MissingContentLength');
  if (length > MAX_BODY_BYTES) {
    throw new S3Error('EntityTooLarge', undefined, { ProposedSize: length, MaxSizeAllowed: MAX_BODY_BYTES });
  }
}

function decodedLength({ headers }: S3Request): number | null {
  const text = headerValue(headers, 'x-amz-decoded-content-length') ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** @throws S3Error IncompleteBody if the chunks are not as long together as was announced */
async function* ofLength(chunks: AsyncGenerator<Buffer>, lengthBytes: number): AsyncGenerator<Buffer> {
  let passedBytes = 0;
  for await (const chunk of chunks) {
    passedBytes += chunk.length;
    if (passedBytes > lengthBytes) break;
    yield chunk;
  }
  if (passedBytes !== lengthBytes) throw new S3Error('IncompleteBody');
}

/** The checksum header of a request, for its body or (Complete) its object. @throws S3Error InvalidRequest, NotImplemented */
export function readChecksumHeader(
  request: S3Request,
): { readonly algorithm: ChecksumAlgorithm; readonly value: string } | null {
  const [header, ...more] = Object.keys(request.headers).filter((name) =>
    /^x-amz-checksum-(?!algorithm$|type$|mode$)/.test(name),
  );
  if (header === undefined) return null;
  if (more.length > 0) {
    throw new S3Error(
      'InvalidRequest',
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    );
  }
  const algorithm = algorithmOfHeader(header);
  if (algorithm === undefined) throw new S3Error('NotImplemented', `${header} is not implemented`);
  return { algorithm, value: headerValue(request.headers, header) ?? '' };
}

function readChecksumClaim(request: S3Request): Claims['checksum'] {
  const claim = readChecksumHeader(request);
  return claim && { algorithm: claim.algorithm, value: checkedValue(claim.algorithm, claim.value) };
}

function readTrailerClaim(request: S3Request, body: ChunkedBody): Claims['checksum'] {
  const name = headerValue(request.headers, 'x-amz-trailer')?.toLowerCase();
  if (name === undefined) return null;
  const algorithm = algorithmOfHeader(name);
  if (algorithm === undefined) throw new S3Error('NotImplemented', `the trailer ${name} is not implemented`);
  return { algorithm, value: () => checkedValue(algorithm, body.trailer.get(name) ?? '')() };
}

function checkedValue(algorithm: ChecksumAlgorithm, value: string): () => string {
  if (!isChecksumValue(algorithm, value)) {
    throw new S3Error('InvalidRequest', `Value for ${ALGORITHMS[algorithm].header} header is invalid.`);
  }
  return () => value;
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
    if (checksum !== null && checksums[checksum.algorithm] !== checksum.value()) {
      throw new S3Error('BadDigest', `The ${checksum.algorithm} you specified did not match the calculated checksum.`);
    }
    return { md5Hex: computedMd5.toString('hex'), checksums };
  }
}
