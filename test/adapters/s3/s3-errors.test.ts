// One failure for each thing that S3 and the network say, by name; every code that the adapter can give is produced here.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { FailureCode } from '../../../src/machines/failure.ts';
import { connectTo, SECRET_ACCESS_KEY } from './fixture.ts';
import { type RawAnswer, type RawServer, s3Error, startRawServer } from './raw-server.ts';
import { METHODS, SENDS } from './requests.ts';

type Row = [name: string, status: number, code: FailureCode, doubtful?: 'doubtful'];
const BY_NAME: readonly Row[] = [
  ['InternalError', 500, 's3_unavailable', 'doubtful'],
  ['ServiceUnavailable', 503, 's3_unavailable'],
  ['RequestTimeout', 400, 's3_unavailable'],
  ['OperationAborted', 409, 's3_unavailable'],
  ['SomethingOfTheirs', 502, 's3_unavailable', 'doubtful'],
  ['SlowDown', 503, 's3_throttled'],
  ['SlowDownWrite', 503, 's3_throttled'],
  ['TooManyRequests', 429, 's3_throttled'],
  ['SomethingOfTheirs', 429, 's3_throttled'],
  ['RequestTimeTooSkewed', 403, 's3_clock_skew'],
  ['ExpiredToken', 400, 's3_credentials_expired'],
  ['TokenRefreshRequired', 400, 's3_credentials_expired'],
  ['InvalidAccessKeyId', 403, 's3_credentials_wrong'],
  ['SignatureDoesNotMatch', 403, 's3_credentials_wrong'],
  ['AccessDenied', 403, 's3_access_denied'],
  ['SomethingOfTheirs', 403, 's3_access_denied'],
  ['NoSuchBucket', 404, 's3_no_such_bucket'],
  ['NoSuchUpload', 404, 'upload_not_found'],
  ['InvalidPart', 400, 'part_invalid'],
  ['InvalidPartOrder', 400, 'part_invalid'],
  ['EntityTooSmall', 400, 'part_too_small'],
  ['PreconditionFailed', 412, 'precondition_failed'],
  ['PreconditionFailed', 503, 'precondition_failed'],
  ['PreconditionFailed', 200, 'precondition_failed'],
  ['ConditionalRequestConflict', 409, 'upload_conflicted'],
  ['BadDigest', 400, 'part_digest_mismatch'],
  ['XAmzContentSHA256Mismatch', 400, 'part_digest_mismatch'],
  ['EntityTooLarge', 400, 'file_too_large'],
  ['KeyTooLongError', 400, 'key_too_long'],
  ['NotImplemented', 501, 's3_request_refused'],
  ['MalformedXML', 400, 's3_request_refused'],
  ['PermanentRedirect', 301, 's3_request_refused'],
  ['SomethingOfTheirs', 404, 's3_request_refused'],
];

