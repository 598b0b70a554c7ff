// A request as S3 reads it: bucket, key, query, headers, and a body that is pulled once, chunk by chunk.
//
// The path is taken as it was sent. It is never normalised: `..`, `//` and `%2e` are characters of a key, as at AWS; a URL
// parser would resolve them. What is not valid percent-encoded UTF-8 is InvalidURI.

import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { ConnectionGone, S3Error } from './errors.ts';
import { MAX_KEY_BYTES } from './limits.ts';

export type S3Request = {
  readonly method: string;
  /** Decoded, with its leading slash. */
  readonly path: string;
  /** '' when the request names none. */
  readonly bucket: string;
  /** '' when the request names none. */
  readonly key: string;
  /** Decoded, in the order in which they came. */
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly headers: IncomingHttpHeaders;
  readonly body: RequestBody;
};

/** @throws S3Error InvalidURI, KeyTooLongError */
export function readRequest(message: IncomingMessage, body: RequestBody): S3Request {
  const url = message.url ?? '/';
  const mark = url.indexOf('?');
  const path = decode(mark < 0 ? url : url.slice(0, mark));
  if (!path.startsWith('/')) throw new S3Error('InvalidURI');
  const slash = path.indexOf('/', 1);
  const bucket = slash < 0 ? path.slice(1) : path.slice(1, slash);
  const key = slash < 0 ? '' : path.slice(slash + 1);
  if (bucket === '' && path !== '/') throw new S3Error('InvalidURI');
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) {
    throw new S3Error('KeyTooLongError', undefined, { Size: Buffer.byteLength(key), MaxSizeAllowed: MAX_KEY_BYTES });
  }
  const query = mark < 0 ? [] : readQuery(url.slice(mark + 1));
  return { method: message.method ?? '', path, bucket, key, query, headers: message.headers, body };
}

function readQuery(text: string): [string, string][] {
  return text
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=');
      const [name, value] = equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
      return [decode(name.replaceAll('+', ' ')), decode(value.replaceAll('+', ' '))];
    });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new S3Error('InvalidURI');
  }
}

/** The value of a query parameter, the first if there are several. */
export function queryValue(request: S3Request, name: string): string | undefined {
  return request.query.find(([one]) => one === name)?.[1];
}

/** A whole number from the query. @throws S3Error InvalidArgument if it is none, or out of bounds */
export function queryNumber(request: S3Request, name: string, min: number, max: number): number | undefined {
  const text = queryValue(request, name);
  if (text === undefined) return undefined;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new S3Error('InvalidArgument', `${name} must be an integer between ${min} and ${max}`, {
    ArgumentName: name,
    ArgumentValue: text,
  });
}

/** One header; of a repeated one, all values with commas. */
export function headerValue(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}

/**
 * The body of a request. A client that asks (Expect: 100-continue) is told to send only when somebody pulls; if nobody
 * does, node:http closes the connection behind the reply.
 */
export class RequestBody {
  /** What Content-Length says; null without it. */
  readonly lengthBytes: number | null;
  receivedBytes = 0;
  readonly #awaitsContinue: boolean;
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  #interruption: { readonly atBytes: number; readonly act: () => Promise<void> } | null = null;

  constructor(message: IncomingMessage, response: ServerResponse, awaitsContinue: boolean) {
    this.#message = message;
    this.#response = response;
    this.#awaitsContinue = awaitsContinue;
    const length = message.headers['content-length'];
    this.lengthBytes = length === undefined ? null : Number(length);
  }

  /** Faults: once so many bytes have come, or the body ends before, `act` decides whether it goes on. */
  interrupt(atBytes: number, act: () => Promise<void>): void {
    this.#interruption = { atBytes, act };
  }

  /** Chunks as they arrive. @throws ConnectionGone if the client leaves before the end */
  async *chunks(): AsyncGenerator<Buffer> {
    if (this.#awaitsContinue) this.#response.writeContinue();
    try {
      // Not destroyed when the consumer stops early: the connection carries the reply, and further requests.
      for await (const chunk of this.#message.iterator({ destroyOnReturn: false })) {
        this.receivedBytes += chunk.length;
        await this.#interruptFrom(this.receivedBytes);
        yield chunk;
      }
    } catch (error) {
      throw this.#message.destroyed && !this.#message.complete ? new ConnectionGone() : error;
    }
    await this.#interruptFrom(Number.POSITIVE_INFINITY);
  }

  /** What nobody pulls any more is read away: the client gets to reading its reply, and the connection to what follows. */
  discardRest(): void {
    this.#message.resume();
  }

  async #interruptFrom(receivedBytes: number): Promise<void> {
    if (this.#interruption === null || receivedBytes < this.#interruption.atBytes) return;
    const { act } = this.#interruption;
    this.#interruption = null;
    await act();
  }
}
