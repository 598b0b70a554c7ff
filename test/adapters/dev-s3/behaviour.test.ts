// The switches, one by one, as a client sees them; and how they are set.

import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type CompleteMultipartUploadCommandInput,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AS_AWS, type Behaviour, PROVIDERS, parseBehaviour, parseSwitch } from '../../../src/dev-s3/behaviour.ts';
import {
  BUCKET,
  blobsIn,
  bytesOf,
  clientFor,
  createUpload,
  type Fixture,
  MIN_PART_BYTES,
  readObject,
  refusalOf,
  type SentPart,
  sendPart,
  startFixture,
} from './fixture.ts';
import { errorCode, sendRaw } from './raw-request.ts';

const HOUR_MS = 3_600_000;
const clock = { nowMs: Date.now() };
let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture({ now: () => clock.nowMs });
});
afterAll(() => fixture.end());
beforeEach(() => fixture.server.behave(AS_AWS));

/** Answers `done`, or what was refused. */
const answerTo = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call;
    return 'done';
  } catch (error) {
    return refusalOf(Promise.reject(error));
  }
};
const target = (uploadId: string) => ({ Bucket: BUCKET, Key: 'k', UploadId: uploadId });
const completing = (
  uploadId: string,
  parts: readonly object[],
  more: Partial<CompleteMultipartUploadCommandInput> = {},
) =>
  fixture.client.send(
    new CompleteMultipartUploadCommand({ ...target(uploadId), MultipartUpload: { Parts: [...parts] }, ...more }),
  );
const listing = (uploadId: string) => fixture.client.send(new ListPartsCommand(target(uploadId)));

async function open(...sizes: readonly number[]): Promise<{ uploadId: string; parts: SentPart[] }> {
  const uploadId = await createUpload(fixture.client, 'k');
  const parts = [];
  for (const [at, size] of sizes.entries())
    parts.push(await sendPart(fixture.client, 'k', uploadId, at + 1, bytesOf(size, at)));
  return { uploadId, parts };
}
async function gone(): Promise<{ uploadId: string; parts: SentPart[] }> {
  const opened = await open(5);
  await fixture.client.send(new AbortMultipartUploadCommand(target(opened.uploadId)));
  return opened;
}
async function completed(): Promise<{ uploadId: string; parts: SentPart[] }> {
  const opened = await open(5);
  await completing(opened.uploadId, opened.parts);
  return opened;
}

type Row = readonly [name: keyof Behaviour, told: Readonly<Record<string, string>>, ask: () => Promise<string>];

