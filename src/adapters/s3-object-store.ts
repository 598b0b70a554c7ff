// The ObjectStore port on any S3 service, by the AWS SDK. One method is one request (a list: all its pages), sent once.
//
// Holds no state of streams: only connections, and what the probe found out about the server. What a request's end means
// is decided in `s3-replies.ts` (is it an answer?) and `s3-errors.ts` (which failure?), nowhere else.

import type { ObjectStore, StoreCapabilities } from '../ports/object-store.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { createCall, type S3Session } from './s3-call.ts';
import { createS3Client, type S3ClientOptions } from './s3-client.ts';
import { copyPart } from './s3-copies.ts';
import { DEFAULT_TIMEOUTS, type S3Timeouts } from './s3-http.ts';
import { listParts, listUploads } from './s3-lists.ts';
import { deleteObject, getObject, headObject, putObject } from './s3-objects.ts';
import { uploadPart } from './s3-parts.ts';
import { AWS_CAPABILITIES, probe } from './s3-probe.ts';
import { abortUpload, completeUpload, createUpload } from './s3-uploads.ts';

export interface S3ObjectStoreOptions extends S3ClientOptions {
  /** What is known of the server beforehand; the probe does not ask for it again. */
  readonly capabilities?: Partial<StoreCapabilities> | undefined;
  /** Where the probe may write: the prefix that our policy allows. Default: the bucket's top. */
  readonly probePrefix?: string | undefined;
  readonly timeouts?: Partial<S3Timeouts> | undefined;
  /** Entries a page of the listings; default: the server's (1,000). */
  readonly pageEntries?: number | undefined;
  readonly telemetry?: Telemetry | undefined;
  /** Told when requests are answered again, or not any more. */
  readonly onReachable?: ((isReachable: boolean) => void) | undefined;
}

/** Shorter ones are words of a test; blotting them out would only garble messages. */
const MIN_SECRET_CHARS = 8;

export function createS3ObjectStore(options: S3ObjectStoreOptions): ObjectStore {
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const client = createS3Client(options, timeouts);
  const { secretAccessKey = '', sessionToken = '' } = options.credentials ?? {};
  const secrets = [secretAccessKey, sessionToken].filter((secret) => secret.length >= MIN_SECRET_CHARS);
  const session: S3Session = {
    client,
    call: createCall({ telemetry: options.telemetry, secrets, onReachable: options.onReachable }),
    timeouts,
    pageEntries: options.pageEntries,
    capabilities: { ...AWS_CAPABILITIES, ...options.capabilities },
    checksumType: 'FULL_OBJECT',
    conditionalPut: true,
  };
  return {
    get capabilities() {
      return session.capabilities;
    },
    probe: probe(session, options),
    createUpload: createUpload(session),
    uploadPart: uploadPart(session),
    copyPart: copyPart(session),
    listParts: listParts(session),
    listUploads: listUploads(session),
    completeUpload: completeUpload(session),
    abortUpload: abortUpload(session),
    headObject: headObject(session),
    putObject: putObject(session),
    getObject: getObject(session),
    deleteObject: deleteObject(session),
    close: () => client.destroy(),
  };
}
