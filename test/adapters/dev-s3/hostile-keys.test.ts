import { rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { DeleteObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDevS3 } from '../../../src/dev-s3/server.ts';
import {
  BUCKET,
  bytesOf,
  complete,
  createUpload,
  type Fixture,
  filesIn,
  KEYS,
  readObject,
  refusalOf,
  sendPart,
  startFixture,
  temporaryFolder,
} from './fixture.ts';
import { errorCode, replyTo, sendRaw } from './raw-request.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.end());

const HOSTILE = [
  '..',
  '.',
  '../../../../tmp/evil',
  'a/../../b',
  '%2e%2e%2fescaped',
  '/leading',
  '//two',
  'trailing/',
  'a//b',
  '\\..\\windows',
  'nul\u0000byte',
  'line\nbreak\r\ttab\u0001',
  'CON',
  '*?"<>|&\'',
  'ünïcödé/日本語/😀',
  'u\u0308 is not ü',
  '<Key>&amp;</Key>',
  '__proto__',
  'constructor',
  '-/faults',
  'x'.repeat(1024),
  '😀'.repeat(256),
  ' ',
  '+',
  'a b+c%20d',
];

test('every key that AWS takes is kept as it is, by Put and by upload, and never leaves the folder', async () => {
  const { client } = fixture;
  for (const [index, key] of HOSTILE.entries()) {
    await client.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: bytesOf(5, index) }));
  }
  for (const [index, key] of HOSTILE.entries()) {
    expect(await readObject(client, key), JSON.stringify(key)).toEqual(bytesOf(5, index));
    const uploadId = await createUpload(client, key);
    await complete(client, key, uploadId, [await sendPart(client, key, uploadId, 1, bytesOf(6, index))]);
    expect(await readObject(client, key), JSON.stringify(key)).toEqual(bytesOf(6, index));
  }
  const names = await filesIn(fixture.folder);
  const known =
    /^(dev-s3\.json|buckets\/recordings\/(bucket\.json|blobs\/[0-9a-f-]{36}|(objects|finished)\/[0-9a-f]+\.json))$/;
  expect(names.filter((name) => !known.test(name))).toEqual([]);

  const { Contents } = await client.send(new ListObjectsV2Command({ Bucket: BUCKET, EncodingType: 'url' }));
  expect(new Set(Contents?.map(({ Key }) => decodeURIComponent(Key!)))).toEqual(new Set(HOSTILE));
  for (const key of HOSTILE) await client.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: key }));
  expect((await filesIn(fixture.folder)).filter((name) => name.includes('/objects/'))).toEqual([]);
});

test('keys that differ only in their encoding are one, and those that differ in a dot are two', async () => {
  const { url } = fixture.server;
  await sendRaw(url, { method: 'PUT', path: `/${BUCKET}/%2e%2E/a`, body: bytesOf(1) });
  expect((await sendRaw(url, { method: 'GET', path: `/${BUCKET}/../a` })).body).toEqual(bytesOf(1));
  expect(errorCode(await sendRaw(url, { method: 'GET', path: `/${BUCKET}/./../a` }))).toBe('404 NoSuchKey');
});

test('a key of more than 1,024 bytes is refused, counted in UTF-8', async () => {
  for (const key of ['x'.repeat(1025), '😀'.repeat(257)]) {
    const putting = fixture.client.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: 'x' }));
    expect(await refusalOf(putting)).toBe('400 KeyTooLongError');
  }
});

test('a path that is no UTF-8, or names no bucket, is refused', async () => {
  const { port } = fixture.server;
  for (const target of [`/${BUCKET}/%ff`, `/${BUCKET}/%`, '//key', 'http://elsewhere/b/k']) {
    const request = http.request({ host: '127.0.0.1', port, path: target });
    request.end();
    expect(errorCode(await replyTo(request)), target).toBe('400 InvalidURI');
  }
});

test('a folder with a stranger’s files in it is refused, and not touched', async () => {
  const folder = await temporaryFolder();
  await writeFile(path.join(folder, 'holiday.jpg'), 'precious');
  await expect(startDevS3({ folder, ...KEYS })).rejects.toThrow('a folder of its own');
  expect(await filesIn(folder)).toEqual(['holiday.jpg']);
  await rm(folder, { recursive: true });
});