/** Per switch: what is answered under each of its words. */
const ROWS: readonly Row[] = [
  [
    'reComplete',
    { success: 'done', NoSuchUpload: '404 NoSuchUpload' },
    async () => {
      const { uploadId, parts } = await completed();
      return answerTo(completing(uploadId, parts));
    },
  ],
  [
    'firstCompleteEtag',
    { told: 'told then told', empty: 'empty then told' },
    async () => {
      const { uploadId, parts } = await open(5);
      const first = await completing(uploadId, parts);
      const again = await completing(uploadId, parts);
      return [first, again].map(({ ETag }) => (ETag ? 'told' : 'empty')).join(' then ');
    },
  ],
  [
    'completeOfGone',
    { NoSuchUpload: '404 NoSuchUpload', InternalError: '500 InternalError' },
    async () => {
      const { uploadId, parts } = await gone();
      return answerTo(completing(uploadId, parts));
    },
  ],
  [
    'listOfGone',
    { NoSuchUpload: '404 NoSuchUpload', NoSuchKey: '404 NoSuchKey' },
    async () => answerTo(listing((await gone()).uploadId)),
  ],
  [
    'listAfterComplete',
    { gone: '404 NoSuchUpload', listed: 'done' },
    async () => answerTo(listing((await completed()).uploadId)),
  ],
  [
    'completeOfSome',
    { accepted: 'done', InvalidPart: '400 InvalidPart' },
    async () => {
      const { uploadId, parts } = await open(5, 6);
      return answerTo(completing(uploadId, parts.slice(1)));
    },
  ],
  [
    'partOrder',
    { InvalidPartOrder: '400 InvalidPartOrder', sorted: 'done' },
    async () => {
      const { uploadId, parts } = await open(MIN_PART_BYTES, 5);
      const answer = await answerTo(completing(uploadId, [...parts].reverse()));
      const whole = Buffer.concat([bytesOf(MIN_PART_BYTES, 0), bytesOf(5, 1)]);
      if (answer === 'done') expect(await readObject(fixture.client, 'k')).toEqual(whole);
      return answer;
    },
  ],
  [
    'partSizes',
    { any: 'done', equal: '400 InvalidPart' },
    async () => {
      const { uploadId, parts } = await open(MIN_PART_BYTES, MIN_PART_BYTES + 1, 5);
      const answer = await answerTo(completing(uploadId, parts));
      const equal = await open(MIN_PART_BYTES, MIN_PART_BYTES, 5);
      await completing(equal.uploadId, equal.parts);
      return answer;
    },
  ],
  [
    'checksums',
    {
      verified: '400 BadDigest',
      ignored: 'done',
      NotImplemented: '501 NotImplemented',
      InvalidArgument: '400 InvalidArgument',
    },
    async () => {
      const { uploadId } = await open();
      const part = { ...target(uploadId), PartNumber: 1, Body: bytesOf(5), ChecksumCRC32: 'AAAAAA==' };
      return answerTo(fixture.client.send(new UploadPartCommand(part)));
    },
  ],
  [
    'checksumsInComplete',
    { verified: '400 InvalidPart', MalformedXML: '400 MalformedXML' },
    async () => {
      const { uploadId, parts } = await open(5);
      return answerTo(completing(uploadId, [{ ...parts[0], ChecksumCRC32: 'AAAAAA==' }]));
    },
  ],
  [
    'objectSizeInComplete',
    { verified: '400 InvalidRequest', ignored: 'done' },
    async () => {
      const { uploadId, parts } = await open(5);
      return answerTo(completing(uploadId, parts, { MpuObjectSize: 6 }));
    },
  ],
  [
    'conditionalComplete',
    { honoured: '412 PreconditionFailed', ignored: 'done' },
    async () => {
      await completed();
      const { uploadId, parts } = await open(6);
      return answerTo(completing(uploadId, parts, { IfNoneMatch: '*' }));
    },
  ],
  [
    'conditionalPut',
    { honoured: '412 PreconditionFailed', ignored: 'done', NotImplemented: '501 NotImplemented' },
    async () => {
      await completed();
      const put = new PutObjectCommand({ Bucket: BUCKET, Key: 'k', Body: 'x', IfNoneMatch: '*' });
      return answerTo(fixture.client.send(put));
    },
  ],
  [
    'copyCondition',
    { honoured: 'done', 'never holds for parts': '412 PreconditionFailed' },
    async () => {
      await completed();
      const { ETag } = await fixture.client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'k' }));
      const { uploadId } = await open();
      const copy = { ...target(uploadId), PartNumber: 1, CopySource: `${BUCKET}/k`, CopySourceIfMatch: ETag };
      return answerTo(fixture.client.send(new UploadPartCopyCommand(copy)));
    },
  ],
  [
    'uploadMarkers',
    { told: 'with marker', 'missing after one entry': 'without marker' },
    async () => {
      const uploads = [await open(), await open()];
      const page = await fixture.client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET, MaxUploads: 1 }));
      expect(page.IsTruncated).toBe(true);
      const two = await fixture.client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET, MaxUploads: 2 }));
      expect(two.NextUploadIdMarker).toBeTruthy();
      for (const { uploadId } of uploads) await fixture.client.send(new AbortMultipartUploadCommand(target(uploadId)));
      return page.NextUploadIdMarker ? 'with marker' : 'without marker';
    },
  ],
  [
    'uploadsListedBy',
    { prefix: '1 and 1', 'exact key': '0 and 1' },
    async () => {
      await createUpload(fixture.client, 'listed/by/key');
      const counts = [];
      for (const Prefix of ['listed/', 'listed/by/key']) {
        const page = await fixture.client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET, Prefix }));
        counts.push(page.Uploads?.length ?? 0);
      }
      await fixture.server.expireUploads({ key: 'listed/by/key' });
      return counts.join(' and ');
    },
  ],
  [
    'headOfPart',
    { told: '206', MethodNotAllowed: '405' },
    async () => {
      await completed();
      const path = `/${BUCKET}/k?partNumber=1`;
      return String((await sendRaw(fixture.server.url, { method: 'HEAD', path, atMs: clock.nowMs })).status);
    },
  ],
  [
    'chunkedBodies',
    { decoded: '200 ', MissingContentLength: '411 MissingContentLength', NotImplemented: '501 NotImplemented' },
    async () =>
      errorCode(
        await sendRaw(fixture.server.url, {
          method: 'PUT',
          path: `/${BUCKET}/chunked`,
          atMs: clock.nowMs,
          contentSha256: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
          headers: { 'x-amz-decoded-content-length': '2' },
          body: Buffer.from('2\r\nab\r\n0\r\n\r\n'),
        }),
      ),
  ],
  [
    'abortDate',
    { told: 'both', untold: 'none' },
    async () => {
      fixture.server.behave({ maxUploadAgeMs: HOUR_MS });
      const opened = await fixture.client.send(new CreateMultipartUploadCommand({ Bucket: BUCKET, Key: 'k' }));
      const listed = await listing(opened.UploadId!);
      const expected = Math.floor((clock.nowMs + HOUR_MS) / 1000) * 1000;
      const dates = [opened.AbortDate, listed.AbortDate].filter((date) => date !== undefined);
      for (const date of dates) expect(date.getTime()).toBe(expected);
      return ['none', 'one', 'both'][dates.length]!;
    },
  ],
];

