import { createHash } from 'node:crypto';
import { Agent } from 'node:http';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  BUCKET,
  blobsIn,
  bytesOf,
  complete,
  createUpload,
  type Fixture,
  MIN_PART_BYTES,
  readObject,
  refusalOf,
  sendPart,
  startFixture,
} from './fixture.ts';
import { errorCode, sendRaw } from './raw-request.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.end());

const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest();

describe('a completed upload', () => {
  test('is the bytes of its parts, with the MD5 of their MD5s as its ETag', async () => {
    const { client } = fixture;
    const bodies = [bytesOf(MIN_PART_BYTES, 1), bytesOf(MIN_PART_BYTES + 7, 2), bytesOf(5, 3)];
    const uploadId = await createUpload(client, 'a.bin', { ContentType: 'video/mp4', Metadata: { stream: 's1' } });
    const parts = [];
    for (const [index, body] of bodies.entries()) {
      parts.push(await sendPart(client, 'a.bin', uploadId, index + 1, body));
    }
    expect(parts.map((part) => part.ETag)).toEqual(bodies.map((body) => `"${md5(body).toString('hex')}"`));

    const result = await complete(client, 'a.bin', uploadId, parts);
    const etag = `"${md5(Buffer.concat(bodies.map(md5))).toString('hex')}-3"`;
    expect(result).toMatchObject({ ETag: etag, Bucket: BUCKET, Key: 'a.bin' });

    expect(await readObject(client, 'a.bin')).toEqual(Buffer.concat(bodies));
    const head = await client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'a.bin' }));
    expect(head).toMatchObject({ ETag: etag, ContentType: 'video/mp4', Metadata: { stream: 's1' } });
    expect(head.ContentLength).toBe(2 * MIN_PART_BYTES + 12);
  });

  test('can be read in ranges across its parts', async () => {
    const { client } = fixture;
    const bodies = [bytesOf(MIN_PART_BYTES, 1), bytesOf(MIN_PART_BYTES, 2), bytesOf(9, 3)];
    const uploadId = await createUpload(client, 'ranges.bin');
    const parts = [];
    for (const [index, body] of bodies.entries()) {
      parts.push(await sendPart(client, 'ranges.bin', uploadId, index + 1, body));
    }
    await complete(client, 'ranges.bin', uploadId, parts);
    const whole = Buffer.concat(bodies);
    const ranges = [
      [0, 0],
      [MIN_PART_BYTES - 1, MIN_PART_BYTES],
      [MIN_PART_BYTES - 2, 2 * MIN_PART_BYTES + 3],
      [MIN_PART_BYTES, 2 * MIN_PART_BYTES - 1],
    ] as const;
    for (const [first, last] of ranges) {
      const target = { Bucket: BUCKET, Key: 'ranges.bin', Range: `bytes=${first}-${last}` };
      const { Body, ContentRange } = await client.send(new GetObjectCommand(target));
      expect(Buffer.from(await Body!.transformToByteArray())).toEqual(whole.subarray(first, last + 1));
      expect(ContentRange).toBe(`bytes ${first}-${last}/${whole.length}`);
    }
  });

  test('is gone from the lists of uploads, and takes no further parts', async () => {
    const { client } = fixture;
    const uploadId = await createUpload(client, 'done.bin');
    const part = await sendPart(client, 'done.bin', uploadId, 1, bytesOf(3));
    await complete(client, 'done.bin', uploadId, [part]);
    const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET, Prefix: 'done.bin' }));
    expect(Uploads).toBeUndefined();
    const target = { Bucket: BUCKET, Key: 'done.bin', UploadId: uploadId };
    expect(await refusalOf(client.send(new ListPartsCommand(target)))).toBe('404 NoSuchUpload');
    expect(await refusalOf(sendPart(client, 'done.bin', uploadId, 2, bytesOf(3)))).toBe('404 NoSuchUpload');
    expect(await refusalOf(client.send(new AbortMultipartUploadCommand(target)))).toBe('404 NoSuchUpload');
  });

  test('answers a repeated Complete of the same parts as the first time, and no other', async () => {
    const { client } = fixture;
    const uploadId = await createUpload(client, 'again.bin');
    const parts = [
      await sendPart(client, 'again.bin', uploadId, 1, bytesOf(MIN_PART_BYTES)),
      await sendPart(client, 'again.bin', uploadId, 2, bytesOf(3)),
    ];
    const first = await complete(client, 'again.bin', uploadId, parts);
    const again = await complete(client, 'again.bin', uploadId, parts);
    expect(again.ETag).toBe(first.ETag);
    const conditional = await client.send(
      new CompleteMultipartUploadCommand({
        Bucket: BUCKET,
        Key: 'again.bin',
        UploadId: uploadId,
        IfNoneMatch: '*',
        MultipartUpload: { Parts: parts },
      }),
    );
    expect(conditional.ETag).toBe(first.ETag);
    expect(await refusalOf(complete(client, 'again.bin', uploadId, parts.slice(0, 1)))).toBe('404 NoSuchUpload');
    expect(await refusalOf(complete(client, 'other.bin', uploadId, parts))).toBe('404 NoSuchUpload');
  });

  test('keeps the last body sent for a number, leaves out parts that are not listed, and drops their bytes', async () => {
    const own = await startFixture();
    const uploadId = await createUpload(own.client, 'k');
    await sendPart(own.client, 'k', uploadId, 2, bytesOf(MIN_PART_BYTES, 1));
    const second = await sendPart(own.client, 'k', uploadId, 2, bytesOf(MIN_PART_BYTES, 2));
    await sendPart(own.client, 'k', uploadId, 5, bytesOf(MIN_PART_BYTES, 3));
    const last = await sendPart(own.client, 'k', uploadId, 9, bytesOf(4, 4));
    await complete(own.client, 'k', uploadId, [second, last]);
    expect(await readObject(own.client, 'k')).toEqual(Buffer.concat([bytesOf(MIN_PART_BYTES, 2), bytesOf(4, 4)]));
    expect(await blobsIn(own.folder)).toHaveLength(2);
    await own.end();
  });

  test('equals its parts one after the other, however they are cut and in whatever order they arrive', async () => {
    const { client } = fixture;
    const bodies = fc.array(fc.uint8Array({ minLength: MIN_PART_BYTES, maxLength: 3 * MIN_PART_BYTES }), {
      maxLength: 4,
    });
    const lastBody = fc.uint8Array({ maxLength: 2 * MIN_PART_BYTES });
    await fc.assert(
      fc.asyncProperty(bodies, lastBody, fc.integer({ min: 1, max: 7 }), async (firsts, last, step) => {
        const all = [...firsts, last].map((body) => Buffer.from(body));
        const uploadId = await createUpload(client, 'any.bin');
        const sending = all.map((body, index) => sendPart(client, 'any.bin', uploadId, 1 + index * step, body));
        await complete(client, 'any.bin', uploadId, await Promise.all(sending));
        expect(await readObject(client, 'any.bin')).toEqual(Buffer.concat(all));
      }),
      { numRuns: 25 },
    );
  });
});

