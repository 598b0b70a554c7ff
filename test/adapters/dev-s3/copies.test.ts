import { createHash } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  type CopyObjectCommandInput,
  DeleteObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCopyCommand,
  type UploadPartCopyCommandInput,
} from '@aws-sdk/client-s3';
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

let fixture: Fixture;
const SOURCE = 'source with spaces/ü+&.mkv';
const BYTES = bytesOf(3 * MIN_PART_BYTES + 5);
const copySource = (key: string) => `${BUCKET}/${encodeURIComponent(key)}`;
const etagOf = (bytes: Buffer) => `"${createHash('md5').update(bytes).digest('hex')}"`;

beforeAll(async () => {
  fixture = await startFixture();
  const { client } = fixture;
  const uploadId = await createUpload(client, SOURCE, { Metadata: { who: 'me' }, ContentType: 'video/x-matroska' });
  const cut = MIN_PART_BYTES + 100;
  const parts = [
    await sendPart(client, SOURCE, uploadId, 1, BYTES.subarray(0, cut)),
    await sendPart(client, SOURCE, uploadId, 2, BYTES.subarray(cut)),
  ];
  await complete(client, SOURCE, uploadId, parts);
});
afterAll(() => fixture.end());

describe('UploadPartCopy', () => {
  const copy = (uploadId: string, input: Partial<UploadPartCopyCommandInput> = {}) =>
    fixture.client.send(
      new UploadPartCopyCommand({
        Bucket: BUCKET,
        Key: 'target',
        UploadId: uploadId,
        PartNumber: 1,
        CopySource: copySource(SOURCE),
        ...input,
      }),
    );

  test('makes a part of a range of an object, across its parts, beside parts that are sent', async () => {
    const uploadId = await createUpload(fixture.client, 'target');
    const [from, to] = [50, 2 * MIN_PART_BYTES];
    const range = BYTES.subarray(from, to + 1);
    const { CopyPartResult: first } = await copy(uploadId, { CopySourceRange: `bytes=${from}-${to}` });
    expect(first?.ETag).toBe(etagOf(range));
    const second = await sendPart(fixture.client, 'target', uploadId, 2, bytesOf(7, 4));
    const listed = await fixture.client.send(
      new ListPartsCommand({ Bucket: BUCKET, Key: 'target', UploadId: uploadId }),
    );
    expect(listed.Parts?.map(({ PartNumber, Size }) => [PartNumber, Size])).toEqual([
      [1, range.length],
      [2, 7],
    ]);
    await complete(fixture.client, 'target', uploadId, [{ PartNumber: 1, ETag: first?.ETag ?? '' }, second]);
    expect(await readObject(fixture.client, 'target')).toEqual(Buffer.concat([range, bytesOf(7, 4)]));
  });

  test('without a range takes the whole object, with the checksum of the upload', async () => {
    const kind = { ChecksumAlgorithm: 'CRC64NVME' } as const;
    const uploadId = await createUpload(fixture.client, 'target', kind);
    const { CopyPartResult: part } = await copy(uploadId);
    expect(part).toMatchObject({ ETag: etagOf(BYTES), ChecksumCRC64NVME: expect.any(String) });
    const whole = new CompleteMultipartUploadCommand({
      Bucket: BUCKET,
      Key: 'target',
      UploadId: uploadId,
      MultipartUpload: { Parts: [{ PartNumber: 1, ETag: part?.ETag }] },
    });
    expect((await fixture.client.send(whole)).ChecksumCRC64NVME).toBe(part?.ChecksumCRC64NVME);
    expect(await readObject(fixture.client, 'target')).toEqual(BYTES);
  });

  test('with a condition takes only the object that is meant', async () => {
    const uploadId = await createUpload(fixture.client, 'target');
    const { ETag } = await fixture.client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: SOURCE }));
    await copy(uploadId, { CopySourceIfMatch: ETag });
    expect(await refusalOf(copy(uploadId, { CopySourceIfMatch: '"other"' }))).toBe('412 PreconditionFailed');
    expect(await refusalOf(copy(uploadId, { CopySourceIfNoneMatch: ETag }))).toBe('412 PreconditionFailed');
    await copy(uploadId, { CopySourceIfNoneMatch: '"other"' });
  });

  test.each<[string, Partial<UploadPartCopyCommandInput>, string]>([
    ['a range beyond the end', { CopySourceRange: `bytes=0-${BYTES.length}` }, '400 InvalidArgument'],
    ['a range without an end', { CopySourceRange: 'bytes=0-' }, '400 InvalidArgument'],
    ['a range from back to front', { CopySourceRange: 'bytes=9-1' }, '400 InvalidArgument'],
    ['an object that is not there', { CopySource: copySource('nothing') }, '404 NoSuchKey'],
    ['a bucket that is not there', { CopySource: 'nowhere/key' }, '404 NoSuchBucket'],
    ['no name of an object', { CopySource: 'bucket-only' }, '400 InvalidArgument'],
    ['a version', { CopySource: `${copySource(SOURCE)}?versionId=1` }, '501 NotImplemented'],
    ['an upload that is not there', { UploadId: 'gone' }, '404 NoSuchUpload'],
    ['a part number beyond the last', { PartNumber: 10_001 }, '400 InvalidArgument'],
    ['a time as condition', { CopySourceIfModifiedSince: new Date(0) }, '501 NotImplemented'],
  ])('refuses %s, and leaves no bytes', async (_, input, refusal) => {
    const uploadId = await createUpload(fixture.client, 'target');
    const before = await blobsIn(fixture.folder);
    expect(await refusalOf(copy(uploadId, input))).toBe(refusal);
    expect(await blobsIn(fixture.folder)).toEqual(before);
  });
});

