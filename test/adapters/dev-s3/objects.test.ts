import { Agent } from 'node:http';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandInput,
  HeadObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  BUCKET,
  blobsIn,
  bytesOf,
  complete,
  createUpload,
  type Fixture,
  readObject,
  refusalOf,
  sendPart,
  startFixture,
} from './fixture.ts';
import { errorCode, openRaw, replyTo, sendRaw } from './raw-request.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.end());

const put = (key: string, body: string | Buffer, input: Partial<PutObjectCommandInput> = {}) =>
  fixture.client.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: body, ...input }));
const get = (key: string, input: Partial<GetObjectCommandInput> = {}) =>
  fixture.client.send(new GetObjectCommand({ Bucket: BUCKET, Key: key, ...input }));

describe('an object', () => {
  test('comes back with its bytes, its ETag, its type and its metadata', async () => {
    const { ETag } = await put('a', 'hello', {
      ContentType: 'text/plain',
      CacheControl: 'no-store',
      Metadata: { one: '1', two: 'zwei' },
    });
    expect(ETag).toBe('"5d41402abc4b2a76b9719d911017c592"');
    const found = await get('a');
    expect(await found.Body!.transformToString()).toBe('hello');
    const described = { ETag, ContentType: 'text/plain', CacheControl: 'no-store', ContentLength: 5 };
    expect(found).toMatchObject({ ...described, Metadata: { one: '1', two: 'zwei' } });
    const head = await fixture.client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'a' }));
    expect(head).toMatchObject({ ...described, Metadata: { one: '1', two: 'zwei' } });
    expect(Math.abs(head.LastModified!.getTime() - Date.now())).toBeLessThan(60_000);
  });

  test('may be empty', async () => {
    await put('empty', '');
    expect(await readObject(fixture.client, 'empty')).toEqual(Buffer.alloc(0));
  });

  test('is replaced as a whole, and the former bytes are not kept', async () => {
    const own = await startFixture();
    const put = (body: string) => own.client.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'k', Body: body }));
    await put('former, and longer');
    await put('new');
    expect((await readObject(own.client, 'k')).toString()).toBe('new');
    expect(await blobsIn(own.folder)).toHaveLength(1);
    await own.end();
  });

  test('is gone when it was deleted; deleting it again is no error', async () => {
    await put('b', 'x');
    await fixture.client.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: 'b' }));
    expect(await refusalOf(get('b'))).toBe('404 NoSuchKey');
    const looking = fixture.client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'b' }));
    expect(await refusalOf(looking)).toBe('404 NotFound');
    await fixture.client.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: 'b' }));
  });

  test('can be read to its end while it is replaced and deleted, also where it is not open yet', async () => {
    const own = await startFixture();
    const bodies = [1, 2, 3, 4].map((seed) => bytesOf(4 * 1024 * 1024, seed));
    const uploadId = await createUpload(own.client, 'k');
    const parts = [];
    for (const [index, body] of bodies.entries()) {
      parts.push(await sendPart(own.client, 'k', uploadId, index + 1, body));
    }
    await complete(own.client, 'k', uploadId, parts);
    const { Body } = await own.client.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'k' }));
    await own.client.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'k', Body: 'other' }));
    await own.client.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: 'k' }));
    expect(Buffer.from(await Body!.transformToByteArray()).equals(Buffer.concat(bodies))).toBe(true);
    await expect.poll(() => blobsIn(own.folder)).toEqual([]);
    await own.end();
  });
});

describe('a range', () => {
  test.each([
    ['bytes=0-3', '0123', 'bytes 0-3/10'],
    ['bytes=7-', '789', 'bytes 7-9/10'],
    ['bytes=-2', '89', 'bytes 8-9/10'],
    ['bytes=5-100', '56789', 'bytes 5-9/10'],
    ['bytes=-100', '0123456789', 'bytes 0-9/10'],
  ])('%s is %s', async (range, text, contentRange) => {
    await put('range', '0123456789');
    const found = await get('range', { Range: range });
    expect(await found.Body!.transformToString()).toBe(text);
    expect(found.ContentRange).toBe(contentRange);
    expect(found.$metadata.httpStatusCode).toBe(206);
  });

  test.each(['bytes=3-1', 'bytes=0-1,3-4', 'lines=0-3', 'bytes=-'])('%s means the whole object', async (range) => {
    await put('range', '0123456789');
    const found = await get('range', { Range: range });
    expect(await found.Body!.transformToString()).toBe('0123456789');
    expect(found.$metadata.httpStatusCode).toBe(200);
  });

  test.each(['bytes=10-', 'bytes=10-12', 'bytes=-0'])('%s of ten bytes is refused', async (range) => {
    await put('range', '0123456789');
    expect(await refusalOf(get('range', { Range: range }))).toBe('416 InvalidRange');
  });
});

