// Networks that break at every moment of a request: it ends in time, it is told truthfully whether it may have been
// executed, and it is sent once.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { partNumber } from '../../../src/machines/ids.ts';
import type { PartBody } from '../../../src/ports/object-store.ts';
import { bytesOf, crc32Of, got } from '../../contracts/object-store-fixture.ts';
import { connectTo, startServer, type TestServer } from './fixture.ts';
import { type RawServer, startRawServer, xml } from './raw-server.ts';
import { SENDS, TARGET } from './requests.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function devServer(options: Parameters<typeof startServer>[0] = {}): Promise<TestServer> {
  const server = await startServer({ minPartBytes: 1, ...options });
  closers.push(server.close);
  return server;
}

async function rawServer(options: Parameters<typeof startRawServer>[0] = {}): Promise<RawServer> {
  const server = await startRawServer(options);
  closers.push(server.close);
  return server;
}

/** An open upload with one part, ready to be completed. */
async function uploadOn(server: TestServer, store = server.connect()) {
  const { uploadId } = got(await store.createUpload({ target: TARGET, metadata: {} }));
  const bytes = bytesOf(100_000, 1);
  const body = { kind: 'bytes', bytes } as const;
  const request = { target: TARGET, uploadId, partNumber: partNumber(1), body, crc32: crc32Of(bytes) };
  const send = () => store.uploadPart(request);
  const complete = (etag: string) => {
    const parts = [{ partNumber: partNumber(1), etag, crc32: request.crc32 }];
    const condition = { kind: 'absent' } as const;
    return store.completeUpload({ target: TARGET, uploadId, parts, sizeBytes: bytes.length, condition });
  };
  return { store, uploadId, bytes, send, complete };
}

const requestsOf = (server: TestServer, operation: string): number =>
  server.s3.requests.all().filter((entry) => entry.operation === operation).length;

