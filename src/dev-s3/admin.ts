// The admin paths, for tests that run the server as another process: faults, the request log and the behaviour, as JSON.
//
//   POST /-/faults      one rule or a list of them     GET /-/log      DELETE /-/log
//   GET /-/faults       DELETE /-/faults
//   GET /-/behaviour    POST /-/behaviour  {"provider": "ceph", "reComplete": "NoSuchUpload"}: a provider's, and what else is set;
//                       without a provider the rest stays as it is
//   POST /-/expire      {"bucket": ..., "key": ...}, both optional: ends these open uploads behind everybody's back
//
// Without any authentication: only there when it was asked for at start. No bucket can be called "-".

import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Behaviour, parseBehaviour } from './behaviour.ts';
import type { BucketStore } from './bucket-store.ts';
import { type FaultPlan, parseFaultRules } from './faults.ts';
import { MAX_ADMIN_BYTES } from './limits.ts';
import type { RequestLog } from './request-log.ts';

const PREFIX = '/-/';

type AdminReply = { readonly status: number; readonly body: unknown };
type Administered = {
  readonly buckets: BucketStore;
  readonly faults: FaultPlan;
  readonly log: RequestLog;
  behaviour: Behaviour;
};

export function isAdminPath(url: string | undefined): boolean {
  return url?.startsWith(PREFIX) ?? false;
}

export async function answerAdmin(
  message: IncomingMessage,
  response: ServerResponse,
  server: Administered,
): Promise<void> {
  const { status, body } = await act(message, server);
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function act(message: IncomingMessage, server: Administered): Promise<AdminReply> {
  const { faults, log } = server;
  switch (`${message.method} ${message.url}`) {
    case 'GET /-/faults':
      return { status: 200, body: faults.rules() };
    case 'POST /-/faults':
      return read(message, (json) => {
        faults.add(...parseFaultRules(json));
        return faults.rules();
      });
    case 'DELETE /-/faults':
      faults.clear();
      return { status: 200, body: [] };
    case 'GET /-/log':
      return { status: 200, body: log.all() };
    case 'DELETE /-/log':
      log.clear();
      return { status: 200, body: [] };
    case 'GET /-/behaviour':
      return { status: 200, body: server.behaviour };
    case 'POST /-/behaviour':
      return read(message, (json) => {
        server.behaviour = parseBehaviour(json, server.behaviour);
        return server.behaviour;
      });
    case 'POST /-/expire':
      return read(message, async (json) => ({ ended: await expireUploads(server.buckets, parseWhich(json)) }));
    default:
      return { status: 404, body: { error: 'no such admin path' } };
  }
}

/** @returns how many */
export async function expireUploads(
  buckets: BucketStore,
  { bucket, key }: { readonly bucket?: string; readonly key?: string },
): Promise<number> {
  let ended = 0;
  for (const one of buckets.all()) {
    if (bucket !== undefined && one.name !== bucket) continue;
    ended += await one.endUploads((upload) => key === undefined || upload.key === key);
  }
  return ended;
}

function parseWhich(json: unknown): { readonly bucket?: string; readonly key?: string } {
  if (typeof json !== 'object' || json === null) throw new TypeError('which uploads is an object');
  for (const [name, value] of Object.entries(json)) {
    if (!['bucket', 'key'].includes(name) || typeof value !== 'string')
      throw new TypeError(`${name} is not understood`);
  }
  return json;
}

async function read(message: IncomingMessage, answer: (json: unknown) => unknown): Promise<AdminReply> {
  try {
    return { status: 200, body: await answer(JSON.parse(await readText(message))) };
  } catch (error) {
    return { status: 400, body: { error: String(error) } };
  }
}

async function readText(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let receivedBytes = 0;
  for await (const chunk of message.iterator({ destroyOnReturn: false })) {
    receivedBytes += chunk.length;
    if (receivedBytes > MAX_ADMIN_BYTES) throw new RangeError('the body is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
