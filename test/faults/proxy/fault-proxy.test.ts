// The proxy itself: what passes unchanged, and that each fault is what it says. With the SDK in front and dev-s3 behind.

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DevS3, startDevS3 } from '../../../src/dev-s3/server.ts';
import { content } from '../../fixtures/writers/content.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { type Fault, FaultPlan, type FaultRule, WRONG_BODIES } from './plan.ts';
import { FOREIGN_BYTES } from './somebody.ts';

const BUCKET = 'takes';
const ACCESS = { region: 'us-east-1', accessKeyId: 'proxy-key', secretAccessKey: 'proxy-secret' };
const BYTES = content(300_000);
const target = { Bucket: BUCKET, Key: 'a folder/ü+&.mkv' };

let folder: string;
let s3: DevS3;
let proxy: FaultProxy;
let client: S3Client;
let direct: S3Client;

const clientOf = (endpoint: string, credentials = ACCESS) =>
  new S3Client({ endpoint, region: ACCESS.region, credentials, forcePathStyle: true, maxAttempts: 1 });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tailrace-proxy-'));
  s3 = await startDevS3({ folder, ...ACCESS, buckets: [BUCKET], minPartBytes: 1024, fsync: false });
  proxy = await startFaultProxy(s3.url, ACCESS);
  client = clientOf(proxy.url);
  direct = clientOf(s3.url);
});
afterEach(async () => {
  client.destroy();
  direct.destroy();
  await proxy.close();
  await s3.close();
  await rm(folder, { recursive: true });
});

const put = (body: Uint8Array = BYTES) => client.send(new PutObjectCommand({ ...target, Body: body }));
async function read(by = direct): Promise<Buffer | null> {
  try {
    const { Body } = await by.send(new GetObjectCommand(target));
    return Buffer.from(await Body!.transformToByteArray());
  } catch (error) {
    if ((error as Error).name === 'NoSuchKey') return null;
    throw error;
  }
}
/** The status and name of what was refused, `broken` for no whole reply. */
async function endOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'ok';
  } catch (error) {
    const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } };
    return $metadata?.httpStatusCode ? `${$metadata.httpStatusCode} ${name}` : 'broken';
  }
}
const hit = (fault: Fault, on: FaultRule['on'] = 'PutObject') => proxy.plan.add({ on, fault });
const open = async () => (await direct.send(new CreateMultipartUploadCommand(target))).UploadId!;

describe('what the plan does not hit', () => {
  test('passes unchanged: every operation is recognized, and every signature holds', async () => {
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(target));
    const upload = { ...target, UploadId };
    const part = await client.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: BYTES }));
    const streamed = { Body: Readable.from([BYTES], { objectMode: false }), ContentLength: BYTES.length };
    await client.send(new UploadPartCommand({ ...upload, PartNumber: 2, ...streamed }));
    await client.send(new ListPartsCommand(upload));
    await client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
    await client.send(
      new CompleteMultipartUploadCommand({
        ...upload,
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag: part.ETag }] },
      }),
    );
    await client.send(new HeadObjectCommand(target));
    expect(await read(client)).toEqual(BYTES);
    const second = { ...target, UploadId: await open() };
    const CopySource = `${BUCKET}/${encodeURIComponent(target.Key)}`;
    await client.send(new UploadPartCopyCommand({ ...second, PartNumber: 1, CopySource }));
    await client.send(new AbortMultipartUploadCommand(second));
    await put();
    await client.send(new DeleteObjectCommand(target));
    expect(proxy.calls.map(({ operation }) => operation)).toEqual([
      ...['CreateMultipartUpload', 'UploadPart', 'UploadPart', 'ListParts', 'ListMultipartUploads'],
      ...['CompleteMultipartUpload', 'HeadObject', 'GetObject', 'UploadPartCopy', 'AbortMultipartUpload'],
      ...['PutObject', 'DeleteObject'],
    ]);
    expect(proxy.calls[1]).toMatchObject({ bucket: BUCKET, key: target.Key, uploadId: UploadId, partNumber: 1 });
    expect(proxy.calls.every(({ executed, fault, defect }) => executed && !fault && !defect)).toBe(true);
  });

  test('passes with its refusals', async () => {
    expect(await read(client)).toBeNull();
    const stranger = clientOf(proxy.url, { ...ACCESS, accessKeyId: 'other' });
    expect(await endOf(stranger.send(new GetObjectCommand(target)))).toBe('403 InvalidAccessKeyId');
    stranger.destroy();
  });
});

