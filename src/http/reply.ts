// Replies as data: status, kind and body; or, for what goes on and on, who takes the connection over. Every reply carries the same careful headers; nothing is cached, framed or sniffed, and
// no other origin may read it (no CORS headers, on purpose).

import type { ServerResponse } from 'node:http';

export interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The headers are sent, and `begin` has the connection until it ends it. */
export interface LiveReply {
  readonly status: 200;
  readonly contentType: string;
  readonly begin: (response: ServerResponse) => void;
}

const SAFE_HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
} as const;

/** The process that answers: whoever found the address in a stale file can tell that another one took the port. */
export const PID_HEADER = 'Tailrace-Pid';

export const json = (status: number, value: unknown): Reply => ({
  status,
  contentType: 'application/json; charset=utf-8',
  body: `${JSON.stringify(value)}\n`,
});

/** `code` is for programs, `message` for people. */
export const errorReply = (status: number, code: string, message: string): Reply =>
  json(status, { error: { code, message } });

export const text = (body: string, contentType = 'text/plain; charset=utf-8'): Reply => ({
  status: 200,
  contentType,
  body,
});

export function send(response: ServerResponse, reply: Reply | LiveReply, headOnly: boolean): void {
  if ('begin' in reply) {
    response.writeHead(reply.status, headersOf(reply));
    if (headOnly) response.end();
    else reply.begin(response);
    return;
  }
  const body = typeof reply.body === 'string' ? Buffer.from(reply.body) : reply.body;
  response.writeHead(reply.status, { ...headersOf(reply), ...reply.headers, 'Content-Length': body.length });
  response.end(headOnly ? undefined : body);
}

const headersOf = ({ contentType }: Reply | LiveReply) => ({
  ...SAFE_HEADERS,
  [PID_HEADER]: String(process.pid),
  'Content-Type': contentType,
});
