import {
  CreateBucketCommand,
  DeleteBucketCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BUCKET, blobsIn, bytesOf, createUpload, type Fixture, filesIn, refusalOf, startFixture } from './fixture.ts';
import { errorCode, openRaw, replyTo, sendRaw } from './raw-request.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.end());

test('a bucket can be made, seen, listed and deleted, and then is no more', async () => {
  const { client } = fixture;
  const target = { Bucket: 'second-bucket' };
  expect(await refusalOf(client.send(new HeadBucketCommand(target)))).toBe('404 NotFound');
  await client.send(new CreateBucketCommand(target));
  await client.send(new HeadBucketCommand(target));
  const { Buckets } = await client.send(new ListBucketsCommand({}));
  expect(Buckets?.map(({ Name }) => Name)).toEqual([BUCKET, 'second-bucket']);
  await client.send(new DeleteBucketCommand(target));
  expect(await refusalOf(client.send(new HeadBucketCommand(target)))).toBe('404 NotFound');
  expect(await refusalOf(client.send(new DeleteBucketCommand(target)))).toBe('404 NoSuchBucket');
  expect((await filesIn(fixture.folder)).filter((file) => file.includes('second-bucket'))).toEqual([]);
});

test('a bucket that is there is not made again', async () => {
  const making = fixture.client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  expect(await refusalOf(making)).toBe('409 BucketAlreadyOwnedByYou');
});

test('a bucket with an object is not deleted; one with an open upload is, as at AWS', async () => {
  const { client } = fixture;
  await client.send(new CreateBucketCommand({ Bucket: 'full' }));
  await client.send(new PutObjectCommand({ Bucket: 'full', Key: 'k', Body: 'x' }));
  expect(await refusalOf(client.send(new DeleteBucketCommand({ Bucket: 'full' })))).toBe('409 BucketNotEmpty');
  await createUpload(client, 'k', { Bucket: 'full' });
  await sendRaw(fixture.server.url, { method: 'DELETE', path: '/full/k' });
  await client.send(new DeleteBucketCommand({ Bucket: 'full' }));
});

test('an object that arrives while its bucket is deleted finds no bucket', async () => {
  const { client, server, folder } = fixture;
  await client.send(new CreateBucketCommand({ Bucket: 'leaving' }));
  const body = bytesOf(1000);
  const putting = openRaw(server.url, { method: 'PUT', path: '/leaving/k', body });
  putting.write(body.subarray(0, 500));
  await expect.poll(async () => (await blobsIn(folder)).some((file) => file.includes('leaving'))).toBe(true);
  await client.send(new DeleteBucketCommand({ Bucket: 'leaving' }));
  putting.end(body.subarray(500));
  expect(errorCode(await replyTo(putting))).toBe('404 NoSuchBucket');
});

test('names that AWS refuses are refused, and never become folders', async () => {
  for (const name of ['..', '.', 'ab', 'UPPER', 'a..b', '-abc', '%2e%2e', 'a%2f..', 'x'.repeat(64), 'nul%00l']) {
    const reply = await sendRaw(fixture.server.url, { method: 'PUT', path: `/${name}` });
    expect(reply.status, name).toBeGreaterThanOrEqual(400);
  }
  const { Buckets } = await fixture.client.send(new ListBucketsCommand({}));
  expect(Buckets?.map(({ Name }) => Name)).toContain(BUCKET);
});

test('a bucket that is not there has no objects and no uploads', async () => {
  const { client } = fixture;
  const absent = 'not-there';
  expect(await refusalOf(client.send(new ListObjectsV2Command({ Bucket: absent })))).toBe('404 NoSuchBucket');
  const putting = client.send(new PutObjectCommand({ Bucket: absent, Key: 'k', Body: 'x' }));
  expect(await refusalOf(putting)).toBe('404 NoSuchBucket');
  expect(await refusalOf(createUpload(client, 'k', { Bucket: absent }))).toBe('404 NoSuchBucket');
});

test('a body that is no XML is MalformedXML', async () => {
  for (const text of ['<a>', 'nonsense', '<Other/>', '<!DOCTYPE x [<!ENTITY e "x">]><CreateBucketConfiguration/>']) {
    const reply = await sendRaw(fixture.server.url, { method: 'PUT', path: '/xml-bucket', body: Buffer.from(text) });
    expect(errorCode(reply)).toBe('400 MalformedXML');
  }
});

test('what this server does not know is refused by name, never answered as something else', async () => {
  const paths: [string, string][] = [
    ['GET', `/${BUCKET}?versioning`],
    ['GET', `/${BUCKET}`],
    ['GET', `/${BUCKET}/k?acl`],
    ['PUT', `/${BUCKET}/k?tagging`],
    ['DELETE', `/${BUCKET}/k?versionId=1`],
    ['POST', `/${BUCKET}?delete`],
    ['POST', `/${BUCKET}/k`],
  ];
  for (const [method, path] of paths) {
    expect(errorCode(await sendRaw(fixture.server.url, { method, path })), path).toBe('501 NotImplemented');
  }
  for (const headers of [{ 'x-amz-tagging': 'a=b' }, { 'x-amz-server-side-encryption': 'AES256' }]) {
    const storing = { method: 'PUT', path: `/${BUCKET}/k`, headers, body: Buffer.alloc(0) };
    expect(errorCode(await sendRaw(fixture.server.url, storing))).toBe('501 NotImplemented');
  }
});