describe('which call is hit', () => {
  const call = { operation: 'PutObject', bucket: 'b', key: 'k/1', uploadId: null, partNumber: null } as const;
  const fault = { kind: 'hold' } as const;
  const hits = (rule: FaultRule, calls = 6, headers: readonly string[] = []) => {
    const plan = new FaultPlan([rule]);
    return Array.from({ length: calls }, () => (plan.take(call, headers) ? 'x' : '.')).join('');
  };

  test('is said by operation, key, folder, part number, header, order and count', () => {
    expect(hits({ on: '*', fault })).toBe('xxxxxx');
    expect(hits({ on: 'GetObject', fault })).toBe('......');
    expect(hits({ on: 'PutObject', key: 'k/1', fault, from: 2, times: 3 })).toBe('.xxx..');
    expect(hits({ on: '*', key: 'k/', fault, times: 1 })).toBe('x.....');
    expect(hits({ on: '*', key: 'k', fault })).toBe('......');
    expect(hits({ on: '*', partNumber: 1, fault })).toBe('......');
    expect(hits({ on: '*', header: 'x-amz-checksum-', fault }, 2)).toBe('..');
    expect(hits({ on: '*', header: 'x-amz-checksum-', fault }, 2, ['x-amz-checksum-crc32'])).toBe('xx');
  });

  test('by chance is the same for the same seed', () => {
    const drawn = (seed: number) => hits({ on: '*', fault, probability: 0.3, seed }, 400);
    expect(drawn(5)).toBe(drawn(5));
    expect(drawn(5)).not.toBe(drawn(6));
    const share = drawn(5).replaceAll('.', '').length / 400;
    expect(share).toBeGreaterThan(0.2);
    expect(share).toBeLessThan(0.4);
  });
});