describe('faults', () => {
  test('Complete whose reply is lost: doubtful, sent once, and the object is there', async () => {
    const server = await devServer();
    const { store, send, complete, bytes } = await uploadOn(server);
    const { etag } = got(await send());
    server.s3.faults.add({ operation: 'CompleteMultipartUpload', fault: 'dropReply' });
    expect(await complete(etag)).toMatchObject({ ok: false, failure: { code: 's3_unavailable', answered: false } });
    expect(requestsOf(server, 'CompleteMultipartUpload')).toBe(1);
    expect(got(await store.headObject(TARGET))?.sizeBytes).toBe(bytes.length);
  });

  test.each([
    ['reset before it', { fault: 'dropRequest' }],
    ['reset in the middle', { fault: 'resetMidBody' }],
    ['stalled in the middle', { fault: 'stall', afterBytes: 50_000 }],
    ['stalled from the start', { fault: 'stall' }],
  ] as const)('a part %s is doubtful, sent once, and not listed', async (_, fault) => {
    const server = await devServer();
    const store = server.connect({ timeouts: { socketIdleMs: 300 } });
    const { send, uploadId } = await uploadOn(server, store);
    server.s3.faults.add({ operation: 'UploadPart', ...fault });
    expect(await send()).toMatchObject({ ok: false, failure: { code: 's3_unavailable', answered: false } });
    // Logged when the server has noticed.
    await vi.waitFor(() => expect(requestsOf(server, 'UploadPart')).toBe(1));
    expect(got(await store.listParts({ target: TARGET, uploadId })).parts).toEqual([]);
  });

  test('a list whose answer is cut is no list', async () => {
    const server = await devServer();
    const { store, send, uploadId } = await uploadOn(server);
    got(await send());
    server.s3.faults.add({ operation: 'ListParts', fault: 'resetMidBody', times: 1 });
    const cut = await store.listParts({ target: TARGET, uploadId });
    expect(cut).toMatchObject({ ok: false, failure: { code: 's3_unavailable', answered: false } });
    expect(got(await store.listParts({ target: TARGET, uploadId })).parts).toHaveLength(1);
  });

  test('an object whose bytes stop coming ends in an error that carries the failure', async () => {
    const server = await rawServer();
    let cut = () => {};
    server.answer = () => (response) => {
      response.writeHead(200, { etag: '"e"', 'content-length': '100' }).write('half of it');
      cut = () => response.destroy();
    };
    const body = got(await server.store.getObject({ target: TARGET }));
    const read: Buffer[] = [];
    const reading = (async () => {
      for await (const chunk of body ?? emptiness()) {
        read.push(Buffer.from(chunk));
        cut();
      }
    })();
    await expect(reading).rejects.toMatchObject({ failure: { code: 's3_unavailable' } });
    expect(Buffer.concat(read).toString()).toBe('half of it');
  });

  test('an object is read no further when the signal fires', async () => {
    const server = await rawServer();
    server.answer = () => (response) => {
      response.writeHead(200, { etag: '"e"', 'content-length': '100' }).write('half of it');
    };
    const failure = { code: 's3_unavailable', detail: 'GetObject: given up by the caller' };
    for (const when of ['before', 'meanwhile'] as const) {
      const caller = new AbortController();
      const body = got(await server.store.getObject({ target: TARGET }, { signal: caller.signal }));
      if (when === 'before') caller.abort();
      const reading = (async () => {
        for await (const _ of body ?? emptiness()) caller.abort();
      })();
      await expect(reading).rejects.toMatchObject({ failure });
    }
  });

  test('F35 a server that never answers is left after the deadline', async () => {
    const server = await devServer();
    const store = server.connect({ timeouts: { requestMs: 300, completeMs: 400 } });
    const { send, complete } = await uploadOn(server, store);
    const { etag } = got(await send());
    server.s3.faults.add({ operation: '*', fault: 'stall' });
    const head = await store.headObject(TARGET);
    expect(head).toMatchObject({ ok: false, failure: { code: 's3_unavailable', answered: false } });
    expect(await complete(etag)).toMatchObject({
      ok: false,
      failure: { code: 's3_unavailable', detail: 'CompleteMultipartUpload: no answer within 400 ms', answered: false },
    });
  });

  test('an answer that trickles in for ever is left after the deadline', async () => {
    const server = await rawServer({ timeouts: { requestMs: 500, socketIdleMs: 10_000 } });
    server.answer = () => (response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write(' '), 20);
      response.once('close', () => clearInterval(timer));
    };
    const listed = await SENDS.listParts(server.store);
    expect(listed).toMatchObject({ ok: false, failure: { code: 's3_unavailable', answered: false } });
  });

  test('an answer that stops in its middle is left when the socket is idle', async () => {
    const server = await rawServer({ timeouts: { requestMs: 60_000, socketIdleMs: 300 } });
    server.answer = () => (response) => response.writeHead(200).write('<ListPartsResult>');
    const listed = await SENDS.listParts(server.store);
    expect(listed).toMatchObject({ ok: false, failure: { code: 's3_unavailable', answered: false } });
  });

  test('Complete may be silent for longer than other requests', async () => {
    const server = await devServer();
    const store = server.connect({ timeouts: { socketIdleMs: 300 } });
    const { send, complete } = await uploadOn(server, store);
    const { etag } = got(await send());
    server.s3.faults.add({ operation: '*', fault: 'slow', delayMs: 1_200 });
    expect((await complete(etag)).ok).toBe(true);
    expect(await store.headObject(TARGET)).toMatchObject({ ok: false, failure: { code: 's3_unavailable' } });
  });

  test('an answer that takes longer than a free connection is kept is waited for', async () => {
    const server = await devServer();
    const store = server.connect();
    server.s3.faults.add({ operation: 'HeadObject', fault: 'slow', delayMs: 4_500 });
    expect(got(await store.headObject(TARGET))).toBeNull();
  });

  test('F36 the deadline of a part grows with its size', async () => {
    const server = await rawServer({ timeouts: { requestMs: 100, slowestBytesPerSecond: 100_000 } });
    // 100 ms for the request and 500 ms for its 50,000 bytes: an answer after 350 ms is in time.
    server.answer = () => (response) => {
      setTimeout(() => response.writeHead(200, { etag: '"e"' }).end(), 350);
    };
    const bytes = bytesOf(50_000, 1);
    const body = { kind: 'bytes', bytes } as const;
    const part = { target: TARGET, partNumber: partNumber(1), crc32: crc32Of(bytes), body };
    const sent = await server.store.uploadPart({ ...part, uploadId: 'u' as never });
    expect(sent).toEqual({ ok: true, value: { etag: 'e' } });
    expect((await SENDS.uploadPart(server.store)).ok).toBe(false);
  });

  test('a request under way ends when the signal fires, and its connection with it', async () => {
    const server = await rawServer();
    const left = Promise.withResolvers<void>();
    const caller = new AbortController();
    server.answer = () => (response) => {
      response.once('close', () => left.resolve());
      caller.abort();
    };
    expect(await SENDS.completeUpload(server.store, { signal: caller.signal })).toMatchObject({
      ok: false,
      failure: { code: 's3_unavailable', detail: 'CompleteMultipartUpload: given up by the caller', answered: false },
    });
    await left.promise;
  });

  test('an answer that comes before the body was sent ends the sending', async () => {
    let ended = false;
    const refusing = createServer((message, response) => {
      message.socket.once('close', () => {
        ended = true;
      });
      message.pause();
      response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>');
    });
    await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve));
    closers.push(() => new Promise((resolve) => refusing.close(resolve)));
    const store = connectTo(`http://127.0.0.1:${(refusing.address() as AddressInfo).port}`);
    closers.push(async () => store.close());
    let closed = false;
    const chunk = Buffer.alloc(1_000_000);
    const open = async function* () {
      try {
        for (let i = 0; i < 64; i += 1) yield chunk;
      } finally {
        closed = true;
      }
    };
    const body: PartBody = { kind: 'stream', sizeBytes: 64_000_000, open };
    const part = { target: TARGET, partNumber: partNumber(1), crc32: '00000000', body };
    const sent = await store.uploadPart({ ...part, uploadId: 'u' as never });
    expect(sent).toMatchObject({ ok: false, failure: { code: 's3_access_denied' } });
    // At once, not when the server has had enough of a silent connection (6 s).
    await vi.waitFor(() => expect([ended, closed]).toEqual([true, true]), { timeout: 2_000 });
  });

  test('F38 a clock that is wrong fails once, and is corrected by what the server says', async () => {
    const server = await devServer({ now: () => Date.now() + 3_600_000 });
    const store = server.connect();
    const first = await SENDS.createUpload(store);
    expect(first).toMatchObject({ ok: false, failure: { code: 's3_clock_skew' } });
    expect((await SENDS.createUpload(store)).ok).toBe(true);
  });

  test('what the server calls its time is believed more than its Date header', async () => {
    const server = await rawServer();
    const serverTime = new Date(Date.now() - 7_200_000).toISOString();
    const skewed = `<Error><Code>RequestTimeTooSkewed</Code><ServerTime>${serverTime}</ServerTime></Error>`;
    server.answer = () => xml(skewed, 403);
    for (let i = 0; i < 2; i += 1) await SENDS.completeUpload(server.store);
    const signedAt = String(server.seen[1]?.headers['x-amz-date']).replace(
      /(....)(..)(.....)(..)(..)/,
      '$1-$2-$3:$4:$5',
    );
    expect(Math.abs(Date.parse(signedAt) - Date.parse(serverTime))).toBeLessThan(60_000);
  });
});

async function* emptiness(): AsyncGenerator<Uint8Array> {}
