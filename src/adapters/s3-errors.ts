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
  // AWS: not to be repeated; a new upload is wanted.
  ConditionalRequestConflict: 'upload_conflicted',

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

/**
 * `s3_unavailable` by these names is certainly not executed. All else that means it leaves that open: a gateway's 502 or 504
 * leaves the server at work, and a 500 may come after the deed (Ceph's second Complete).
 */
const NOT_EXECUTED = new Set(['ServiceUnavailable', 'RequestTimeout', 'OperationAborted', 'TemporaryRedirect']);

const CERTIFICATE_ERROR = /^(CERT_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT_)/;

/** A failure before its text is cleaned and cut. */
interface Translation {
  readonly code: FailureCode;
  readonly text: string;
  readonly doubtful?: boolean;
  readonly retryAfterMs?: number | undefined;
}

/** @param secrets strings that must not appear in a detail, whoever repeats them */
export function failureOfError(
  operation: string,
  error: unknown,
  meanings: Meanings = {},
  secrets: readonly string[] = [],
): Failure {
  const { code, text, doubtful = false, retryAfterMs } = translate(error, meanings);
  const clean = secrets.reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
  return failureOf(code, `${operation}: ${clean}`, {
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(doubtful && { answered: false }),
  });
}

function translate(error: unknown, meanings: Meanings): Translation {
  if (error instanceof RefusedReply) return ofRefusal(error, meanings);
  if (error instanceof UnreadableReply) return { code: 's3_malformed_reply', text: error.message, doubtful: true };
  if (error instanceof GivenUp) return { code: 's3_unavailable', text: error.message, doubtful: !error.unsent };
  if (error instanceof Error) return ofException(error);
  return { code: 'bug', text: 'something that is no error was thrown' };
}

function ofRefusal(error: RefusedReply, meanings: Meanings): Translation {
  const { status, s3Name, s3Message } = error;
  const code = (s3Name && (meanings[s3Name] ?? CODE_OF_NAME[s3Name])) || codeOfStatus(error);
  const named = s3Name ?? (error.foreignBody ? 'with a body that is not of S3' : '');
  return {
    code,
    text: `HTTP ${status} ${named}${s3Message ? `: ${s3Message}` : ''}`,
    doubtful: code === 's3_malformed_reply' || (code === 's3_unavailable' && !NOT_EXECUTED.has(s3Name ?? '')),
    retryAfterMs: retryAfter(error.headers),
  };
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

/** Node's and the SDK's own errors. */
function ofException(error: Error): Translation {
  const { name, message: text, syscall } = error as NodeJS.ErrnoException;
  // A DOMException has a number there.
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const byName = CODE_OF_NAME[name];
  if (byName) return { code: byName, text };
  if (CERTIFICATE_ERROR.test(code)) return { code: 's3_request_refused', text: `${text} (${code})` };
  if (name === 'InvalidBucketName' || name === 'EndpointError') return { code: 's3_request_refused', text };
  // Never connected, so never sent.
  if (syscall === 'connect' || syscall === 'getaddrinfo') return { code: 's3_unavailable', text };
  // No HTTP, or nothing that the SDK could make sense of.
  if (code.startsWith('HPE_')) return { code: 's3_malformed_reply', text, doubtful: true };
  if (name === 'TimeoutError' || name === 'AbortError' || isNetworkError(code)) {
    return { code: 's3_unavailable', text, doubtful: true };
  }
  if ('$response' in error) return { code: 's3_malformed_reply', text, doubtful: true };
  return { code: 'bug', text };
}

/** Errno names, and Node's for streams and TLS that ended early; its other `ERR_` are ours: wrong arguments. */
const isNetworkError = (code: string): boolean => /^(E(?!RR_)[A-Z0-9]+$|ERR_(STREAM|SSL|HTTP2)_)/.test(code);

/** Retry-After: seconds, or a date, which is read against the server's own clock. */
function retryAfter(headers: Readonly<Record<string, string>>): number | undefined {
  const value = headers['retry-after'];
  if (value === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(value)) return Number(value) * 1000;
  const untilMs = Date.parse(value) - (Date.parse(headers['date'] ?? '') || Date.now());
  return Number.isFinite(untilMs) ? Math.max(0, untilMs) : undefined;
}