describe('errors', () => {
  let server: RawServer;
  beforeAll(async () => {
    server = await startRawServer();
  });
  afterAll(() => server.close());
  beforeEach(() => {
    server.seen.length = 0;
  });

  const failureOf = async (method: keyof typeof SENDS, answer: RawAnswer) => {
    server.answer = () => answer;
    const outcome = await SENDS[method](server.store);
    if (outcome.ok) throw new Error('it succeeded');
    return outcome.failure;
  };

  test.each<Row>(BY_NAME)('%s with status %i is %s (%s)', async (name, status, code, doubtful) => {
    const failure = await failureOf('completeUpload', s3Error(name, status));
    expect(failure.code).toBe(code);
    expect(failure.answered).toBe(doubtful ? false : undefined);
    expect(failure.detail).toBe(`CompleteMultipartUpload: HTTP ${status} ${name}: The server says why.`);
    // Sent once: whoever owes the work decides about another try.
    expect(server.seen).toHaveLength(1);
  });

  test('NoSuchKey means the upload, the object that a condition names, or absence, as the request was', async () => {
    const gone = s3Error('NoSuchKey', 404);
    for (const method of ['uploadPart', 'listParts', 'completeUpload', 'abortUpload'] as const) {
      expect((await failureOf(method, gone)).code).toBe('upload_not_found');
    }
    expect((await failureOf('putObject', gone)).code).toBe('precondition_failed');
    expect(await SENDS.getObject(server.store)).toEqual({ ok: true, value: null });
    expect(await SENDS.deleteObject(server.store)).toEqual({ ok: true, value: null });
  });

  const page = (status: number): RawAnswer => ({
    status,
    body: '<html><body>nginx</body></html>',
    headers: { 'content-type': 'text/html' },
  });
  test.each(METHODS.filter((method) => method !== 'headObject'))(
    "%s: a proxy's page never says that something is absent",
    async (method) => {
      expect(await failureOf(method, page(404))).toMatchObject({ code: 's3_malformed_reply', answered: false });
      expect(await failureOf(method, page(302))).toMatchObject({ code: 's3_malformed_reply', answered: false });
      expect((await failureOf(method, page(403))).code).toBe('s3_access_denied');
      expect((await failureOf(method, page(413))).code).toBe('s3_request_refused');
      expect(await failureOf(method, page(502))).toMatchObject({ code: 's3_unavailable', answered: false });
      expect(await failureOf(method, page(504))).toMatchObject({ code: 's3_unavailable', answered: false });
    },
  );

  test.each([
    [400, 's3_request_refused'],
    [403, 's3_access_denied'],
    [412, 'precondition_failed'],
    [301, 's3_request_refused'],
    [429, 's3_throttled'],
    [500, 's3_unavailable'],
    [503, 's3_unavailable'],
  ] as const)('HEAD has no body: status %i is %s', async (status, code) => {
    expect((await failureOf('headObject', { status })).code).toBe(code);
  });

  test('HEAD 404 is absence', async () => {
    server.answer = () => ({ status: 404 });
    expect(await SENDS.headObject(server.store)).toEqual({ ok: true, value: null });
  });

  test.each([
    ['7', 7_000],
    ['Tue, 10 Nov 2026 10:01:30 GMT', 90_000],
    ['Tue, 10 Nov 2026 09:00:00 GMT', 0],
    ['soon', undefined],
  ])('Retry-After: %s is the wish for %s ms', async (value, retryAfterMs) => {
    const headers = { 'retry-after': value, date: 'Tue, 10 Nov 2026 10:00:00 GMT' };
    const failure = await failureOf('uploadPart', s3Error('SlowDown', 503, 'Slower.', headers));
    expect(failure).toMatchObject({ code: 's3_throttled' });
    expect(failure.retryAfterMs).toBe(retryAfterMs);
  });

  test('no secret reaches a detail, even when the server repeats it, and a detail is one short line', async () => {
    const message = `your secret\n ${SECRET_ACCESS_KEY} is &lt;wrong&gt; ${'x'.repeat(1000)}`;
    const failure = await failureOf('uploadPart', s3Error('SignatureDoesNotMatch', 403, message));
    expect(failure.detail).toContain('your secret *** is <wrong> xxx');
    expect(failure.detail.length).toBeLessThanOrEqual(300);
    expect(JSON.parse(JSON.stringify(failure))).toEqual(failure);
    const half = await failureOf('uploadPart', s3Error('InvalidToken', 403, `${'y'.repeat(240)}${SECRET_ACCESS_KEY}`));
    expect(half.detail).not.toContain(SECRET_ACCESS_KEY.slice(0, 8));
  });

  test('where nobody listens, nothing was sent', async () => {
    const gone = await startRawServer();
    await gone.close();
    for (const url of [gone.url, 'http://no-such-host.invalid']) {
      const store = connectTo(url);
      const outcome = await SENDS.completeUpload(store);
      store.close();
      expect(outcome).toMatchObject({ ok: false, failure: { code: 's3_unavailable' } });
      if (!outcome.ok) expect(outcome.failure.answered).toBeUndefined();
    }
  });

  test('what speaks no HTTP is no answer', async () => {
    const failure = await failureOf('completeUpload', (response) => response.socket?.end('SSH-2.0-OpenSSH_9.2\r\n'));
    expect(failure).toMatchObject({ code: 's3_malformed_reply', answered: false });
  });

  test('a bucket that cannot be one is refused before anything is sent', async () => {
    const outcome = await server.store.headObject({ bucket: 'not/a/bucket', key: 'x' });
    expect(outcome).toMatchObject({ ok: false, failure: { code: 's3_request_refused' } });
    expect(server.seen).toHaveLength(0);
  });

  test('an object that is too large to be small is a bug of ours, not a request', async () => {
    const body = Buffer.alloc(16 * 1024 * 1024 + 1);
    const target = { bucket: 'streams', key: 'x' };
    const request = { target, body, contentType: 'text/plain', metadata: {}, condition: { kind: 'any' } as const };
    expect(await server.store.putObject(request)).toMatchObject({ ok: false, failure: { code: 'bug' } });
    expect(server.seen).toHaveLength(0);
  });
});
