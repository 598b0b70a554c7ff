import {
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FaultPlan, type FaultRule, parseFaultRules } from '../../../src/dev-s3/faults.ts';
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
import { openRaw, sendRaw } from './raw-request.ts';

let fixture: Fixture;
beforeEach(async () => {
  fixture = await startFixture();
});
afterEach(() => fixture.end());

const put = (key: string, body: Buffer | string = 'x') =>
  fixture.client.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: body }));
const lastLogged = () => fixture.server.requests.all().at(-1);

describe('which calls are hit', () => {
  test('is said by operation, key and part number', async () => {
    const { client, server } = fixture;
    server.faults.add({ operation: 'UploadPart', key: 'k', partNumber: 2, fault: 'status503' });
    const uploadId = await createUpload(client, 'k');
    const other = await createUpload(client, 'other');
    await sendPart(client, 'k', uploadId, 1, bytesOf(5));
    await sendPart(client, 'other', other, 2, bytesOf(5));
    expect(await refusalOf(sendPart(client, 'k', uploadId, 2, bytesOf(5)))).toBe('503 SlowDown');
    expect(lastLogged()).toMatchObject({ operation: 'UploadPart', partNumber: 2, fault: 'status503', status: 503 });
  });

  test('ends after `times` hits; rules stand in order', async () => {
    const { faults } = fixture.server;
    faults.add(
      { operation: 'PutObject', fault: 'status503', times: 2 },
      { operation: '*', fault: 'status503', code: 'InternalError', times: 1 },
    );
    expect(await refusalOf(put('k'))).toBe('503 SlowDown');
    expect(await refusalOf(put('k'))).toBe('503 SlowDown');
    expect(faults.rules()).toHaveLength(1);
    expect(await refusalOf(put('k'))).toBe('500 InternalError');
    await put('k');
    expect(faults.rules()).toEqual([]);
  });

  test('by chance is the same for the same seed, and as often as was asked', () => {
    const target = { operation: 'PutObject', key: 'k', partNumber: null } as const;
    const hits = (seed: number) => {
      const plan = new FaultPlan();
      plan.add({ operation: '*', fault: 'slow', probability: 0.25, seed });
      return Array.from({ length: 2000 }, () => plan.take(target) !== null);
    };
    expect(hits(7)).toEqual(hits(7));
    expect(hits(7)).not.toEqual(hits(8));
    for (const seed of [0, 1, 2, 3]) {
      const count = hits(seed).filter((hit) => hit).length;
      expect(count).toBeGreaterThan(400);
      expect(count).toBeLessThan(600);
    }
  });

  test.each([
    [{ fault: 'slow' }],
    [{ operation: 'PutObject' }],
    [{ operation: 'Nothing', fault: 'slow' }],
    [{ operation: '*', fault: 'explode' }],
    [{ operation: '*', fault: 'slow', delayMs: -1 }],
    [{ operation: '*', fault: 'slow', typo: 1 }],
    [{ operation: '*', fault: 'slow', constructor: 1 }],
    [{ operation: '*', fault: 'status503', code: 'Nonsense' }],
    ['slow'],
    [null],
  ])('is refused when it is %j', (json) => {
    expect(() => parseFaultRules(json)).toThrow(TypeError);
  });
});