describe('a condition', () => {
  test('If-None-Match: * lets exactly one of many writers win', async () => {
    const writers = Array.from({ length: 8 }, (_, index) => put('once', `writer ${index}`, { IfNoneMatch: '*' }));
    const outcomes = await Promise.allSettled(writers);
    const winners = outcomes.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []));
    expect(winners).toHaveLength(1);
    expect((await readObject(fixture.client, 'once')).toString()).toBe(`writer ${winners[0]}`);
    expect(await refusalOf(put('once', 'late', { IfNoneMatch: '*' }))).toBe('412 PreconditionFailed');
  });

  test('If-Match replaces only what it names', async () => {
    const { ETag } = await put('match', 'one');
    expect(await refusalOf(put('match', 'two', { IfMatch: '"00"' }))).toBe('412 PreconditionFailed');
    expect(await refusalOf(put('match-absent', 'two', { IfMatch: ETag }))).toBe('404 NoSuchKey');
    await put('match', 'two', { IfMatch: ETag });
    expect((await readObject(fixture.client, 'match')).toString()).toBe('two');
  });

  test('If-Match deletes only what it names', async () => {
    const { ETag } = await put('delete', 'one');
    const deleting = (IfMatch: string) =>
      fixture.client.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: 'delete', IfMatch }));
    expect(await refusalOf(deleting('"00"'))).toBe('412 PreconditionFailed');
    await deleting(ETag!);
    await deleting(ETag!);
    expect(await refusalOf(get('delete'))).toBe('404 NoSuchKey');
  });

  test('of a reader is kept', async () => {
    const { ETag } = await put('read', 'one');
    expect(await refusalOf(get('read', { IfMatch: '"00"' }))).toBe('412 PreconditionFailed');
    expect(await refusalOf(get('read', { IfNoneMatch: ETag }))).toMatch(/^304 /);
    expect(await (await get('read', { IfMatch: ETag })).Body!.transformToString()).toBe('one');
  });
});

describe('a body', () => {
  test('without a length is refused', async () => {
    const request = openRaw(fixture.server.url, {
      method: 'PUT',
      path: `/${BUCKET}/k`,
      contentSha256: 'UNSIGNED-PAYLOAD',
      unsigned: { 'transfer-encoding': 'chunked' },
    });
    request.end('x');
    expect(errorCode(await replyTo(request))).toBe('411 MissingContentLength');
  });

  test('of more than 5 GiB is refused before it is sent', async () => {
    const agent = new Agent({ keepAlive: true });
    const request = openRaw(fixture.server.url, {
      method: 'PUT',
      path: `/${BUCKET}/k`,
      contentSha256: 'UNSIGNED-PAYLOAD',
      headers: { 'content-length': String(5 * 2 ** 30 + 1), expect: '100-continue', connection: 'keep-alive' },
      agent,
    });
    let wasAsked = false;
    request.on('continue', () => {
      wasAsked = true;
    });
    request.flushHeaders();
    const reply = await replyTo(request);
    request.destroy();
    agent.destroy();
    expect(errorCode(reply)).toBe('400 EntityTooLarge');
    expect(reply.headers.connection).toBe('close');
    expect(wasAsked).toBe(false);
  });

  test('waits for 100-continue when the client does', async () => {
    const body = bytesOf(1000);
    const request = openRaw(fixture.server.url, {
      method: 'PUT',
      path: `/${BUCKET}/continued`,
      body,
      headers: { expect: '100-continue' },
    });
    request.on('continue', () => request.end(body));
    request.flushHeaders();
    expect((await replyTo(request)).status).toBe(200);
    expect(await readObject(fixture.client, 'continued')).toEqual(body);
  });

  test('that ends early leaves neither an object nor bytes', async () => {
    const own = await startFixture();
    const request = openRaw(own.server.url, {
      method: 'PUT',
      path: `/${BUCKET}/half`,
      contentSha256: 'UNSIGNED-PAYLOAD',
      headers: { 'content-length': '1000000' },
    });
    request.on('error', () => undefined);
    request.write(bytesOf(1000));
    await expect.poll(() => blobsIn(own.folder)).toHaveLength(1);
    request.destroy();
    await expect.poll(() => own.server.requests.all()).toHaveLength(1);
    expect(own.server.requests.all()[0]).toMatchObject({ status: null, receivedBytes: 1000, defect: null });
    expect(await blobsIn(own.folder)).toEqual([]);
    await own.end();
  });
});

test('more user metadata than AWS takes is refused', async () => {
  const Metadata = { a: 'x'.repeat(2048) };
  expect(await refusalOf(put('meta', 'x', { Metadata }))).toBe('400 MetadataTooLarge');
  await put('meta', 'x', { Metadata: { a: 'x'.repeat(2047) } });
});

test('one connection serves many requests, refused ones with bodies among them', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let index = 0; index < 5; index += 1) {
    const request = { method: 'PUT', path: `/${BUCKET}/kept`, body: bytesOf(200_000), agent };
    expect((await sendRaw(fixture.server.url, request)).status).toBe(200);
    expect((await sendRaw(fixture.server.url, { ...request, path: '/no-such-bucket/kept' })).status).toBe(404);
  }
  const sockets = Object.values(agent.freeSockets).flat();
  expect(sockets).toHaveLength(1);
  agent.destroy();
});