describe('each switch', () => {
  const cases = ROWS.flatMap(([name, told, ask]) =>
    Object.entries(told).map(([word, answer]) => [name, word, answer, ask] as const),
  );
  test.each(cases)('%s = %s: %s', async (name, word, answer, ask) => {
    fixture.server.behave(parseSwitch(`${name}=${word}`));
    expect(await ask()).toBe(answer);
  });

  test('of numbers: part numbers and the size of an object', async () => {
    fixture.server.behave({ minPartNumber: 0, maxPartNumber: 3, maxObjectBytes: 10 });
    const { uploadId } = await open();
    const zero = await sendPart(fixture.client, 'k', uploadId, 0, bytesOf(MIN_PART_BYTES));
    expect(await refusalOf(sendPart(fixture.client, 'k', uploadId, 4, bytesOf(5)))).toBe('400 InvalidArgument');
    const three = await sendPart(fixture.client, 'k', uploadId, 3, bytesOf(5));
    expect((await listing(uploadId)).Parts?.map(({ PartNumber }) => PartNumber)).toEqual([0, 3]);
    expect(await refusalOf(completing(uploadId, [zero, three]))).toBe('400 EntityTooLarge');
    fixture.server.behave({ maxObjectBytes: 10_000 });
    await completing(uploadId, [zero, three]);
  });

  test('HEAD of a part tells its place in the object', async () => {
    const { uploadId, parts } = await open(MIN_PART_BYTES, 7);
    await completing(uploadId, parts);
    const head = await fixture.client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'k', PartNumber: 2 }));
    expect(head).toMatchObject({ ContentLength: 7, PartsCount: 2 });
    const beyond = fixture.client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'k', PartNumber: 3 }));
    expect(await refusalOf(beyond)).toMatch(/^416/);
  });
});

describe('MinIO', () => {
  test('asks the conditions of a repeated Complete before it looks for the upload', async () => {
    fixture.server.behave(PROVIDERS.minio);
    const { uploadId, parts } = await completed();
    expect(await refusalOf(completing(uploadId, parts, { IfNoneMatch: '*' }))).toBe('412 PreconditionFailed');
  });
});