describe('a Complete is refused', () => {
  const cases: [name: string, refusal: string, parts: (sent: { PartNumber: number; ETag: string }[]) => unknown[]][] = [
    ['with parts in the wrong order', '400 InvalidPartOrder', (sent) => [...sent].reverse()],
    ['with a part twice', '400 InvalidPartOrder', ([one, two]) => [one, one, two]],
    ['with a part that was not sent', '400 InvalidPart', ([one]) => [one, { PartNumber: 7, ETag: one!.ETag }]],
    ['with an ETag of other bytes', '400 InvalidPart', ([one, two]) => [one, { ...two, ETag: one!.ETag }]],
    ['with a small part before the last', '400 EntityTooSmall', ([one, two, three]) => [one, two, three]],
    ['with no parts', '400 MalformedXML', () => []],
    ['with a part number out of bounds', '400 InvalidArgument', ([one]) => [{ ...one, PartNumber: 10_001 }]],
    ['with a part without an ETag', '400 MalformedXML', () => [{ PartNumber: 1 }]],
  ];
  test.each(cases)('%s', async (_name, refusal, choose) => {
    const { client } = fixture;
    const uploadId = await createUpload(client, 'refused.bin');
    const sent = [
      await sendPart(client, 'refused.bin', uploadId, 1, bytesOf(MIN_PART_BYTES, 1)),
      await sendPart(client, 'refused.bin', uploadId, 2, bytesOf(MIN_PART_BYTES - 1, 2)),
      await sendPart(client, 'refused.bin', uploadId, 3, bytesOf(MIN_PART_BYTES, 3)),
    ];
    const parts = choose(sent) as typeof sent;
    expect(await refusalOf(complete(client, 'refused.bin', uploadId, parts))).toBe(refusal);
    // And nothing happened: the upload is still there, and can be completed.
    await complete(client, 'refused.bin', uploadId, sent.slice(0, 2));
  });

  test('for an upload that never was', async () => {
    const { client } = fixture;
    const part = { PartNumber: 1, ETag: '"00000000000000000000000000000000"' };
    expect(await refusalOf(complete(client, 'x', 'no-such-id', [part]))).toBe('404 NoSuchUpload');
  });

  test('with more XML than any upload needs, before all of it is held', async () => {
    const body = Buffer.alloc(20 * 1024 * 1024, ' ');
    const path = `/${BUCKET}/k?uploadId=none`;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const request = { method: 'POST', path, body, agent, contentSha256: 'UNSIGNED-PAYLOAD' };
    expect(errorCode(await sendRaw(fixture.server.url, request))).toBe('400 MalformedXML');
    expect(errorCode(await sendRaw(fixture.server.url, request))).toBe('400 MalformedXML');
    agent.destroy();
    await expect.poll(() => fixture.server.requests.all().at(-1)?.endedAtMs).not.toBeNull();
    expect(fixture.server.requests.all().at(-1)?.receivedBytes).toBeLessThan(10 * 1024 * 1024);
  });

  test('when the size is not the one that was announced', async () => {
    const { client } = fixture;
    const uploadId = await createUpload(client, 'size.bin');
    const part = await sendPart(client, 'size.bin', uploadId, 1, bytesOf(10));
    const input = { Bucket: BUCKET, Key: 'size.bin', UploadId: uploadId, MultipartUpload: { Parts: [part] } };
    const wrong = client.send(new CompleteMultipartUploadCommand({ ...input, MpuObjectSize: 11 }));
    expect(await refusalOf(wrong)).toBe('400 InvalidRequest');
    await client.send(new CompleteMultipartUploadCommand({ ...input, MpuObjectSize: 10 }));
  });

  test('by a condition that does not hold, and the upload stays', async () => {
    const { client } = fixture;
    const { ETag: foreign } = await client.send(
      new PutObjectCommand({ Bucket: BUCKET, Key: 'cond.bin', Body: 'foreign' }),
    );
    const uploadId = await createUpload(client, 'cond.bin');
    const part = await sendPart(client, 'cond.bin', uploadId, 1, bytesOf(10));
    const input = { Bucket: BUCKET, Key: 'cond.bin', UploadId: uploadId, MultipartUpload: { Parts: [part] } };
    const unlessThere = client.send(new CompleteMultipartUploadCommand({ ...input, IfNoneMatch: '*' }));
    expect(await refusalOf(unlessThere)).toBe('412 PreconditionFailed');
    const ifOther = client.send(new CompleteMultipartUploadCommand({ ...input, IfMatch: '"abc"' }));
    expect(await refusalOf(ifOther)).toBe('412 PreconditionFailed');
    expect((await readObject(client, 'cond.bin')).toString()).toBe('foreign');
    await client.send(new CompleteMultipartUploadCommand({ ...input, IfMatch: foreign }));
    expect(await readObject(client, 'cond.bin')).toEqual(bytesOf(10));
  });
});

