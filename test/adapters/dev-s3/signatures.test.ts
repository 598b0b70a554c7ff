import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BUCKET, bytesOf, clientFor, type Fixture, readObject, refusalOf, startFixture } from './fixture.ts';
import { errorCode, openRaw, type RawRequest, replyTo, sendRaw } from './raw-request.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 12);
const MINUTE_MS = 60_000;

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture({ now: () => NOW_MS });
});
afterAll(() => fixture.end());

const put = (input: Partial<RawRequest>) =>
  sendRaw(fixture.server.url, { method: 'PUT', path: `/${BUCKET}/k`, body: bytesOf(10), atMs: NOW_MS, ...input });

test('a request that was signed with our key is taken', async () => {
  expect((await put({})).status).toBe(200);
  expect((await put({ path: `/${BUCKET}/(a)%20b%2Bc!*'~%C3%BC?x-id=PutObject` })).status).toBe(200);
  expect((await put({ headers: { 'x-amz-meta-spaces': '  one   two ' } })).status).toBe(403);
  expect((await put({ headers: { 'x-amz-meta-spaces': ' one two ' } })).status).toBe(200);
});

test('another key, another secret, another region are refused, each by its name', async () => {
  expect(errorCode(await put({ accessKeyId: 'other' }))).toBe('403 InvalidAccessKeyId');
  expect(errorCode(await put({ secretAccessKey: 'other' }))).toBe('403 SignatureDoesNotMatch');
  expect(errorCode(await put({ region: 'eu-west-1' }))).toBe('400 AuthorizationHeaderMalformed');
});

test('a request that was changed after it was signed is refused', async () => {
  const changed = openRaw(fixture.server.url, { method: 'GET', path: `/${BUCKET}/k`, atMs: NOW_MS });
  changed.path = `/${BUCKET}/other`;
  changed.end();
  expect(errorCode(await replyTo(changed))).toBe('403 SignatureDoesNotMatch');
  expect(errorCode(await put({ unsigned: { 'x-amz-meta-added': 'later' } }))).toBe('403 AccessDenied');
  expect(errorCode(await put({ unsigned: { 'x-amz-date': '20261122T120001Z' } }))).toBe('403 SignatureDoesNotMatch');
});

test('no signature, or one that is none, is refused', async () => {
  expect(errorCode(await put({ unsigned: { authorization: 'Basic abc' } }))).toBe('400 AuthorizationHeaderMalformed');
  const { status } = await fetch(`${fixture.server.url}/${BUCKET}/k`);
  expect(status).toBe(403);
  const presigned = await fetch(`${fixture.server.url}/${BUCKET}/k?X-Amz-Signature=00`);
  expect(presigned.status).toBe(501);
});

test('a clock that is off by up to a quarter of an hour is forgiven, by more is not', async () => {
  for (const sign of [-1, 1]) {
    expect((await put({ atMs: NOW_MS + sign * 15 * MINUTE_MS })).status).toBe(200);
    const late = await put({ atMs: NOW_MS + sign * 15 * MINUTE_MS + sign * 1000 });
    expect(errorCode(late)).toBe('403 RequestTimeTooSkewed');
    expect(late.headers.date).toBe('Sun, 22 Nov 2026 12:00:00 GMT');
    expect(late.body.toString()).toContain('<ServerTime>2026-11-22T12:00:00.000Z</ServerTime>');
  }
});

test('the SDK tells these errors by their names', async () => {
  const own = await startFixture();
  const putBy = (accessKeyId: string, secretAccessKey: string) => {
    const client = clientFor(own.server.url, { credentials: { accessKeyId, secretAccessKey } });
    return refusalOf(client.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'k', Body: 'x' })));
  };
  expect(await putBy('other', 'dev-secret')).toBe('403 InvalidAccessKeyId');
  expect(await putBy('dev-key', 'other')).toBe('403 SignatureDoesNotMatch');
  const client = clientFor(own.server.url, { systemClockOffset: 20 * MINUTE_MS });
  const head = client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'k' }));
  expect(await refusalOf(head)).toMatch(/^403 /);
  expect(await refusalOf(readObject(own.client, 'k'))).toBe('404 NoSuchKey');
  await own.end();
});
