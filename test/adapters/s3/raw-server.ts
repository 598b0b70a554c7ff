// A server that answers whatever a test tells it to: what proxies, captive portals and broken S3 servers do.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { ObjectStore } from '../../../src/ports/object-store.ts';
import { connectTo } from './fixture.ts';

export interface SeenRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** Status, body, headers; or a function that does with the response whatever it likes. */
export type RawAnswer =
  | { readonly status: number; readonly body?: string | Buffer; readonly headers?: Readonly<Record<string, string>> }
  | ((response: ServerResponse, request: SeenRequest) => void);

export interface RawServer {
  readonly url: string;
  readonly store: ObjectStore;
  readonly seen: SeenRequest[];
  /** Connections that were ever opened. */
  readonly connections: () => number;
  answer: (request: SeenRequest) => RawAnswer;
  close(): Promise<void>;
}

export async function startRawServer(options: Parameters<typeof connectTo>[1] = {}): Promise<RawServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const seen: SeenRequest[] = [];
  const server = createServer(async (message, response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of message) chunks.push(chunk);
    } catch {
      return; // The client left in the middle of its body.
    }
    const url = new URL(message.url ?? '/', 'http://raw');
    const request = { method: message.method ?? '', url, headers: message.headers, body: Buffer.concat(chunks) };
    seen.push(request);
    const answer = raw.answer(request);
    if (typeof answer === 'function') answer(response, request);
    else response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  server.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const store = connectTo(url, options);
  const raw: RawServer = {
    url,
    store,
    seen,
    connections: () => connections,
    answer: () => ({ status: 500 }),
    close: async () => {
      store.close();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return raw;
}

export const xml = (text: string, status = 200, headers: Readonly<Record<string, string>> = {}): RawAnswer => ({
  status,
  body: `<?xml version="1.0" encoding="UTF-8"?>\n${text}`,
  headers: { 'content-type': 'application/xml', ...headers },
});

export const s3Error = (
  name: string,
  status: number,
  message = 'The server says why.',
  headers: Readonly<Record<string, string>> = {},
): RawAnswer => xml(`<Error><Code>${name}</Code><Message>${message}</Message></Error>`, status, headers);

export const HTML_PAGE: RawAnswer = {
  status: 200,
  body: '<!DOCTYPE html><html><head><title>Welcome</title></head><body><p>Please log in.</p></body></html>',
  headers: { 'content-type': 'text/html', etag: '"page"', 'last-modified': 'Tue, 10 Nov 2026 10:00:00 GMT' },
};
