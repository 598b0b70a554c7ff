// One call on its way through the proxy: the request that came, the server it is for, and the reply that goes back.
//
// What is passed on is passed on as it came: method, path, headers in their order with Host, body byte for byte. So signatures hold,
// and the server cannot tell the proxy from the client.

import { once } from 'node:events';
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WholeReply } from './bodies.ts';
import { type Recognized, recognize } from './operations.ts';

/** Slices of a body whose pace is set: 20 a second. */
const PACE_MS = 50;

export interface Passing {
  /** Of the body, per second. */
  readonly bytesPerSecond?: number;
  /** Called once, when this share of the body was passed on; while it waits, nothing moves. */
  readonly at?: { readonly share: number; readonly act: () => Promise<void> };
}

/** The client has left, or was reset: there is nobody to answer. */
export class ClientGone extends Error {}

export class Exchange {
  readonly call: Recognized;
  readonly incoming: IncomingMessage;
  /** Fires when the client has left. */
  readonly gone: AbortSignal;
  readonly #response: ServerResponse;
  readonly #upstream: URL;

  constructor(incoming: IncomingMessage, response: ServerResponse, upstream: URL) {
    this.incoming = incoming;
    this.#response = response;
    this.#upstream = upstream;
    this.call = recognize(incoming);
    const left = new AbortController();
    response.once('close', () => left.abort());
    this.gone = left.signal;
  }

  get headerNames(): readonly string[] {
    return Object.keys(this.incoming.headers);
  }

  /** The server's reply, not read yet. @throws ClientGone, or what broke the connection to the server */
  async pass(how: Passing = {}): Promise<IncomingMessage> {
    return await this.#send(this.#paced(how), this.gone);
  }

  /** Takes the whole request; what it answers passes it on later, whether the client is still there or not. */
  async take(): Promise<() => Promise<WholeReply>> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.incoming) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    return async () => whole(await this.#send(pieces(body), null));
  }

  async passWhole(how: Passing = {}): Promise<WholeReply> {
    return await whole(await this.pass(how));
  }

  async #send(body: AsyncIterable<Buffer>, signal: AbortSignal | null): Promise<IncomingMessage> {
    const { method = '', url = '/', rawHeaders } = this.incoming;
    const headers = rawHeaders.slice();
    // The proxy has said "continue" already, or the body is there.
    const expect = headers.findIndex((name, at) => at % 2 === 0 && name.toLowerCase() === 'expect');
    if (expect >= 0) headers.splice(expect, 2);
    const { hostname, port } = this.#upstream;
    const outgoing = request({ hostname, port, method, path: url, headers, setHost: false, agent: false });
    const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
    answered.catch(() => {});
    signal?.addEventListener('abort', () => outgoing.destroy(), { once: true });
    try {
      for await (const chunk of body) {
        if (outgoing.destroyed) break;
        if (!outgoing.write(chunk)) await Promise.race([once(outgoing, 'drain'), answered]);
      }
      outgoing.end();
    } catch (error) {
      outgoing.destroy();
      throw this.gone.aborted ? new ClientGone() : error;
    }
    const [reply] = await answered;
    return reply;
  }

  async *#paced({ bytesPerSecond, at }: Passing): AsyncGenerator<Buffer> {
    const lengthBytes = Number(this.incoming.headers['content-length'] ?? 0);
    let passedBytes = 0;
    let isDone = false;
    const whenThere = async () => {
      if (!at || isDone || passedBytes < at.share * lengthBytes) return;
      isDone = true;
      await at.act();
    };
    await whenThere();
    for await (const chunk of this.incoming as AsyncIterable<Buffer>) {
      const slice = bytesPerSecond ? Math.max(1, Math.floor((bytesPerSecond * PACE_MS) / 1000)) : chunk.length;
      for (let from = 0; from < chunk.length; from += slice) {
        const piece = chunk.subarray(from, from + slice);
        passedBytes += piece.length;
        yield piece;
        await whenThere();
        if (bytesPerSecond) await this.wait(PACE_MS);
      }
    }
  }

  /** @param ms null: until the client leaves. @throws ClientGone */
  async wait(ms: number | null): Promise<void> {
    try {
      if (ms !== null) await sleep(ms, undefined, { signal: this.gone });
      else if (!this.gone.aborted) await once(this.gone, 'abort');
    } catch {
      // Only the signal ends the sleep early.
    }
    if (this.gone.aborted) throw new ClientGone();
  }

  /** The reply as it comes. `at`: once this share of its body was sent. */
  async reply(
    from: IncomingMessage,
    at?: { readonly share: number; readonly act: () => Promise<void> },
  ): Promise<void> {
    const lengthBytes = Number(from.headers['content-length'] ?? 0);
    this.#response.writeHead(from.statusCode ?? 502, from.rawHeaders);
    this.#response.flushHeaders();
    let sentBytes = 0;
    let isDone = false;
    const whenThere = async () => {
      if (!at || isDone || sentBytes < at.share * lengthBytes) return;
      isDone = true;
      await at.act();
    };
    await whenThere();
    for await (const chunk of from as AsyncIterable<Buffer>) {
      const room = at && !isDone ? Math.max(1, Math.ceil(at.share * lengthBytes) - sentBytes) : chunk.length;
      for (const piece of [chunk.subarray(0, room), chunk.subarray(room)]) {
        if (piece.length === 0) continue;
        sentBytes += piece.length;
        if (!this.#response.write(piece))
          await Promise.race([once(this.#response, 'drain'), once(this.#response, 'close')]);
        await whenThere();
      }
    }
    this.#response.end();
  }

  replyWhole({ status, rawHeaders, body }: WholeReply): void {
    this.#response.writeHead(status, [...rawHeaders]);
    this.#response.end(this.incoming.method === 'HEAD' ? undefined : body);
  }

  /** An answer of the proxy's own. */
  answer(status: number, body: string, headers: Readonly<Record<string, string>> = {}): void {
    const length = { 'content-length': String(Buffer.byteLength(body)) };
    const isBodiless = this.incoming.method === 'HEAD' || status === 204;
    this.#response.writeHead(status, { ...(isBodiless ? {} : length), ...headers });
    this.#response.end(isBodiless ? undefined : body);
    // What is left of the request is read away, so that the client gets to its reply.
    this.incoming.resume();
  }

  /** A 200 that has begun and says nothing yet. */
  begin(): void {
    this.#response.writeHead(200, { 'content-type': 'application/xml' });
    this.#response.flushHeaders();
  }

  blank(): void {
    this.#response.write(' ');
  }

  finish(body: Buffer): void {
    this.#response.end(body);
  }

  /** Ends the connection as a broken network would. */
  reset(): void {
    this.incoming.socket.resetAndDestroy();
  }
}

async function whole(reply: IncomingMessage): Promise<WholeReply> {
  const chunks: Buffer[] = [];
  for await (const chunk of reply) chunks.push(chunk);
  return { status: reply.statusCode ?? 502, rawHeaders: reply.rawHeaders, body: Buffer.concat(chunks) };
}

async function* pieces(body: Buffer): AsyncGenerator<Buffer> {
  if (body.length > 0) yield body;
}