describe('a part is refused', () => {
  test.each([0, 10_001, -1])('with the number %i', async (number) => {
    const { client } = fixture;
    const uploadId = await createUpload(client, 'numbers');
    expect(await refusalOf(sendPart(client, 'numbers', uploadId, number, bytesOf(1)))).toBe('400 InvalidArgument');
  });

  test('for an upload of another key', async () => {
    const { client } = fixture;
    const uploadId = await createUpload(client, 'mine');
    expect(await refusalOf(sendPart(client, 'yours', uploadId, 1, bytesOf(1)))).toBe('404 NoSuchUpload');
  });

  test('with an upload id that tries to be a path', async () => {
    const { client } = fixture;
    for (const uploadId of ['../../tmp', '..', '.', 'a/../b', '\u0000']) {
      const target = { Bucket: BUCKET, Key: 'k', UploadId: uploadId, PartNumber: 1 };
      expect(await refusalOf(client.send(new UploadPartCommand({ ...target, Body: 'x' })))).toBe('404 NoSuchUpload');
    }
  });
});

describe('an aborted upload', () => {
  test('is gone with all its bytes, and a second Abort finds nothing', async () => {
    const own = await startFixture();
    const uploadId = await createUpload(own.client, 'gone');
    await sendPart(own.client, 'gone', uploadId, 1, bytesOf(2000));
    expect(await blobsIn(own.folder)).toHaveLength(1);
    const target = { Bucket: BUCKET, Key: 'gone', UploadId: uploadId };
    await own.client.send(new AbortMultipartUploadCommand(target));
    expect(await blobsIn(own.folder)).toEqual([]);
    expect(await refusalOf(own.client.send(new ListPartsCommand(target)))).toBe('404 NoSuchUpload');
    expect(await refusalOf(own.client.send(new AbortMultipartUploadCommand(target)))).toBe('404 NoSuchUpload');
    await own.end();
  });
});
