// A reply as data, and the one place that writes it to a socket.
//
// Operations return replies and never touch the response; so a fault (or a later quirk of a provider, or a rewriter of
// bodies) can look at a reply, replace it, or cut it. Streams are written with back-pressure and released in any case.

import { once } from 'node:events';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { BlobReading } from './blob-store.ts';
import { ConnectionGone, type S3Error } from './errors.ts';
import { type Xml, xmlDocument } from './xml.ts';

export type Reply = {
  readonly status: number;
  readonly headers: Readonly<OutgoingHttpHeaders>;
  readonly body: string | BlobReading | null;
  /** The S3 error that this reply tells of. */
  readonly code?: string;
};

export function emptyReply(status: number, headers: OutgoingHttpHeaders = {}): Reply {
  return { status, headers, body: null };
}

export function xmlReply(root: Xml, headers: OutgoingHttpHeaders = {}): Reply {
  return { status: 200, headers: { 'content-type': 'application/xml', ...headers }, body: xmlDocument(root) };
}

/** @param resource the path that was asked for */
export function errorReply(error: S3Error, resource: string, requestId: string): Reply {
  const root: Xml = [
    'Error',
    [
      ['Code', error.code],
      ['Message', error.message],
      ...Object.entries(error.details),
      ['Resource', resource],
      ['RequestId', requestId],
    ],
  ];
  return {
    status: error.status,
    headers: { 'content-type': 'application/xml' },
    body: xmlDocument(root, false),
    code: error.code,
  };
}

export function bodyBytes({ body }: Reply): number {
  if (body === null) return 0;
  return typeof body === 'string' ? Buffer.byteLength(body) : body.sizeBytes;
}

/**
 * Writes it all, or the first `cutAtBytes` of the body and then resets the connection.
 * @param beforeBytes told of bytes of the body before they are written @throws ConnectionGone
 */
export async function sendReply(
  response: ServerResponse,
  reply: Reply,
  cutAtBytes: number | null,
  beforeBytes: (count: number) => void,
): Promise<void> {
  const isBodyless = response.req.method === 'HEAD' || reply.status === 204 || reply.status === 304;
  // A body of another length than announced would be read as part of the next reply: a defect, never sent.
  response.strictContentLength = !isBodyless;
  const length = reply.status === 204 ? {} : { 'content-length': bodyBytes(reply) };
  response.writeHead(reply.status, { ...length, ...reply.headers });
  let sentBytes = 0;
  if (!isBodyless || cutAtBytes !== null) {
    for await (const chunk of chunksOf(reply)) {
      const room = cutAtBytes === null ? chunk.length : Math.min(chunk.length, cutAtBytes - sentBytes);
      sentBytes += room;
      beforeBytes(room);
      await write(response, chunk.subarray(0, room));
      if (sentBytes === cutAtBytes) break;
    }
  }
  if (cutAtBytes !== null) {
    response.req.socket.resetAndDestroy();
    throw new ConnectionGone();
  }
  response.end();
}

async function* chunksOf({ body }: Reply): AsyncGenerator<Buffer> {
  if (typeof body === 'string') yield Buffer.from(body);
  else if (body !== null) yield* body.chunks();
}

async function write(response: ServerResponse, chunk: Buffer): Promise<void> {
  if (response.destroyed) throw new ConnectionGone();
  if (response.write(chunk)) return;
  const gone = new AbortController();
  const onClose = () => gone.abort();
  response.once('close', onClose);
  try {
    await once(response, 'drain', { signal: gone.signal });
  } catch {
    throw new ConnectionGone();
  } finally {
    response.off('close', onClose);
  }
}

/** Whether or not it was sent. */
export function releaseReply({ body }: Reply): void {
  if (body !== null && typeof body === 'object') body.release();
}