describe('CopyObject', () => {
  const copy = (key: string, input: Partial<CopyObjectCommandInput> = {}) =>
    fixture.client.send(new CopyObjectCommand({ Bucket: BUCKET, Key: key, CopySource: copySource(SOURCE), ...input }));

  test('copies bytes and headers, and outlives its source', async () => {
    await fixture.client.send(
      new PutObjectCommand({ Bucket: BUCKET, Key: 'short-lived', Body: bytesOf(90), Metadata: { a: 'b' } }),
    );
    const { CopyObjectResult } = await copy('copy', { CopySource: copySource('short-lived') });
    expect(CopyObjectResult?.ETag).toBe(etagOf(bytesOf(90)));
    await fixture.client.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: 'short-lived' }));
    const head = await fixture.client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'copy' }));
    expect(head.Metadata).toEqual({ a: 'b' });
    expect(await readObject(fixture.client, 'copy')).toEqual(bytesOf(90));
  });

  test('of an object in parts is one of a single part, with the headers that are asked for', async () => {
    await copy('flat', { MetadataDirective: 'REPLACE', Metadata: { other: 'yes' }, ChecksumAlgorithm: 'CRC32C' });
    const target = { Bucket: BUCKET, Key: 'flat', ChecksumMode: 'ENABLED' } as const;
    const head = await fixture.client.send(new HeadObjectCommand(target));
    expect(head).toMatchObject({ ETag: etagOf(BYTES), Metadata: { other: 'yes' }, ChecksumCRC32C: expect.any(String) });
    expect(await readObject(fixture.client, 'flat')).toEqual(BYTES);
  });

  test('is refused onto itself as it is, and where its conditions do not hold', async () => {
    expect(await refusalOf(copy(SOURCE))).toBe('400 InvalidRequest');
    expect(await refusalOf(copy('never', { CopySourceIfMatch: '"other"' }))).toBe('412 PreconditionFailed');
    expect(await refusalOf(copy('never', { CopySource: copySource('nothing') }))).toBe('404 NoSuchKey');
    expect(await refusalOf(readObject(fixture.client, 'never'))).toBe('404 NoSuchKey');
  });
});
