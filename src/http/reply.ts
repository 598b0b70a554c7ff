// Replies as data: status, kind and body. Every reply carries the same careful headers; nothing is cached, framed or sniffed, and
// no other origin may read it (no CORS headers, on purpose).

import type { ServerResponse } from 'node:http';

export interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
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

export function send(response: ServerResponse, reply: Reply, headOnly: boolean): void {
  const body = Buffer.from(reply.body);
  response.writeHead(reply.status, {
    ...SAFE_HEADERS,
    ...reply.headers,
    [PID_HEADER]: String(process.pid),
    'Content-Type': reply.contentType,
    'Content-Length': body.length,
  });
  response.end(headOnly ? undefined : body);
}
