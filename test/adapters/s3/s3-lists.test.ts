// Listings of servers that lie, repeat themselves or never end: parts are never taken for missing or present because of it.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RawServer, startRawServer, xml } from './raw-server.ts';
import { ETAG, SENDS, UPLOAD } from './requests.ts';

interface PageOptions {
  readonly next?: string;
  readonly truncated?: boolean;
  readonly uploadId?: string;
}

const part = (n: number, { etag = `"${ETAG}"`, size = '6' } = {}) =>
  `<Part><PartNumber>${n}</PartNumber><ETag>${etag}</ETag><Size>${size}</Size></Part>`;

const partsPage = (
  parts: readonly string[],
  { next, truncated = false, uploadId = UPLOAD.uploadId }: PageOptions = {},
) =>
  xml(
    [
      `<ListPartsResult><UploadId>${uploadId}</UploadId><IsTruncated>${truncated}</IsTruncated>`,
      ...(next === undefined ? [] : [`<NextPartNumberMarker>${next}</NextPartNumberMarker>`]),
      ...parts,
      '</ListPartsResult>',
    ].join(''),
  );

const upload = (key: string, id: string, initiated = '2026-11-10T10:00:00.000Z') =>
  `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${initiated}</Initiated></Upload>`;

const uploadsPage = (uploads: readonly string[], more = '') =>
  xml(`<ListMultipartUploadsResult><Bucket>streams</Bucket>${more}${uploads.join('')}</ListMultipartUploadsResult>`);

/** A test that would run for ever ends here. */
const MANY_REQUESTS = 20;

