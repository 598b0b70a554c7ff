// A signed request over plain node:http, with a signer of its own: what the SDK would repair, refuse or retry can be sent
// as it is. Every step of the signature can be spoiled.

import { createHash, createHmac } from 'node:crypto';
import http from 'node:http';
import { KEYS } from './fixture.ts';

export type RawRequest = {
  readonly method: string;
  /** As it goes onto the wire, query included; percent-encoded by the caller. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly contentSha256?: string;
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly region?: string;
  readonly atMs?: number;
  /** After the signature. */
  readonly unsigned?: Readonly<Record<string, string>>;
  readonly agent?: http.Agent;
};
export type RawReply = { readonly status: number; readonly headers: http.IncomingHttpHeaders; readonly body: Buffer };

export function sha256Hex(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export async function sendRaw(url: string, request: RawRequest): Promise<RawReply> {
  const message = openRaw(url, request);
  message.end(request.body);
  return replyTo(message);
}

export function replyTo(message: http.ClientRequest): Promise<RawReply> {
  return new Promise((resolve, reject) => {
    message.on('error', reject);
    message.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
  });
}

/** The body is still to be written. */
export function openRaw(url: string, request: RawRequest): http.ClientRequest {
  const { hostname, port, host } = new URL(url);
  const headers = { ...signedHeaders(host, request), ...request.unsigned };
  const { method, path, agent } = request;
  return http.request({ hostname, port, method, path, headers, ...(agent === undefined ? {} : { agent }) });
}

export function errorCode({ status, body }: RawReply): string {
  return `${status} ${/<Code>(.*?)<\/Code>/.exec(body.toString())?.[1] ?? ''}`;
}

function signedHeaders(host: string, request: RawRequest): Record<string, string> {
  const time = new Date(request.atMs ?? Date.now()).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const headers: Record<string, string> = {
    host,
    ...(request.body === undefined ? {} : { 'content-length': String(request.body.length) }),
    'x-amz-content-sha256': request.contentSha256 ?? sha256Hex(request.body ?? ''),
    'x-amz-date': time,
    ...request.headers,
  };
  const names = Object.keys(headers)
    .filter((name) => name !== 'expect')
    .sort();
  const [rawPath = '', rawQuery = ''] = request.path.split('?');
  const canonical = [
    request.method,
    strict(decodeURIComponent(rawPath)).replaceAll('%2F', '/'),
    rawQuery === '' ? '' : canonicalQuery(rawQuery),
    ...names.map((name) => `${name}:${headers[name]!.trim()}`),
    '',
    names.join(';'),
    headers['x-amz-content-sha256'],
  ].join('\n');
  const scope = `${time.slice(0, 8)}/${request.region ?? 'us-east-1'}/s3/aws4_request`;
  const toSign = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256Hex(canonical)}`;
  let key: Buffer = Buffer.from(`AWS4${request.secretAccessKey ?? KEYS.secretAccessKey}`);
  for (const step of [...scope.split('/'), toSign]) key = createHmac('sha256', key).update(step).digest();
  const credential = `${request.accessKeyId ?? KEYS.accessKeyId}/${scope}`;
  return {
    ...headers,
    authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names.join(';')}, Signature=${key.toString('hex')}`,
  };
}

function canonicalQuery(rawQuery: string): string {
  const pairs = rawQuery.split('&').map((pair) => {
    const [name = '', value = ''] = pair.split('=');
    return `${strict(decodeURIComponent(name))}=${strict(decodeURIComponent(value))}`;
  });
  return pairs.sort().join('&');
}

function strict(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`);
}