describe('uploads end', () => {
  test('when they are older than they may be, counted from Create, whatever arrives meanwhile; nothing of them is left', async () => {
    let ageMs = 0;
    const behaviour = { ...AS_AWS, maxUploadAgeMs: 24 * HOUR_MS };
    const own = await startFixture({ now: () => clock.nowMs + ageMs, behaviour });
    const later = clientFor(own.server.url, { systemClockOffset: 24 * HOUR_MS });
    const uploadId = await createUpload(own.client, 'old');
    await sendPart(own.client, 'old', uploadId, 1, bytesOf(5));
    ageMs += 24 * HOUR_MS - 1;
    const part = await sendPart(later, 'old', uploadId, 2, bytesOf(5));
    const young = await createUpload(later, 'young');
    ageMs += 1;
    const late = { Bucket: BUCKET, Key: 'old', UploadId: uploadId };
    const complete = new CompleteMultipartUploadCommand({ ...late, MultipartUpload: { Parts: [part] } });
    expect(await refusalOf(later.send(complete))).toBe('404 NoSuchUpload');
    expect(await refusalOf(sendPart(later, 'old', uploadId, 3, bytesOf(5)))).toBe('404 NoSuchUpload');
    const { Uploads } = await later.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
    expect(Uploads?.map((upload) => upload.UploadId)).toEqual([young]);
    expect(await blobsIn(own.folder)).toEqual([]);
    later.destroy();
    await own.end();
  });

  test('on demand: all, or those of a key', async () => {
    const keys = ['a', 'a', 'b', 'c'];
    for (const key of keys) await createUpload(fixture.client, `demand/${key}`);
    expect(await fixture.server.expireUploads({ key: 'demand/a' })).toBe(2);
    expect(await fixture.server.expireUploads({ bucket: 'other' })).toBe(0);
    expect(await fixture.server.expireUploads()).toBeGreaterThanOrEqual(2);
    const { Uploads } = await fixture.client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
    expect(Uploads).toBeUndefined();
  });
});

describe('the behaviour is set', () => {
  const admin = async (method: string, path: string, body?: unknown) => {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const reply = await fetch(`${fixture.server.url}${path}`, init);
    return { status: reply.status, json: (await reply.json()) as unknown };
  };

  test('by words, and refused when it is not understood', () => {
    expect(parseBehaviour({ provider: 'ceph', reComplete: 'NoSuchUpload' })).toEqual({
      ...PROVIDERS.ceph,
      reComplete: 'NoSuchUpload',
    });
    expect(parseBehaviour({ maxUploadAgeMs: null }, PROVIDERS.minio).maxUploadAgeMs).toBeNull();
    for (const wrong of [{ provider: 'gcs' }, { typo: 1 }, { reComplete: 'maybe' }, { minPartNumber: null }, 7, null]) {
      expect(() => parseBehaviour(wrong)).toThrow(TypeError);
    }
    expect(() => parseSwitch('nothing')).toThrow(TypeError);
  });

  test('over the admin paths, while the server runs', async () => {
    expect(await admin('POST', '/-/behaviour', { provider: 'swift' })).toEqual({ status: 200, json: PROVIDERS.swift });
    expect(await admin('POST', '/-/behaviour', { reComplete: 'NoSuchUpload' })).toMatchObject({
      json: { ...PROVIDERS.swift, reComplete: 'NoSuchUpload' },
    });
    expect((await admin('GET', '/-/behaviour')).json).toMatchObject({ listAfterComplete: 'listed' });
    expect((await admin('POST', '/-/behaviour', { provider: 'gcs' })).status).toBe(400);
    await createUpload(fixture.client, 'admin/expire');
    expect(await admin('POST', '/-/expire', { key: 'admin/expire' })).toEqual({ status: 200, json: { ended: 1 } });
    expect((await admin('POST', '/-/expire', { kee: 'x' })).status).toBe(400);
  });
});