describe('lists', () => {
  let server: RawServer;
  beforeAll(async () => {
    server = await startRawServer();
  });
  afterAll(() => server.close());
  beforeEach(() => {
    server.seen.length = 0;
  });

  const malformed = { ok: false, failure: { code: 's3_malformed_reply', answered: false } };

  test('the pages of a list of parts follow each other by their markers', async () => {
    server.answer = ({ url }) => {
      const marker = Number(url.searchParams.get('part-number-marker') ?? 0);
      const parts = [marker + 1, marker + 2].map((n) => part(n));
      return partsPage(parts, marker < 4 ? { truncated: true, next: String(marker + 2) } : {});
    };
    const listed = await SENDS.listParts(server.store);
    expect(listed).toMatchObject({
      ok: true,
      value: { parts: [1, 2, 3, 4, 5, 6].map((n) => ({ partNumber: n, sizeBytes: 6, etag: ETAG })) },
    });
    expect(server.seen).toHaveLength(3);
  });

  test('without a marker the last part is one', async () => {
    server.answer = ({ url }) =>
      url.searchParams.get('part-number-marker') === '2'
        ? partsPage([part(7)])
        : partsPage([part(1), part(2)], { truncated: true });
    const listed = await SENDS.listParts(server.store);
    expect(listed.ok && (listed.value as { parts: { partNumber: number }[] }).parts.map((p) => p.partNumber)).toEqual([
      1, 2, 7,
    ]);
  });

  test.each([
    ['that stays where it is', () => partsPage([part(1)], { truncated: true, next: '0' })],
    ['that goes back', () => partsPage([part(1), part(2)], { truncated: true, next: '-5' })],
    ['that is no number', () => partsPage([part(1)], { truncated: true, next: 'abc' })],
    ['that is missing on an empty page', () => partsPage([], { truncated: true })],
  ])('a marker %s is a failure, not a loop', async (_, page) => {
    server.answer = page;
    expect(await SENDS.listParts(server.store)).toMatchObject(malformed);
    expect(server.seen.length).toBeLessThan(MANY_REQUESTS);
  });

  test('empty pages whose markers lead on and on are given up', async () => {
    server.answer = ({ url }) => {
      const marker = Number(url.searchParams.get('part-number-marker') ?? 0);
      return partsPage([], { truncated: true, next: String(marker + 50_000) });
    };
    expect(await SENDS.listParts(server.store)).toMatchObject(malformed);
    expect(server.seen).toHaveLength(3);
  });

  test('F29 a server that ignores the marker and repeats its page is found out on the second one', async () => {
    server.answer = () => partsPage([part(1), part(2)], { truncated: true, next: '2' });
    expect(await SENDS.listParts(server.store)).toMatchObject(malformed);
    expect(server.seen).toHaveLength(2);
  });

  test.each([
    ['without an etag', partsPage([part(1, { etag: '' })])],
    ['without a size', partsPage(['<Part><PartNumber>1</PartNumber><ETag>e</ETag></Part>'])],
    ['with a size that is none', partsPage([part(1, { size: '-6' })])],
    ['with a number that is none', partsPage(['<Part><PartNumber>x</PartNumber><ETag>e</ETag><Size>6</Size></Part>'])],
    ['twice', partsPage([part(1), part(1)])],
    ['in the wrong order', partsPage([part(2), part(1)])],
    ['of another upload', partsPage([part(1)], { uploadId: 'upload-2' })],
    ['of no upload', partsPage([part(1)], { uploadId: '' })],
  ])('a list of parts %s is no list', async (_, page) => {
    server.answer = () => page;
    expect(await SENDS.listParts(server.store)).toMatchObject(malformed);
  });

  test('a failure on a later page fails the whole list', async () => {
    server.answer = ({ url }) =>
      url.searchParams.has('part-number-marker')
        ? { status: 503 }
        : partsPage([part(1)], { truncated: true, next: '1' });
    expect(await SENDS.listParts(server.store)).toMatchObject({ ok: false, failure: { code: 's3_unavailable' } });
  });

  test('a list of uploads ends when a page brings nothing new (Swift repeats its page for ever)', async () => {
    const more =
      '<IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker><NextUploadIdMarker>1</NextUploadIdMarker>';
    server.answer = () => uploadsPage([upload('a', '1'), upload('a', '2')], more);
    const listed = await SENDS.listUploads(server.store);
    const initiatedAtMs = Date.parse('2026-11-10T10:00:00Z');
    expect(listed).toEqual({
      ok: true,
      value: [
        { key: 'a', uploadId: '1', initiatedAtMs },
        { key: 'a', uploadId: '2', initiatedAtMs },
      ],
    });
    expect(server.seen).toHaveLength(2);
  });

  test('uploads of keys that do not begin with the prefix are not ours to see', async () => {
    server.answer = () => uploadsPage([upload('a/x', '1'), upload('b/x', '2')]);
    const listed = await server.store.listUploads({ bucket: 'streams', prefix: 'a/' });
    expect(listed).toMatchObject({ ok: true, value: [{ key: 'a/x' }] });
    const { searchParams } = server.seen[0]?.url ?? new URL('http://none');
    expect(Object.fromEntries(searchParams)).toMatchObject({ prefix: 'a/', 'encoding-type': 'url' });
  });

  test.each([
    ['a%20b%2Bc%25%C3%BC', true, 'a b+c%ü'],
    ['a+b', true, 'a b'],
    ['a%20b+c', false, 'a%20b+c'],
    ['a&amp;b', false, 'a&b'],
  ])('the key %j, URL-encoded: %s, is %j', async (text, isEncoded, key) => {
    const encoding = isEncoded ? '<EncodingType>url</EncodingType>' : '';
    server.answer = () => uploadsPage([upload(text, '1')], encoding);
    expect(await SENDS.listUploads(server.store)).toMatchObject({ ok: true, value: [{ key }] });
  });

  test.each([
    ['without a key', uploadsPage([upload('', '1')])],
    ['without an id', uploadsPage([upload('a', '')])],
    ['without a time', uploadsPage([upload('a', '1', '')])],
    ['with a time that is none', uploadsPage([upload('a', '1', 'yesterday')])],
    ['encoded wrongly', uploadsPage([upload('%zz', '1')], '<EncodingType>url</EncodingType>')],
    ['without a bucket', xml('<ListMultipartUploadsResult></ListMultipartUploadsResult>')],
  ])('a list of uploads %s is no list', async (_, page) => {
    server.answer = () => page;
    expect(await SENDS.listUploads(server.store)).toMatchObject(malformed);
  });

  test('more unfinished uploads than anyone can work with are refused, not collected for ever', async () => {
    let page = 0;
    server.answer = () => {
      page += 1;
      const uploads = Array.from({ length: 5000 }, (_, n) => upload(`${page}`, `${page}-${n}`));
      return uploadsPage(uploads, '<IsTruncated>true</IsTruncated>');
    };
    expect(await SENDS.listUploads(server.store)).toMatchObject({ ok: false, failure: { code: 's3_request_refused' } });
    expect(page).toBe(21);
  });
});