describe('each fault', () => {
  test('drop reply: executed, and nothing heard', async () => {
    hit({ kind: 'drop reply' });
    expect(await endOf(put())).toBe('broken');
    expect(await read()).toEqual(BYTES);
    expect(proxy.calls[0]).toMatchObject({ fault: 'drop reply', executed: true });
  });

  test.each([0, 0.5])('drop request after %d of it: not executed', async (afterShare) => {
    hit({ kind: 'drop request', afterShare });
    expect(await endOf(put())).toBe('broken');
    expect(await read()).toBeNull();
    expect(proxy.calls[0]).toMatchObject({ executed: false, defect: null });
  });

  test('cut reply: some of the bytes, then a reset', async () => {
    await put();
    hit({ kind: 'cut reply', afterShare: 0.5 }, 'GetObject');
    expect(await endOf(read(client))).toBe('broken');
  });

  test.each(['start', 'request body'] as const)(
    'stall at its %s: nothing moves until the client leaves; not executed',
    async (at) => {
      hit({ kind: 'stall', at });
      const leaving = new AbortController();
      const sending = client.send(new PutObjectCommand({ ...target, Body: BYTES }), { abortSignal: leaving.signal });
      await expect.poll(() => proxy.calls.length).toBe(1);
      leaving.abort();
      expect(await endOf(sending)).toBe('broken');
      expect(await read()).toBeNull();
    },
  );

  test.each(['reply', 'reply headers', 'reply body'] as const)(
    'stall at the %s: executed, and it goes on after a while',
    async (at) => {
      await put();
      hit({ kind: 'stall', at, forMs: 150 }, 'GetObject');
      const startedAt = performance.now();
      expect(await read(client)).toEqual(BYTES);
      expect(performance.now() - startedAt).toBeGreaterThan(140);
    },
  );

  test('answer: by name, bare, as a page, with Retry-After, executed or not', async () => {
    hit({ kind: 'answer', status: 403, code: 'ExpiredToken' });
    expect(await endOf(put())).toBe('403 ExpiredToken');
    expect(await read()).toBeNull();
    proxy.plan.clear();
    hit({ kind: 'answer', status: 500, code: 'InternalError', executed: true });
    expect(await endOf(put())).toBe('500 InternalError');
    expect(await read()).toEqual(BYTES);
    proxy.plan.clear();
    hit({ kind: 'answer', status: 502, html: true, retryAfterSeconds: 7 }, '*');
    const page = await fetch(`${proxy.url}/${BUCKET}/x`);
    expect([page.status, page.headers.get('retry-after'), (await page.text()).includes('<html>')]).toEqual([
      502,
      '7',
      true,
    ]);
    proxy.plan.clear();
    hit({ kind: 'answer', status: 403 }, 'HeadObject');
    expect(await endOf(client.send(new HeadObjectCommand(target)))).toMatch(/^403/);
  });

  test('wrong body: seven of them, all with status 200, no two alike', async () => {
    const UploadId = await open();
    const bodies = new Set<string>();
    for (const body of WRONG_BODIES) {
      proxy.plan.clear();
      hit({ kind: 'wrong body', body, executed: false }, '*');
      const reply = await fetch(`${proxy.url}/${BUCKET}/k?uploadId=${UploadId}`, { method: 'POST', body: 'x' });
      expect(reply.status).toBe(200);
      bodies.add(await reply.text());
    }
    expect(bodies.size).toBe(7);
    expect(proxy.calls.some(({ executed }) => executed)).toBe(false);
  });

  test('edit: the reply lacks what it should have', async () => {
    const UploadId = await open();
    const upload = { ...target, UploadId };
    const send = (PartNumber: number) => client.send(new UploadPartCommand({ ...upload, PartNumber, Body: BYTES }));
    await send(1);
    await send(2);
    hit({ kind: 'edit', edit: 'without its ETag' }, 'UploadPart');
    expect(await send(3)).not.toHaveProperty('ETag');
    proxy.plan.clear();
    hit({ kind: 'edit', edit: 'with another checksum' }, 'UploadPart');
    expect((await send(3)).ChecksumCRC32).toBe('AAAAAA==');
    const numbers = async () =>
      (await client.send(new ListPartsCommand(upload))).Parts?.map(({ PartNumber }) => PartNumber);
    hit({ kind: 'edit', edit: 'without a part' }, 'ListParts');
    expect(await numbers()).toEqual([2, 3]);
    proxy.plan.clear();
    hit({ kind: 'edit', edit: 'with the first page for ever' }, 'ListParts');
    expect(await client.send(new ListPartsCommand(upload))).toMatchObject({
      IsTruncated: true,
      NextPartNumberMarker: '1',
    });
    hit({ kind: 'edit', edit: 'with nothing listed' }, 'ListMultipartUploads');
    const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
    expect(Uploads).toBeUndefined();
  });

  test('meanwhile: somebody else was there before the call', async () => {
    hit({ kind: 'meanwhile', deed: 'a foreign object is put' }, 'HeadObject');
    expect((await client.send(new HeadObjectCommand(target))).ContentLength).toBe(FOREIGN_BYTES.length);
    proxy.plan.clear();
    hit({ kind: 'meanwhile', deed: 'the object is deleted' }, 'HeadObject');
    expect(await endOf(client.send(new HeadObjectCommand(target)))).toMatch(/^404/);
    proxy.plan.clear();
    const upload = { ...target, UploadId: await open() };
    hit({ kind: 'meanwhile', deed: 'another part 1 is uploaded' }, 'ListParts');
    expect((await client.send(new ListPartsCommand(upload))).Parts?.[0]?.Size).toBe(FOREIGN_BYTES.length);
    proxy.plan.clear();
    hit({ kind: 'meanwhile', deed: 'the upload is aborted' }, 'ListParts');
    expect(await endOf(client.send(new ListPartsCommand(upload)))).toBe('404 NoSuchUpload');
  });

  test('hold and release: executed long after the client was told nothing', async () => {
    hit({ kind: 'hold' });
    expect(await endOf(put())).toBe('broken');
    expect(await read()).toBeNull();
    hit({ kind: 'release', when: 'before' }, 'HeadObject');
    expect((await client.send(new HeadObjectCommand(target))).ContentLength).toBe(BYTES.length);
    expect(await read()).toEqual(BYTES);
  });

  test('slow with blanks: the answer has begun, and comes later', async () => {
    const upload = { ...target, UploadId: await open() };
    const { ETag } = await client.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: BYTES }));
    hit({ kind: 'slow', delayMs: 250, keepsAlive: true }, 'CompleteMultipartUpload');
    const startedAt = performance.now();
    const complete = { ...upload, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } };
    expect((await client.send(new CompleteMultipartUploadCommand(complete))).ETag).toMatch(/-1"$/);
    expect(performance.now() - startedAt).toBeGreaterThan(240);
    expect(await read()).toEqual(BYTES);
  });

  test('bandwidth: as slow as it says', async () => {
    hit({ kind: 'bandwidth', bytesPerSecond: 1_000_000 });
    const startedAt = performance.now();
    await put();
    expect(performance.now() - startedAt).toBeGreaterThan(200);
    expect(await read()).toEqual(BYTES);
  });
});

test('what was under way beside a call is on record', async () => {
  const UploadId = await open();
  hit({ kind: 'slow', delayMs: 200 }, 'UploadPart');
  const upload = { ...target, UploadId };
  const sending = client.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: BYTES }));
  await expect.poll(() => proxy.calls.length).toBe(1);
  await client.send(new ListPartsCommand(upload));
  await sending;
  await client.send(new ListPartsCommand(upload));
  expect(proxy.calls.map(({ beside }) => beside)).toEqual([[], ['UploadPart'], []]);
});

test('a client that asks before it sends its body is told to go on', async () => {
  const { hostname, port } = new URL(proxy.url);
  const asking = request({ hostname, port, method: 'PUT', path: '/takes/k', headers: { expect: '100-continue' } });
  asking.flushHeaders();
  await once(asking, 'continue');
  asking.end('x');
  const [reply] = await once(asking, 'response');
  expect(reply.statusCode).toBe(403);
  reply.resume();
});