describe('what is hit', () => {
  test('by dropReply was executed, and only the reply is lost', async () => {
    const { client, server } = fixture;
    server.faults.add({ operation: 'CompleteMultipartUpload', fault: 'dropReply', times: 1 });
    const uploadId = await createUpload(client, 'k');
    const part = await sendPart(client, 'k', uploadId, 1, bytesOf(5));
    expect(await refusalOf(complete(client, 'k', uploadId, [part]))).toMatch(/^no reply/);
    expect(await readObject(client, 'k')).toEqual(bytesOf(5));
    const logged = server.requests.all().find((entry) => entry.fault !== null);
    expect(logged).toMatchObject({ operation: 'CompleteMultipartUpload', uploadId, status: null, fault: 'dropReply' });
    await complete(client, 'k', uploadId, [part]);
  });

  test('by dropReply while reading does not keep the bytes of what is deleted', async () => {
    await put('k', bytesOf(1000));
    fixture.server.faults.add({ operation: 'GetObject', fault: 'dropReply' });
    expect(await refusalOf(readObject(fixture.client, 'k'))).toMatch(/^no reply/);
    await fixture.client.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: 'k' }));
    expect(await blobsIn(fixture.folder)).toEqual([]);
  });

  test('by dropReply at Create leaves an upload that nobody knows', async () => {
    const { client, server } = fixture;
    server.faults.add({ operation: 'CreateMultipartUpload', fault: 'dropReply' });
    const creating = client.send(new CreateMultipartUploadCommand({ Bucket: BUCKET, Key: 'k' }));
    expect(await refusalOf(creating)).toMatch(/^no reply/);
    const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
    expect(Uploads).toHaveLength(1);
  });

  test('by dropRequest was not executed', async () => {
    fixture.server.faults.add({ operation: 'PutObject', fault: 'dropRequest', times: 1 });
    expect(await refusalOf(put('k'))).toMatch(/^no reply/);
    expect(await refusalOf(readObject(fixture.client, 'k'))).toBe('404 NoSuchKey');
    await put('k');
  });

  test('by resetMidBody while sending is cut within the body, and leaves no bytes', async () => {
    const { client, server, folder } = fixture;
    server.faults.add({ operation: 'UploadPart', fault: 'resetMidBody', afterBytes: 100_000 });
    const uploadId = await createUpload(client, 'k');
    expect(await refusalOf(sendPart(client, 'k', uploadId, 1, bytesOf(1_000_000)))).toMatch(/^no reply/);
    await expect.poll(() => lastLogged()?.fault).toBe('resetMidBody');
    expect(lastLogged()!.receivedBytes).toBeGreaterThanOrEqual(100_000);
    expect(lastLogged()!.receivedBytes).toBeLessThan(1_000_000);
    await expect.poll(() => blobsIn(folder)).toEqual([]);
  });

  test('by resetMidBody while reading is cut after exactly so many bytes', async () => {
    const { client, server } = fixture;
    await put('k', bytesOf(300_000));
    server.faults.add({ operation: 'GetObject', fault: 'resetMidBody', afterBytes: 100_001, times: 1 });
    const { Body } = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'k' }));
    await expect(Body!.transformToByteArray()).rejects.toThrow();
    await expect.poll(() => lastLogged()).toMatchObject({ operation: 'GetObject', status: null });
    expect(await readObject(client, 'k')).toEqual(bytesOf(300_000));
  });

  test('by stall hangs until the client leaves, and was not executed', async () => {
    const { server } = fixture;
    server.faults.add({ operation: 'PutObject', fault: 'stall', times: 1 });
    const request = openRaw(server.url, { method: 'PUT', path: `/${BUCKET}/k`, body: bytesOf(10) });
    request.on('error', () => undefined);
    request.end(bytesOf(10));
    await expect.poll(() => server.faults.rules()).toEqual([]);
    expect(server.requests.all()).toEqual([]);
    request.destroy();
    await expect.poll(() => lastLogged()).toMatchObject({ fault: 'stall', status: null, receivedBytes: 0 });
    expect(await refusalOf(readObject(fixture.client, 'k'))).toBe('404 NoSuchKey');
  });

  test('by stall is not executed after the client has left', async () => {
    const { server, client } = fixture;
    await put('k', bytesOf(10));
    server.faults.add({ operation: 'DeleteObject', fault: 'stall', times: 1 });
    const request = openRaw(server.url, { method: 'DELETE', path: `/${BUCKET}/k` });
    request.on('error', () => undefined);
    request.end();
    await expect.poll(() => server.faults.rules()).toEqual([]);
    request.destroy();
    await expect.poll(() => lastLogged()).toMatchObject({ fault: 'stall', status: null });
    expect(await readObject(client, 'k')).toEqual(bytesOf(10));
  });

  test('by stall with a delay goes on after it', async () => {
    const { server } = fixture;
    server.faults.add({ operation: 'PutObject', fault: 'stall', delayMs: 50, afterBytes: 5 });
    await put('k', bytesOf(10));
    const { startedAtMs, endedAtMs } = lastLogged()!;
    expect(endedAtMs! - startedAtMs).toBeGreaterThanOrEqual(45);
    expect(await readObject(fixture.client, 'k')).toEqual(bytesOf(10));
  });

  test('by slow is executed at once, and answered late', async () => {
    const { client, server } = fixture;
    server.faults.add({ operation: 'PutObject', fault: 'slow', delayMs: 400, times: 1 });
    const putting = put('k', bytesOf(10));
    await expect
      .poll(() =>
        client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'k' })).then(
          ({ ContentLength }) => ContentLength,
          () => 0,
        ),
      )
      .toBe(10);
    expect(server.requests.all().some(({ operation }) => operation === 'PutObject')).toBe(false);
    await putting;
    expect(server.requests.all().find(({ operation }) => operation === 'PutObject')?.status).toBe(200);
  });

  test('and stalled does not keep the server from closing', async () => {
    const own = await startFixture();
    own.server.faults.add({ operation: '*', fault: 'stall' });
    const refused = refusalOf(readObject(own.client, 'k'));
    await expect.poll(() => own.server.faults.rules()).toHaveLength(1);
    await own.end();
    expect(await refused).toMatch(/^no reply/);
  });
});

describe('the admin paths', () => {
  const call = async (method: string, path: string, body?: unknown) => {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const reply = await fetch(`${fixture.server.url}${path}`, init);
    return { status: reply.status, json: (await reply.json()) as unknown };
  };

  test('bring, show and remove rules', async () => {
    const rule: FaultRule = { operation: 'PutObject', fault: 'status503', code: 'ServiceUnavailable', times: 1 };
    expect(await call('POST', '/-/faults', [rule, rule])).toEqual({ status: 200, json: [rule, rule] });
    expect(await refusalOf(put('k'))).toBe('503 ServiceUnavailable');
    expect(await call('GET', '/-/faults')).toEqual({ status: 200, json: [rule] });
    expect(await call('DELETE', '/-/faults')).toEqual({ status: 200, json: [] });
    await put('k');
  });

  test('refuse what is no rule, and say why', async () => {
    expect(await call('POST', '/-/faults', { operation: 'PutObject', fault: 'explode' })).toMatchObject({
      status: 400,
      json: { error: expect.stringContaining('explode') },
    });
    expect((await call('GET', '/-/nothing')).status).toBe(404);
  });

  test('show the log, and empty it', async () => {
    await put('k', bytesOf(123));
    await readObject(fixture.client, 'k');
    const { json } = await call('GET', '/-/log');
    expect(json).toMatchObject([
      { operation: 'PutObject', bucket: BUCKET, key: 'k', status: 200, receivedBytes: 123, sentBytes: 0, fault: null },
      { operation: 'GetObject', bucket: BUCKET, key: 'k', status: 200, receivedBytes: 0, sentBytes: 123 },
    ]);
    await call('DELETE', '/-/log');
    expect((await call('GET', '/-/log')).json).toEqual([]);
  });

  test('are not there unless they were asked for', async () => {
    const own = await startFixture({ admin: false });
    expect((await fetch(`${own.server.url}/-/log`)).status).toBe(403);
    expect((await sendRaw(own.server.url, { method: 'GET', path: '/-/log' })).status).toBe(404);
    await own.end();
  });
});
