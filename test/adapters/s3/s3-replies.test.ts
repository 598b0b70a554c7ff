// Only a whole answer of S3 counts as one. Proxies, captive portals and S3's own 200 with an error inside do not.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connectTo } from './fixture.ts';
import { HTML_PAGE, type RawAnswer, type RawServer, startRawServer, xml } from './raw-server.ts';
import { ETAG, METHODS, SENDS, UPLOAD } from './requests.ts';

const COMPLETED = `<CompleteMultipartUploadResult><Location>http://x</Location><Bucket>streams</Bucket><Key>a/file.mp4</Key><ETag>"${ETAG}-1"</ETag></CompleteMultipartUploadResult>`;
const INTERNAL = '<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>';
const plain = (body: string): RawAnswer => ({ status: 200, body });

describe('replies', () => {
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
    expect(server.seen).toHaveLength(1);
    return outcome.ok ? 'success' : outcome.failure;
  };

  // GetObject cannot tell a page from an object; whoever reads it compares. HEAD of a page looks like an object's.
  test.each(METHODS.filter((method) => method !== 'getObject' && method !== 'headObject'))(
    '%s: a 200 with an HTML page is no answer',
    async (method) => {
      expect(await failureOf(method, HTML_PAGE)).toMatchObject({ code: 's3_malformed_reply', answered: false });
    },
  );

  test.each(METHODS.filter((method) => !['getObject', 'headObject', 'abortUpload', 'deleteObject'].includes(method)))(
    '%s: an empty 200 is no answer',
    async (method) => {
      const answer = { status: 200, headers: { 'content-length': '0' } };
      expect(await failureOf(method, answer)).toMatchObject({ code: 's3_malformed_reply', answered: false });
    },
  );

  test.each(METHODS.filter((method) => method !== 'getObject' && method !== 'headObject'))(
    '%s: a 200 with an error inside is that error',
    async (method) => {
      expect(await failureOf(method, plain(`${INTERNAL}\n`))).toMatchObject({
        code: 's3_unavailable',
        answered: false,
      });
      server.seen.length = 0;
      const denied = plain('<Error><Code>AccessDenied</Code><Message>No.</Message></Error>');
      expect(await failureOf(method, denied)).toMatchObject({ code: 's3_access_denied' });
    },
  );

  test.each([
    ['plain', INTERNAL, 's3_unavailable'],
    ['with a prolog', `<?xml version="1.0" encoding="UTF-8"?>\n${INTERNAL}`, 's3_unavailable'],
    ['with a newline at its end', `${INTERNAL}\n`, 's3_unavailable'],
    ['with blanks before and after', `\n   \n${INTERNAL}  \r\n`, 's3_unavailable'],
    ['with keep-alive blanks after the prolog', `<?xml version="1.0"?>\n      \n${INTERNAL}`, 's3_unavailable'],
    ['behind a comment', `<!-- busy -->${INTERNAL}`, 's3_unavailable'],
    ['cut in the middle', INTERNAL.slice(0, -10), 's3_malformed_reply'],
    ['cut before its code', '<Error><Co', 's3_malformed_reply'],
    ['without a code', '<Error><Message>?</Message></Error>', 's3_malformed_reply'],
    ['of another vocabulary', '<error>nope</error>', 's3_malformed_reply'],
  ])('Complete answered 200 with an error %s never counts as done', async (_, body, code) => {
    expect(await failureOf('completeUpload', plain(body))).toMatchObject({ code, answered: false });
  });

  test.each([
    ['nothing but blanks', '   \n  '],
    ['a prolog only', '<?xml version="1.0" encoding="UTF-8"?>\n'],
    ['cut', COMPLETED.slice(0, -5)],
    ['cut right after the etag', COMPLETED.slice(0, COMPLETED.indexOf('</CompleteM'))],
    ['empty', '<CompleteMultipartUploadResult></CompleteMultipartUploadResult>'],
    ['of another key', COMPLETED.replace('a/file.mp4', 'a/other.mp4')],
    ['of another operation', '<ListPartsResult><Key>a/file.mp4</Key></ListPartsResult>'],
    ['mixed up', COMPLETED.replace('</Key>', '</Bucket>')],
    ['text', 'OK'],
  ])('Complete answered 200 with a result that is %s is doubtful', async (_, body) => {
    expect(await failureOf('completeUpload', plain(body))).toMatchObject({
      code: 's3_malformed_reply',
      answered: false,
    });
  });

  test.each([
    ['as AWS writes it', `<?xml version="1.0" encoding="UTF-8"?>\n${COMPLETED}`, `${ETAG}-1`],
    ['after a minute of keep-alive blanks', `${' '.repeat(60)}<?xml version="1.0"?>\n \n${COMPLETED}\n`, `${ETAG}-1`],
    ['with an empty etag (Ceph)', COMPLETED.replace(`"${ETAG}-1"`, ''), ''],
    [
      'with a namespace',
      COMPLETED.replace('Result>', 'Result xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'),
      `${ETAG}-1`,
    ],
  ])('Complete is done when the result is whole: %s', async (_, body, etag) => {
    server.answer = () => plain(body);
    expect(await SENDS.completeUpload(server.store)).toEqual({ ok: true, value: { etag } });
  });

  test('F22 a part without an etag is not uploaded; an etag without its quotes is', async () => {
    expect(await failureOf('uploadPart', { status: 200 })).toMatchObject({ code: 's3_malformed_reply' });
    server.seen.length = 0;
    expect(await failureOf('uploadPart', { status: 200, headers: { etag: '""' } })).toMatchObject({
      code: 's3_malformed_reply',
    });
    server.answer = () => ({ status: 200, headers: { etag: ETAG } });
    expect(await SENDS.uploadPart(server.store)).toEqual({ ok: true, value: { etag: ETAG } });
  });

  test('F22 a part that arrived with another checksum than ours is not uploaded', async () => {
    const headers = { etag: `"${ETAG}"`, 'x-amz-checksum-crc32': 'AAAAAA==' };
    expect(await failureOf('uploadPart', { status: 200, headers })).toMatchObject({ code: 'part_digest_mismatch' });
  });

  test.each([
    ['without UploadId', '<InitiateMultipartUploadResult><Key>a/file.mp4</Key></InitiateMultipartUploadResult>'],
    ['with an empty one', '<InitiateMultipartUploadResult><UploadId></UploadId></InitiateMultipartUploadResult>'],
  ])('an upload %s is not open', async (_, body) => {
    expect(await failureOf('createUpload', xml(body))).toMatchObject({ code: 's3_malformed_reply', answered: false });
  });

  test('the date on which the provider will abort is read', async () => {
    const abortAt = 'Wed, 18 Nov 2026 00:00:00 GMT';
    const body = '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>';
    server.answer = () => xml(body, 200, { 'x-amz-abort-date': abortAt });
    const created = await SENDS.createUpload(server.store);
    expect(created).toEqual({ ok: true, value: { uploadId: 'u', expiresAtMs: Date.parse(abortAt) } });
    const parts = `<ListPartsResult><UploadId>${UPLOAD.uploadId}</UploadId></ListPartsResult>`;
    server.answer = () => xml(parts, 200, { 'x-amz-abort-date': abortAt });
    const listed = await SENDS.listParts(server.store);
    expect(listed).toEqual({ ok: true, value: { parts: [], expiresAtMs: Date.parse(abortAt) } });
  });

  const OBJECT = {
    'content-length': '6',
    etag: `"${ETAG}"`,
    'last-modified': 'Tue, 10 Nov 2026 10:00:00 GMT',
  };
  test.each(['content-length', 'etag', 'last-modified'] as const)('HEAD without %s is no object', async (name) => {
    const { [name]: _, ...headers } = OBJECT;
    // Node would add a length of its own.
    const answer: RawAnswer = (response) => {
      response.removeHeader('content-length');
      response.useChunkedEncodingByDefault = false;
      response.writeHead(200, { ...headers, connection: 'close' }).end();
    };
    expect(await failureOf('headObject', answer)).toMatchObject({ code: 's3_malformed_reply' });
  });

  test.each([
    [{ 'x-amz-checksum-crc32': 'NhCmhg==', 'x-amz-checksum-type': 'FULL_OBJECT' }, 'FULL_OBJECT'],
    [{ 'x-amz-checksum-crc32': 'NhCmhg==' }, 'FULL_OBJECT'],
    [{ 'x-amz-checksum-crc32': 'NhCmhg==-3', 'x-amz-checksum-type': 'COMPOSITE' }, 'COMPOSITE'],
    [{ 'x-amz-checksum-crc32': 'NhCmhg==-3' }, 'COMPOSITE'],
    [{ 'x-amz-checksum-crc64nvme': 'NhCmhgAAAAA=' }, undefined],
    [{ 'x-amz-checksum-crc32': 'nonsense' }, undefined],
  ])('HEAD tells a checksum %j as %s', async (headers, kind) => {
    server.answer = () => ({ status: 200, headers: { ...OBJECT, ...headers, 'x-amz-meta-tailrace-stream': 'abc' } });
    const head = {
      sizeBytes: 6,
      etag: ETAG,
      metadata: { 'tailrace-stream': 'abc' },
      lastModifiedMs: Date.parse(OBJECT['last-modified']),
      ...(kind && { crc32: { kind, value: '3610a686' } }),
    };
    expect(await SENDS.headObject(server.store)).toEqual({ ok: true, value: head });
    expect(server.seen[0]?.headers['x-amz-checksum-mode']).toBe('ENABLED');
  });

  test('HEAD asks for no checksum where the server knows none: it may refuse the question', async () => {
    const store = connectTo(server.url, { capabilities: { checksum: 'md5' } });
    server.answer = () => ({ status: 200, headers: OBJECT });
    expect(await SENDS.headObject(store)).toMatchObject({ ok: true });
    expect(server.seen[0]?.headers).not.toHaveProperty('x-amz-checksum-mode');
    store.close();
  });

  test('a range that is not the one asked for is no answer', async () => {
    const target = UPLOAD.target;
    server.answer = () => ({ status: 200, headers: { ...OBJECT }, body: 'hello\n' });
    const whole = await server.store.getObject({ target, offset: 2, sizeBytes: 2 });
    expect(whole).toMatchObject({ ok: false, failure: { code: 's3_malformed_reply' } });
    const headers = { ...OBJECT, 'content-length': '2', 'content-range': 'bytes 0-1/6' };
    server.answer = () => ({ status: 206, headers, body: 'he' });
    const other = await server.store.getObject({ target, offset: 2, sizeBytes: 2 });
    expect(other).toMatchObject({ ok: false, failure: { code: 's3_malformed_reply' } });
  });

  test('an answer of endless size is given up', async () => {
    server.answer = () =>
      plain(`<ListPartsResult>${' '.repeat(8_500_000)}<UploadId>upload-1</UploadId></ListPartsResult>`);
    expect(await SENDS.listParts(server.store)).toMatchObject({ ok: false, failure: { code: 's3_malformed_reply' } });
  });
});
