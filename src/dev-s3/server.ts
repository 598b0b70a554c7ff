// dev-s3: a small S3 server for tests, demos and the embedded default. Not for production, and it says so.
//
// It keeps buckets, objects and multipart uploads as files in one folder, and answers as AWS does, errors included, within
// the operations of router.ts, or as one of its cousins does (behaviour.ts); what it does not know it refuses by name. Promises:
// 1. Every visible change is one atomic rename: after kill -9 at any moment the old or the new is there, never a mixture.
// 2. An acknowledged write is on disk (synced, unless `fsync: false`).
// 3. Bodies stream: no part and no object is ever in memory as a whole. Completing an upload copies nothing: the object is
//    a list of its parts' files, and GET streams across them.
// 4. No key leaves the folder: names of files are hashes and random ids.
// Never: several processes on one folder, or a network that is not trusted (no TLS, one key, secrets in memory).

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerAdmin, expireUploads, isAdminPath } from './admin.ts';
import { AS_AWS, type Behaviour, parseBehaviour } from './behaviour.ts';
import { BucketStore } from './bucket-store.ts';
import { Disk } from './disk.ts';
import { type ExchangeContext, exchange } from './exchange.ts';
import { FaultPlan } from './faults.ts';
import { HEADERS_MS, IDLE_SOCKET_MS, KEEP_ALIVE_MS, MIN_PART_BYTES } from './limits.ts';
import { RequestLog } from './request-log.ts';

/** Whoever starts the server says this where people look. */
export const NOT_FOR_PRODUCTION =
  'dev-s3 is for development, tests and demos. It is not for production: one process, one disk, one key, no TLS.';

export type DevS3Options = {
  /** Its own: created if need be, refused if a stranger's files are in it. */
  readonly folder: string;
  readonly host?: string;
  readonly port?: number;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region?: string;
  /** Created at start, unless they are there. */
  readonly buckets?: readonly string[];
  readonly minPartBytes?: number;
  /** As AWS, unless said otherwise: `PROVIDERS.ceph`, or `{ ...AS_AWS, reComplete: 'NoSuchUpload' }`. */
  readonly behaviour?: Behaviour;
  readonly fsync?: boolean;
  /** Opens the paths of admin.ts to everybody who can connect. */
  readonly admin?: boolean;
  /** Epoch milliseconds. */
  readonly now?: () => number;
};

export type DevS3 = {
  readonly url: string;
  readonly port: number;
  readonly faults: FaultPlan;
  readonly requests: RequestLog;
  readonly behaviour: Behaviour;
  /** From the next request on. */
  behave(change: Partial<Behaviour>): void;
  /** Ends open uploads behind everybody's back, all or those of a key. @returns how many */
  expireUploads(which?: { readonly bucket?: string; readonly key?: string }): Promise<number>;
  /** Ends connections and what they were doing; afterwards nothing touches the folder any more. */
  close(): Promise<void>;
};

/** @throws if the folder cannot be used, or the port is taken */
export async function startDevS3(options: DevS3Options): Promise<DevS3> {
  const { accessKeyId, secretAccessKey, region = 'us-east-1', now = Date.now } = options;
  const buckets = new BucketStore(await Disk.open(options.folder, options.fsync ?? true));
  await buckets.load();
  for (const name of options.buckets ?? []) if (!buckets.has(name)) await buckets.create(name, now());

  const closing = new AbortController();
  const context: ExchangeContext = {
    buckets,
    credentials: { accessKeyId, secretAccessKey, region },
    minPartBytes: options.minPartBytes ?? MIN_PART_BYTES,
    behaviour: options.behaviour ?? AS_AWS,
    now,
    faults: new FaultPlan(),
    log: new RequestLog(),
    closing: closing.signal,
  };
  const underWay = new Set<Promise<void>>();
  const server = serve(context, options.admin ?? false, underWay);
  const host = options.host ?? '127.0.0.1';
  const port = await listen(server, host, options.port ?? 0);
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    faults: context.faults,
    requests: context.log,
    get behaviour() {
      return context.behaviour;
    },
    behave: (change) => {
      context.behaviour = parseBehaviour(change, context.behaviour);
    },
    expireUploads: (which = {}) => expireUploads(buckets, which),
    close: async () => {
      closing.abort();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await Promise.all(underWay);
    },
  };
}

function serve(context: ExchangeContext, hasAdmin: boolean, underWay: Set<Promise<void>>): Server {
  const server = createServer({
    // A part of 5 GiB may take hours: a request as a whole has no limit, only a socket on which nothing moves.
    requestTimeout: 0,
    headersTimeout: HEADERS_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
  });
  server.setTimeout(IDLE_SOCKET_MS);
  const track = (work: Promise<void>) => {
    underWay.add(work);
    work.finally(() => underWay.delete(work));
  };
  server.on('request', (message, response) => {
    if (hasAdmin && isAdminPath(message.url)) track(answerAdmin(message, response, context));
    else track(exchange(context, message, response, false));
  });
  server.on('checkContinue', (message, response) => track(exchange(context, message, response, true)));
  return server;
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
