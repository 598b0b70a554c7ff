// The SDK's client, set so that it does one request when told so, and nothing behind our back.
//
// No retries (they make orphan uploads and turn a finished Complete into NoSuchUpload), no checksums of its own, no
// `Expect: 100-continue` (a new connection for each part), no second hash over a part's body, no words on the console.

import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { createS3HttpHandler, type S3Timeouts } from './s3-http.ts';
import { type S3Middleware, strictReplies } from './s3-replies.ts';

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface S3ClientOptions {
  /** Unset: AWS itself. */
  readonly endpoint?: string | undefined;
  readonly region: string;
  /** Unset: AWS' own chain (environment, profile, container, instance). */
  readonly credentials?: S3Credentials | undefined;
  /** Default: true with an endpoint (few have DNS names for buckets), false without. */
  readonly forcePathStyle?: boolean | undefined;
}

const silence = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

export function createS3Client(options: S3ClientOptions, timeouts: S3Timeouts): S3Client {
  const { endpoint, region, credentials } = options;
  const config: S3ClientConfig = {
    region,
    forcePathStyle: options.forcePathStyle ?? endpoint !== undefined,
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials && { credentials: credentialsOf(credentials) }),
    maxAttempts: 1,
    requestHandler: createS3HttpHandler(timeouts),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false,
    logger: silence,
    customUserAgent: 'tailrace',
  };
  const client = new S3Client(config);
  client.middlewareStack.use(strictReplies);
  if (!needsSignedBody(endpoint)) client.middlewareStack.use(unsignedParts);
  return client;
}

function credentialsOf({ accessKeyId, secretAccessKey, sessionToken }: S3Credentials) {
  return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
}

/** Over TLS (or within this machine) nobody changes a body on its way, and its CRC32 is in a signed header. */
function needsSignedBody(endpoint: string | undefined): boolean {
  if (endpoint === undefined || !URL.canParse(endpoint)) return false;
  const { protocol, hostname } = new URL(endpoint);
  return protocol === 'http:' && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}

/** Saves a SHA-256 over every part: a third of the CPU of an upload. */
const unsignedParts: S3Middleware = {
  applyToStack: (stack) => {
    stack.add(
      (next, context) => (args) => {
        if (context.commandName === 'UploadPartCommand') {
          const { headers } = args.request as { headers: Record<string, string> };
          headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
        }
        return next(args);
      },
      { step: 'build', name: 'tailraceUnsignedParts' },
    );
  },
};
