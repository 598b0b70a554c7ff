// What goes over the wire for a part: its bytes as they are, no second hash, no chunk framing, no new connection.

import { createHash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { partNumber, uploadId } from '../../../src/machines/ids.ts';
import type { PartBody } from '../../../src/ports/object-store.ts';
import { bytesOf, crc32Of, md5Of } from '../../contracts/object-store-fixture.ts';
import { connectTo } from './fixture.ts';
import { type RawServer, startRawServer } from './raw-server.ts';
import { TARGET } from './requests.ts';

const MIB = 1024 * 1024;
const BYTES = bytesOf(3 * MIB, 1);

async function* inPieces(): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < BYTES.length; at += 100_000) yield BYTES.subarray(at, at + 100_000);
}

const BODIES: readonly (readonly [string, PartBody])[] = [
  ['in memory', { kind: 'bytes', bytes: BYTES }],
  ['a view into a larger buffer', { kind: 'bytes', bytes: new Uint8Array(framed().buffer, 17, BYTES.length) }],
  ['streamed', { kind: 'stream', sizeBytes: BYTES.length, open: inPieces }],
];

function framed(): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(BYTES.length + 100);
  larger.set(BYTES, 17);
  return larger;
}

describe('parts on the wire', () => {
  let server: RawServer | undefined;
  afterEach(() => server?.close());

  async function send(body: PartBody, store = server?.store, md5?: string) {
    const part = { target: TARGET, uploadId: uploadId('u'), partNumber: partNumber(3), body, crc32: crc32Of(BYTES) };
    const sent = await store?.uploadPart({ ...part, ...(md5 && { md5 }) });
    expect(sent).toEqual({ ok: true, value: { etag: 'e' } });
    const request = server?.seen.at(-1);
    if (!request) throw new Error('nothing arrived');
    return request;
  }

  async function listen(options: Parameters<typeof startRawServer>[0] = {}) {
    server = await startRawServer(options);
    server.answer = () => ({ status: 200, headers: { etag: '"e"' } });
    return server;
  }

  test.each(BODIES)('%s: of known length, with its CRC32, unsigned, and nothing else', async (_, body) => {
    await listen();
    const { headers, body: arrived, url } = await send(body);
    expect(arrived.equals(BYTES)).toBe(true);
    expect(headers['content-length']).toBe(String(BYTES.length));
    expect(headers['x-amz-checksum-crc32']).toBe(Buffer.from(crc32Of(BYTES), 'hex').toString('base64'));
    // The SDK hashes no body whose hash it is given.
    expect(headers['x-amz-content-sha256']).toBe('UNSIGNED-PAYLOAD');
    for (const name of ['expect', 'transfer-encoding', 'content-encoding', 'x-amz-trailer', 'content-md5']) {
      expect(headers[name]).toBeUndefined();
    }
    expect(url.searchParams.get('partNumber')).toBe('3');
  });

  test.each(BODIES)('%s: one connection carries all parts', async (_, body) => {
    const { connections } = await listen();
    for (let i = 0; i < 5; i += 1) await send(body);
    expect(connections()).toBe(1);
  });

  test('where the server knows only MD5, that is what proves the part', async () => {
    await listen({ capabilities: { checksum: 'md5' } });
    const { headers } = await send({ kind: 'bytes', bytes: BYTES }, server?.store, md5Of(BYTES));
    expect(headers['content-md5']).toBe(createHash('md5').update(BYTES).digest('base64'));
    expect(Object.keys(headers).filter((name) => name.startsWith('x-amz-checksum'))).toEqual([]);
  });

  test('over plain HTTP to another machine, the body is signed', async () => {
    const { url } = await listen();
    // Linux connects 0.0.0.0 to itself; to us it is a host like any other.
    const store = connectTo(url.replace('127.0.0.1', '0.0.0.0'));
    const { headers } = await send({ kind: 'bytes', bytes: BYTES }, store);
    store.close();
    expect(headers['x-amz-content-sha256']).toBe(createHash('sha256').update(BYTES).digest('hex'));
  });
});
