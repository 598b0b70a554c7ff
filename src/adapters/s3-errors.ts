// Translates what went wrong in a request to S3 into one failure of the table, once and by name.
//
// The name decides, never the status: a 200 can carry PreconditionFailed, and providers disagree about statuses. Only a
// reply that names nothing (HEAD, a proxy's page) is judged by its status. 403 is never absence. `answered: false`: the
// request may have been executed. A detail holds the operation, the name and the server's message; no secret, no SDK object.

import { type Failure, type FailureCode, failureOf } from '../machines/failure.ts';
import { RefusedReply, UnreadableReply } from './s3-replies.ts';

/** The request was given up by us: a deadline, or the caller's signal. */
export class GivenUp extends Error {
  /** True when it had not been sent yet. */
  readonly unsent: boolean;

  constructor(reason: string, unsent: boolean) {
    super(reason);
    this.name = 'GivenUp';
    this.unsent = unsent;
  }
}

/** Names that mean something else for one operation, e.g. Ceph's NoSuchKey for an upload that is gone. */
export type Meanings = Readonly<Record<string, FailureCode>>;

const CODE_OF_NAME: Readonly<Record<string, FailureCode>> = {
  InternalError: 's3_unavailable',
  InternalFailure: 's3_unavailable',
  ServiceUnavailable: 's3_unavailable',
  RequestTimeout: 's3_unavailable',
  OperationAborted: 's3_unavailable',
  OperationTimedOut: 's3_unavailable',
  TemporaryRedirect: 's3_unavailable',
  XMinioServerNotInitialized: 's3_unavailable',

  SlowDown: 's3_throttled',
  SlowDownRead: 's3_throttled',
  SlowDownWrite: 's3_throttled',
  Throttling: 's3_throttled',
  ThrottlingException: 's3_throttled',
  TooManyRequests: 's3_throttled',
  TooManyRequestsException: 's3_throttled',
  RequestLimitExceeded: 's3_throttled',
  BandwidthLimitExceeded: 's3_throttled',

  RequestTimeTooSkewed: 's3_clock_skew',
  RequestExpired: 's3_clock_skew',
  ExpiredToken: 's3_credentials_expired',
  ExpiredTokenException: 's3_credentials_expired',
  TokenRefreshRequired: 's3_credentials_expired',

  InvalidAccessKeyId: 's3_credentials_wrong',
  SignatureDoesNotMatch: 's3_credentials_wrong',
  InvalidToken: 's3_credentials_wrong',
  InvalidSecurity: 's3_credentials_wrong',
  InvalidClientTokenId: 's3_credentials_wrong',
  UnrecognizedClientException: 's3_credentials_wrong',
  // The SDK's own, when its chain finds none: the request was never sent.
  CredentialsProviderError: 's3_credentials_wrong',
  TokenProviderError: 's3_credentials_wrong',

  AccessDenied: 's3_access_denied',
  AccessDeniedException: 's3_access_denied',
  AllAccessDisabled: 's3_access_denied',
  AccountProblem: 's3_access_denied',
  Forbidden: 's3_access_denied',
  NoSuchBucket: 's3_no_such_bucket',

  NoSuchUpload: 'upload_not_found',
  InvalidPart: 'part_invalid',
  InvalidPartOrder: 'part_invalid',
  EntityTooSmall: 'part_too_small',
  PreconditionFailed: 'precondition_failed',
  // Somebody wrote the key at the same moment: S3 decided against us.
  ConditionalRequestConflict: 'precondition_failed',

  BadDigest: 'part_digest_mismatch',
  IncompleteBody: 'part_digest_mismatch',
  XAmzContentChecksumMismatch: 'part_digest_mismatch',
  XAmzContentSHA256Mismatch: 'part_digest_mismatch',
  ContentSHA256Mismatch: 'part_digest_mismatch',

  EntityTooLarge: 'file_too_large',
  KeyTooLong: 'key_too_long',
  KeyTooLongError: 'key_too_long',

  NotImplemented: 's3_request_refused',
};

/** Refusals by a status of 5xx that say for certain that nothing was done. */
const NOT_EXECUTED = new Set(['SlowDown', 'SlowDownRead', 'SlowDownWrite', 'ServiceUnavailable', 'NotImplemented']);

const CERTIFICATE_ERROR = /^(CERT_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT_)/;

/** @param secrets strings that must not appear in a detail, whoever repeats them */
export function failureOfError(
  operation: string,
  error: unknown,
  meanings: Meanings = {},
  secrets: readonly string[] = [],
): Failure {
  const failure = translate(operation, error, meanings);
  const detail = secrets.reduce((text, secret) => text.replaceAll(secret, '***'), failure.detail);
  return { ...failure, detail };
}

