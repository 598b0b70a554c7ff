// The listener: one set of paths over TCP and over a unix socket in STATE_DIR.
//
// H1. Over TCP access.ts decides who may ask what, before anything else; the socket's file is for its owner alone.
// H2. Bounded: connections, header, URL, time; bodies are not read at all.
// H3. A throwing route is a 500 to its client and one report; it ends nothing.

import { chmod, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ReadModel } from '../read-model/read-model.ts';
import { accessRefusal, type Caller, type Door } from './access.ts';
import { EventFeed } from './event-feed.ts';
import {
  KEEP_ALIVE_TIMEOUT_MS,
  MAX_CONNECTIONS,
  MAX_HEADER_BYTES,
  MAX_REQUESTS_PER_SOCKET,
  MAX_SOCKET_PATH_BYTES,
  MAX_URL_CHARS,
  REQUEST_TIMEOUT_MS,
  SOCKET_IDLE_TIMEOUT_MS,
} from './http-limits.ts';
import type { PageFiles } from './page-files.ts';
import { errorReply, type Reply, send } from './reply.ts';
import { type RouteSources, route } from './routes.ts';

export interface HttpOptions {
  readonly readModel: ReadModel;
  readonly metricsText: RouteSources['metricsText'];
  readonly operator: RouteSources['operator'];
  readonly page: RouteSources['page'];
  /** Of the program. */
  readonly version: string;
  /** Who may come in over TCP. */
  readonly door: Door;
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  /** A file of a former process is replaced: the caller holds the lock of STATE_DIR. */
  readonly socketPath?: string;
  /** A route threw: a bug, told by the caller. */
  readonly onBug?: ((detail: string) => void) | undefined;
}

export interface HttpListener {
  /** `http://127.0.0.1:8000` */
  readonly address: string;
  readonly port: number;
  /** null: none was asked for, or its path is too long for the kernel. */
  readonly socketPath: string | null;
  close(): Promise<void>;
}

export type HttpStarted =
  | { readonly ok: true; readonly listener: HttpListener }
  | { readonly ok: false; readonly code: string; readonly detail: string };

export async function startHttp(options: HttpOptions): Promise<HttpStarted> {
  const { readModel, metricsText, operator, page, version, onBug, door } = options;
  const events = new EventFeed({ readModel, version });
  const sources = { readModel, metricsText, operator, page, events, onBug };
  const overTcp = limited((request, response) =>
    answer(request, response, sources, accessRefusal(door, callerOf(request, page))),
  );
  const failed = await listening(overTcp, { host: options.address, port: options.port });
  if (failed) return failed;
  const { port } = overTcp.address() as AddressInfo;
  const servers = [overTcp];
  let socketPath: string | null = null;
  if (options.socketPath !== undefined && Buffer.byteLength(options.socketPath) <= MAX_SOCKET_PATH_BYTES) {
    const overSocket = limited((request, response) => answer(request, response, sources, null));
    await rm(options.socketPath, { force: true });
    const socketFailed = await listening(overSocket, { path: options.socketPath });
    if (socketFailed) {
      await closeAll(servers);
      return socketFailed;
    }
    await chmod(options.socketPath, 0o600);
    socketPath = options.socketPath;
    servers.push(overSocket);
  }
  const host = options.address.includes(':') ? `[${options.address}]` : options.address;
  const address = `http://${host}:${port}`;
  const close = async () => {
    events.close();
    await closeAll(servers);
  };
  return { ok: true, listener: { address, port, socketPath, close } };
}

function limited(listener: RequestListener): Server {
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    },
    listener,
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.maxRequestsPerSocket = MAX_REQUESTS_PER_SOCKET;
  server.setTimeout(SOCKET_IDLE_TIMEOUT_MS);
  return server;
}

function listening(
  server: Server,
  where: { readonly host: string; readonly port: number } | { readonly path: string },
): Promise<Extract<HttpStarted, { ok: false }> | null> {
  return new Promise((done) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      done({ ok: false, code: error.code ?? 'unknown', detail: error.message }),
    );
    server.listen(where, () => {
      server.removeAllListeners('error');
      // A later error of the listening socket (out of descriptors) costs that connection only.
      server.on('error', () => {});
      done(null);
    });
  });
}

interface Sources extends RouteSources {
  readonly onBug: HttpOptions['onBug'];
}

function callerOf({ method = '', url = '', headers, socket }: IncomingMessage, page: PageFiles): Caller {
  const path = url.split('?', 1)[0] ?? '';
  return { method, path, headers, port: socket.localPort ?? -1, wantsPage: page.has(path) };
}

/** `refused`: by access.ts. */
function answer(request: IncomingMessage, response: ServerResponse, sources: Sources, refused: Reply | null): void {
  const headOnly = request.method === 'HEAD';
  const refusal = refused ?? tooMuch(request);
  if (refusal) {
    response.shouldKeepAlive = false;
    send(response, refusal, headOnly);
    return;
  }
  const { method = '', url: target = '' } = request;
  route({ method, target, ifNoneMatch: request.headers['if-none-match'] }, sources).then(
    (reply) => send(response, reply, headOnly),
    (error: unknown) => {
      sources.onBug?.(error instanceof Error ? (error.stack ?? error.message) : String(error));
      send(response, errorReply(500, 'bug', 'This is a bug in tailrace; its log says more.'), headOnly);
    },
  );
}

function tooMuch(request: IncomingMessage): Reply | null {
  if ((request.url ?? '').length > MAX_URL_CHARS) return errorReply(414, 'url_too_long', 'The URL is too long.');
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
  return hasBody ? errorReply(413, 'body_not_taken', 'No path here takes a body.') : null;
}

async function closeAll(servers: readonly Server[]): Promise<void> {
  await Promise.all(
    servers.map(
      (server) =>
        new Promise<void>((done) => {
          server.close(() => done());
          server.closeAllConnections();
        }),
    ),
  );
}
