// The admin paths, for tests that run the server as another process: faults and the request log, as JSON.
//
//   POST /-/faults   one rule or a list of them     GET /-/log      DELETE /-/log
//   GET /-/faults    DELETE /-/faults
//
// Without any authentication: only there when it was asked for at start. No bucket can be called "-".

import type { IncomingMessage, ServerResponse } from 'node:http';
import { type FaultPlan, parseFaultRules } from './faults.ts';
import { MAX_ADMIN_BYTES } from './limits.ts';
import type { RequestLog } from './request-log.ts';

const PREFIX = '/-/';

type AdminReply = { readonly status: number; readonly body: unknown };

export function isAdminPath(url: string | undefined): boolean {
  return url?.startsWith(PREFIX) ?? false;
}

export async function answerAdmin(
  message: IncomingMessage,
  response: ServerResponse,
  faults: FaultPlan,
  log: RequestLog,
): Promise<void> {
  const { status, body } = await act(message, faults, log);
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function act(message: IncomingMessage, faults: FaultPlan, log: RequestLog): Promise<AdminReply> {
  switch (`${message.method} ${message.url}`) {
    case 'GET /-/faults':
      return { status: 200, body: faults.rules() };
    case 'POST /-/faults':
      return addFaults(message, faults);
    case 'DELETE /-/faults':
      faults.clear();
      return { status: 200, body: [] };
    case 'GET /-/log':
      return { status: 200, body: log.all() };
    case 'DELETE /-/log':
      log.clear();
      return { status: 200, body: [] };
    default:
      return { status: 404, body: { error: 'no such admin path' } };
  }
}

async function addFaults(message: IncomingMessage, faults: FaultPlan): Promise<AdminReply> {
  try {
    faults.add(...parseFaultRules(JSON.parse(await readText(message))));
    return { status: 200, body: faults.rules() };
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
