// `tailrace run --inspect`: lets the Stately inspector look at the live actor system, through a listener of its own.
//
// V1. On loopback only, and only for our own page or a program: Host and Origin are checked, what a client sends is not read.
// V2. While nobody is attached, the actor system is not even observed: it costs nothing.
// V3. Never in the way: nothing here keeps the process alive, a client that reads too slowly is cut off, and each client has a
//     budget of messages (inspector-feed.ts).
//
// `createInspectorServer` of @statelyai/inspect listens on all interfaces and asks nobody who he is; this is its protocol without that.

import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import { type Inspectable, InspectorFeed } from './stately-inspector-feed.ts';
import { inspectorPage } from './stately-inspector-page.ts';

export interface StatelyInspector {
  /** `http://127.0.0.1:41234/` */
  readonly address: string;
  close(): Promise<void>;
}

const LOOPBACK = '127.0.0.1';
/** A person with two windows and a script. */
const MAX_CLIENTS = 4;
/** What a client may leave unread: some thousand messages. */
const MAX_BACKLOG_BYTES = 8 * 1024 * 1024;
/** Clients have nothing to tell us. */
const MAX_HEARD_BYTES = 1024;

/** Resolves once it listens, on a port that was free. */
export async function startStatelyInspector(system: Inspectable): Promise<StatelyInspector> {
  const feeds = new Set<InspectorFeed>();
  const attach = (write: (line: string) => void): InspectorFeed => {
    const feed = new InspectorFeed(system, write);
    feeds.add(feed);
    return feed;
  };
  const detach = (feed: InspectorFeed): void => {
    feed.end();
    feeds.delete(feed);
  };
  const hasRoom = () => feeds.size < MAX_CLIENTS;

  const server = createServer((request, response) => {
    const refused = refusal(request) ?? (request.method === 'GET' ? null : 405);
    if (refused !== null) return end(response, refused);
    if (request.url === '/') return sendPage(request, response);
    if (request.url !== '/events') return end(response, 404);
    return hasRoom() ? sendLines(response, attach, detach) : end(response, 503);
  });
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_HEARD_BYTES, perMessageDeflate: false });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head) => {
    if (refusal(request) !== null || request.url !== '/' || !hasRoom()) return socket.destroy();
    return sockets.handleUpgrade(request, socket, head, (client) => {
      const feed = attach((line) => {
        if (client.bufferedAmount > MAX_BACKLOG_BYTES) client.terminate();
        else client.send(line);
      });
      client.on('error', () => client.terminate());
      client.on('close', () => detach(feed));
    });
  });
  server.on('connection', (socket) => socket.unref());
  server.unref();
  await new Promise<void>((listening, failed) => {
    server.once('error', failed);
    server.listen(0, LOOPBACK, listening);
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://${LOOPBACK}:${port}/`,
    async close() {
      for (const feed of feeds) detach(feed);
      for (const client of sockets.clients) client.terminate();
      await new Promise<void>((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      });
    },
  };
}

/** V1. A page of another origin can reach loopback too, under a name that it controls: it is neither our host nor our origin. */
function refusal({ headers, socket }: IncomingMessage): number | null {
  const hosts = [LOOPBACK, 'localhost'].map((name) => `${name}:${socket.localPort}`);
  if (!hosts.includes(headers.host ?? '')) return 403;
  return headers.origin === undefined || headers.origin === `http://${headers.host}` ? null : 403;
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'Content-Type': 'text/plain' }).end();
}

function sendPage(request: IncomingMessage, response: ServerResponse): void {
  const nonce = randomBytes(16).toString('base64');
  const { html, policy } = inspectorPage(request.headers.host ?? '', nonce);
  response.writeHead(200, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': policy,
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
  });
  response.end(html);
}

/** The same messages for people without the page: one JSON object in a line, for as long as the connection lasts. */
function sendLines(
  response: ServerResponse,
  attach: (write: (line: string) => void) => InspectorFeed,
  detach: (feed: InspectorFeed) => void,
): void {
  response.writeHead(200, { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store' });
  response.flushHeaders();
  const feed = attach((line) => {
    if (response.writableLength > MAX_BACKLOG_BYTES) response.destroy();
    else response.write(`${line}\n`);
  });
  response.on('error', () => response.destroy());
  response.on('close', () => detach(feed));
}