function translate(operation: string, error: unknown, meanings: Meanings): Failure {
  if (error instanceof RefusedReply) return ofRefusal(operation, error, meanings);
  if (error instanceof UnreadableReply) {
    return failureOf('s3_malformed_reply', `${operation}: ${error.message}`, { answered: false });
  }
  if (error instanceof GivenUp) {
    const detail = `${operation}: ${error.message}`;
    return failureOf('s3_unavailable', detail, error.unsent ? {} : { answered: false });
  }
  if (error instanceof Error) return ofException(operation, error);
  return failureOf('bug', `${operation}: something that is no error was thrown`);
}

function ofRefusal(operation: string, error: RefusedReply, meanings: Meanings): Failure {
  const { status, s3Name } = error;
  const code = (s3Name && (meanings[s3Name] ?? CODE_OF_NAME[s3Name])) || codeOfStatus(error);
  const named = s3Name ?? (error.foreignBody ? 'and a body that is not of S3' : '');
  const detail = `${operation}: HTTP ${status} ${named}${error.s3Message ? `: ${error.s3Message}` : ''}`;
  const retryAfterMs = retryAfter(error.headers);
  const executed = code === 's3_malformed_reply' || isDoubtful(error);
  return failureOf(code, detail, {
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(executed && { answered: false }),
  });
}

/** For names that are not in the table, and for replies without a name. */
function codeOfStatus({ status, s3Name, foreignBody }: RefusedReply): FailureCode {
  if (status === 501) return 's3_request_refused';
  if (status >= 500 || status === 408) return 's3_unavailable';
  if (status === 429) return 's3_throttled';
  if (status === 401 || status === 403) return 's3_access_denied';
  if (s3Name !== null) return 's3_request_refused';
  if (status === 412) return 'precondition_failed';
  // A page of somebody else says nothing of what S3 holds. Other 4xx pages are a proxy's rules: a person must look.
  if (foreignBody && (status === 404 || status < 400)) return 's3_malformed_reply';
  return 's3_request_refused';
}

/** A gateway's 502 or 504 leaves the server at work; a 500 may come after the deed (Ceph's second Complete). */
function isDoubtful({ status, s3Name }: RefusedReply): boolean {
  if (s3Name !== null && (NOT_EXECUTED.has(s3Name) || CODE_OF_NAME[s3Name] !== undefined)) {
    return CODE_OF_NAME[s3Name] === 's3_unavailable' && !NOT_EXECUTED.has(s3Name) && s3Name !== 'RequestTimeout';
  }
  return status >= 500 && status !== 501;
}

function ofException(operation: string, error: Error): Failure {
  const { code, syscall } = error as NodeJS.ErrnoException;
  const detail = `${operation}: ${error.message}`;
  const byName = CODE_OF_NAME[error.name];
  if (byName) return failureOf(byName, detail);
  if (code !== undefined && CERTIFICATE_ERROR.test(code)) return failureOf('s3_request_refused', `${detail} (${code})`);
  // Never connected, so never sent.
  if (syscall === 'connect' || syscall === 'getaddrinfo') return failureOf('s3_unavailable', detail);
  if (code?.startsWith('HPE_')) return failureOf('s3_malformed_reply', detail, { answered: false });
  if (
    error.name === 'TimeoutError' ||
    error.name === 'AbortError' ||
    (code !== undefined && !code.startsWith('ERR_'))
  ) {
    return failureOf('s3_unavailable', detail, { answered: false });
  }
  // The SDK could not make sense of a reply that it got.
  if ('$response' in error) return failureOf('s3_malformed_reply', detail, { answered: false });
  if (error.name === 'InvalidBucketName' || error.name === 'EndpointError')
    return failureOf('s3_request_refused', detail);
  if (code?.startsWith('ERR_STREAM') || code?.startsWith('ERR_SSL')) {
    return failureOf('s3_unavailable', detail, { answered: false });
  }
  return failureOf('bug', detail);
}

/** Retry-After: seconds, or a date, which is read against the server's own clock. */
function retryAfter(headers: Readonly<Record<string, string>>): number | undefined {
  const value = headers['retry-after'];
  if (value === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(value)) return Number(value) * 1000;
  const untilMs = Date.parse(value) - (Date.parse(headers['date'] ?? '') || Date.now());
  return Number.isFinite(untilMs) ? Math.max(0, untilMs) : undefined;
}
