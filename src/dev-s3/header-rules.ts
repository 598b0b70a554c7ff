// Which headers of a request are understood: the others are refused by name, or passed over where this provider passes them over.
//
// A header means that something was asked for. AWS refuses what it does not know; some of its cousins do the request without it,
// and say nothing. An operation sees only what is left, so it needs to know nothing of providers for that.

import type { Behaviour } from './behaviour.ts';
import { S3Error, type S3ErrorCode } from './errors.ts';
import { headerValue, queryValue, type S3Request } from './request.ts';
import type { OperationName } from './router.ts';

/** Headers by which an object would be stored, copied or protected in a way that this server does not know. */
const UNKNOWN_HEADERS = [
  'x-amz-bucket-object-lock-enabled',
  'x-amz-copy-source-if-modified-since',
  'x-amz-copy-source-if-unmodified-since',
  'x-amz-copy-source-server-side-encryption',
  'x-amz-expected-bucket-owner',
  'x-amz-mfa',
  'x-amz-object-lock-',
  'x-amz-server-side-encryption',
  'x-amz-tagging',
  'x-amz-website-redirect-location',
  'x-amz-write-offset-bytes',
];

const isChecksumHeader = (name: string): boolean =>
  name === 'x-amz-sdk-checksum-algorithm' || (name.startsWith('x-amz-checksum-') && name !== 'x-amz-checksum-mode');
const isCondition = (name: string): boolean => name === 'if-match' || name === 'if-none-match';

type Rule = {
  readonly hits: (operation: OperationName, header: string) => boolean;
  /** null: passed over. */
  readonly refusal: S3ErrorCode | null;
};

/** The request as its operation sees it. @throws S3Error NotImplemented, or as the provider refuses */
export function understoodRequest(request: S3Request, operation: OperationName, behaviour: Behaviour): S3Request {
  checkBody(request, behaviour);
  if (operation === 'HeadObject' && queryValue(request, 'partNumber') !== undefined) {
    if (behaviour.headOfPart === 'MethodNotAllowed') throw new S3Error('MethodNotAllowed');
  }
  const rules = rulesOf(behaviour);
  const kept: S3Request['headers'] = {};
  for (const [name, value] of Object.entries(request.headers)) {
    const rule = rules.find(({ hits }) => hits(operation, name));
    if (rule === undefined) kept[name] = value;
    else if (rule.refusal !== null) throw new S3Error(rule.refusal, `${name} is not implemented`);
  }
  return { ...request, headers: kept };
}

function rulesOf(behaviour: Behaviour): readonly Rule[] {
  const { checksums, conditionalComplete, conditionalPut, objectSizeInComplete } = behaviour;
  const rules: Rule[] = [
    { hits: (_, name) => UNKNOWN_HEADERS.some((one) => name.startsWith(one)), refusal: 'NotImplemented' },
  ];
  if (checksums !== 'verified') {
    rules.push({ hits: (_, name) => isChecksumHeader(name), refusal: checksums === 'ignored' ? null : checksums });
  }
  if (conditionalComplete === 'ignored') {
    rules.push({ hits: (one, name) => one === 'CompleteMultipartUpload' && isCondition(name), refusal: null });
  }
  if (conditionalPut !== 'honoured') {
    const refusal = conditionalPut === 'ignored' ? null : conditionalPut;
    rules.push({ hits: (one, name) => one === 'PutObject' && isCondition(name), refusal });
  }
  if (objectSizeInComplete === 'ignored') {
    rules.push({ hits: (_, name) => name === 'x-amz-mp-object-size', refusal: null });
  }
  return rules;
}

function checkBody({ headers }: S3Request, { chunkedBodies }: Behaviour): void {
  const isChunked = headerValue(headers, 'x-amz-content-sha256')?.startsWith('STREAMING-') ?? false;
  if (isChunked && chunkedBodies !== 'decoded') throw new S3Error(chunkedBodies);
}
