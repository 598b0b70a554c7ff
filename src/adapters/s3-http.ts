// The connections to S3: one keep-alive agent per protocol, and the time-outs of a single request.
//
// Promises: no request waits for ever (connecting, silent socket, whole request); sockets are bounded and reused.
// The SDK counts a wait for a free socket as connecting, so the number of requests is bounded before they get here
// (`s3-call.ts`), below the number of sockets. Never retries.

import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { Silence } from './s3-silence.ts';

export interface S3Timeouts {
  /** Until TCP and TLS stand. */
  readonly connectMs: number;
  /** A socket on which nothing moves, in either direction. Not for Complete; for parts the least. */
  readonly socketIdleMs: number;
  /** A whole request without a large body, its answer included. */
  readonly requestMs: number;
  /** Complete: the server may copy for minutes before its first byte. */
  readonly completeMs: number;
  /** A part's deadline is `requestMs` and one second for each of these bytes. */
  readonly slowestBytesPerSecond: number;
}

export const DEFAULT_TIMEOUTS: S3Timeouts = {
  // Three SYNs are lost within 7 s; a host that has not answered by then is away.
  connectMs: 10_000,
  // What the kernel buffered must drain without a sign of life: 500 KB at 15 KB/s take 35 s.
  socketIdleMs: 60_000,
  requestMs: 60_000,
  // S3 documents "several minutes"; Ceph assembled 10,000 parts in under 4.
  completeMs: 600_000,
  // 1 Mbit/s shared by 8 parts is 15 KB/s for each. The idle time-out finds stalls long before.
  slowestBytesPerSecond: 8 * 1024,
};

/** Enough for the requests in flight and as many readers of objects again. */
export const MAX_SOCKETS = 128;
/** Shorter than the 5 s after which Node servers (and some proxies) close an idle connection under our next request. */
const FREE_SOCKET_MS = 4_000;

/** What the SDK wants of its `requestHandler`. */
type S3HttpHandler = Pick<
  NodeHttpHandler,
  'metadata' | 'handle' | 'updateHttpClientConfig' | 'httpHandlerConfigs' | 'destroy'
>;

/** The same sockets for all; patient with Complete, and with parts where that is needed (`s3-silence.ts`). */
export function createS3HttpHandler(timeouts: S3Timeouts): S3HttpHandler {
  const agentOptions = { keepAlive: true, maxSockets: MAX_SOCKETS, timeout: FREE_SOCKET_MS };
  const shared = {
    httpAgent: new HttpAgent(agentOptions),
    httpsAgent: new HttpsAgent(agentOptions),
    connectionTimeout: timeouts.connectMs,
    throwOnRequestTimeout: true,
  };
  const handlerWith = (socketTimeout: number, requestTimeout = timeouts.requestMs): NodeHttpHandler =>
    new NodeHttpHandler({ ...shared, requestTimeout, socketTimeout });
  const usual = handlerWith(timeouts.socketIdleMs);
  const patient = handlerWith(timeouts.completeMs, timeouts.completeMs);
  const silence = new Silence(timeouts.socketIdleMs);
  const ofParts = new Map(silence.allowancesMs.map((ms) => [ms, handlerWith(ms)]));

  const handlePart: NodeHttpHandler['handle'] = async (request, options) => {
    const { allowedMs } = silence;
    const startedAtMs = performance.now();
    try {
      const answer = await (ofParts.get(allowedMs) ?? usual).handle(request, options);
      silence.answeredAfter(performance.now() - startedAtMs);
      return answer;
    } catch (error) {
      const wasSilent = (error as Error).name === 'TimeoutError' && performance.now() - startedAtMs >= allowedMs;
      if (wasSilent) silence.gaveUpAfter(allowedMs);
      throw error;
    }
  };
  const handlerFor = ({ method, query }: Parameters<NodeHttpHandler['handle']>[0]): NodeHttpHandler['handle'] => {
    if ('partNumber' in query) return handlePart;
    const handler = method === 'POST' && 'uploadId' in query ? patient : usual;
    return handler.handle.bind(handler);
  };
  return {
    metadata: usual.metadata,
    handle: (request, options) => handlerFor(request)(request, options),
    updateHttpClientConfig: (key, value) => {
      for (const handler of [usual, patient, ...ofParts.values()]) handler.updateHttpClientConfig(key, value);
    },
    httpHandlerConfigs: () => usual.httpHandlerConfigs(),
    destroy: () => {
      shared.httpAgent.destroy();
      shared.httpsAgent.destroy();
    },
  };
}
