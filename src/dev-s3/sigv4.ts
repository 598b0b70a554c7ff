// AWS Signature Version 4 in the Authorization header: who sent this, is it what was signed, and is it recent.
//
// Checked before any body byte is pulled. The body itself is covered by x-amz-content-sha256, which is a signed header;
// payload.ts compares it. Presigned URLs are not known here. Source: "Authenticating Requests (AWS Signature Version 4)" in
// the API reference of S3.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { S3Error } from './errors.ts';
import { MAX_CLOCK_SKEW_MS } from './limits.ts';
import { headerValue, type S3Request } from './request.ts';

export type Credentials = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
};

type Authorization = {
  readonly accessKeyId: string;
  readonly day: string;
  readonly region: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
};

/** What signs the chunks of this request's body: the key of the day, and the signature of the headers to begin with. */
export type Signing = {
  readonly time: string;
  readonly scope: string;
  readonly key: Buffer;
  readonly signature: string;
};

const ALGORITHM = 'AWS4-HMAC-SHA256';

/** @throws S3Error AccessDenied, InvalidAccessKeyId, RequestTimeTooSkewed, SignatureDoesNotMatch, ... */
export function checkSignature(request: S3Request, credentials: Credentials, nowMs: number): Signing {
  const authorization = readAuthorization(request);
  if (authorization.accessKeyId !== credentials.accessKeyId) {
    throw new S3Error('InvalidAccessKeyId', undefined, { AWSAccessKeyId: authorization.accessKeyId });
  }
  const time = readTime(request);
  if (Math.abs(time.atMs - nowMs) > MAX_CLOCK_SKEW_MS) {
    throw new S3Error('RequestTimeTooSkewed', undefined, {
      RequestTime: time.text,
      ServerTime: new Date(nowMs).toISOString(),
      MaxAllowedSkewMilliseconds: MAX_CLOCK_SKEW_MS,
    });
  }
  if (authorization.region !== credentials.region) {
    const message = `The authorization header is malformed; the region '${authorization.region}' is wrong; expecting '${credentials.region}'`;
    throw new S3Error('AuthorizationHeaderMalformed', message, { Region: credentials.region });
  }
  if (authorization.day !== time.text.slice(0, 8)) throw new S3Error('AuthorizationHeaderMalformed');
  checkCoverage(request, authorization.signedHeaders);

  const canonical = canonicalRequest(request, authorization.signedHeaders);
  const scope = `${authorization.day}/${authorization.region}/s3/aws4_request`;
  const toSign = [ALGORITHM, time.text, scope, sha256Hex(canonical)].join('\n');
  const key = signingKey(credentials.secretAccessKey, authorization.day, authorization.region);
  const expected = createHmac('sha256', key).update(toSign).digest();
  const given = Buffer.from(authorization.signature, 'hex');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new S3Error('SignatureDoesNotMatch', undefined, { StringToSign: toSign, CanonicalRequest: canonical });
  }
  return { time: time.text, scope, key, signature: authorization.signature };
}

function readAuthorization(request: S3Request): Authorization {
  const header = request.headers.authorization;
  if (header === undefined) {
    if (request.query.some(([name]) => name === 'X-Amz-Signature')) throw new S3Error('NotImplemented');
    throw new S3Error('AccessDenied');
  }
  const match =
    /^AWS4-HMAC-SHA256 +Credential=([^/,]+)\/(\d{8})\/([^/,]+)\/s3\/aws4_request, *SignedHeaders=([^,]+), *Signature=([0-9a-f]{64})$/.exec(
      header,
    );
  if (match === null) throw new S3Error('AuthorizationHeaderMalformed');
  const [, accessKeyId = '', day = '', region = '', signedHeaders = '', signature = ''] = match;
  return { accessKeyId, day, region, signedHeaders: signedHeaders.split(';'), signature };
}

function readTime(request: S3Request): { readonly text: string; readonly atMs: number } {
  const text = headerValue(request.headers, 'x-amz-date') ?? '';
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null) throw new S3Error('AccessDenied', 'AWS authentication requires a valid x-amz-date header');
  const [, year, month, day, hour, minute, second] = match;
  return { text, atMs: Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) };
}

/** A header that means something to S3 but was not signed could have been added by anyone on the way. */
function checkCoverage(request: S3Request, signedHeaders: readonly string[]): void {
  const isSigned = new Set(signedHeaders);
  const required = Object.keys(request.headers).filter((name) => name === 'host' || name.startsWith('x-amz-'));
  const missing = required.filter((name) => !isSigned.has(name));
  if (missing.length > 0 || !isSigned.has('host')) {
    throw new S3Error('AccessDenied', 'There were headers present in the request which were not signed', {
      HeadersNotSigned: missing.join(', '),
    });
  }
}

function canonicalRequest(request: S3Request, signedHeaders: readonly string[]): string {
  const query = request.query
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([nameA, valueA], [nameB, valueB]) => compare(nameA, nameB) || compare(valueA, valueB))
    .map((pair) => pair.join('='))
    .join('&');
  const headers = signedHeaders.map((name) => {
    const value = headerValue(request.headers, name) ?? '';
    return `${name}:${value.trim().replace(/ +/g, ' ')}\n`;
  });
  return [
    request.method,
    request.path.split('/').map(encode).join('/'),
    query,
    headers.join(''),
    signedHeaders.join(';'),
    headerValue(request.headers, 'x-amz-content-sha256') ?? '',
  ].join('\n');
}

export function signingKey(secretAccessKey: string, day: string, region: string): Buffer {
  const steps = [day, region, 's3', 'aws4_request'];
  return steps.reduce<Buffer>(
    (key, step) => createHmac('sha256', key).update(step).digest(),
    Buffer.from(`AWS4${secretAccessKey}`),
  );
}

/** AWS' UriEncode: everything but the unreserved characters, which encodeURIComponent almost does. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
