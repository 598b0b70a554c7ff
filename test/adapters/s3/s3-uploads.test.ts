// What an upload, its completion and a put tell the server, and what they do not tell one that cannot take it.

import { afterEach, describe, expect, test } from 'vitest';
import { partNumber, uploadId } from '../../../src/machines/ids.ts';
import type { CompleteCondition } from '../../../src/machines/stream-record.ts';
import { type RawServer, startRawServer, xml } from './raw-server.ts';
import { ETAG, TARGET } from './requests.ts';

const CREATED = xml('<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>');
const COMPLETED = xml('<CompleteMultipartUploadResult><Key>a/file.mp4</Key></CompleteMultipartUploadResult>');
const PUT = { status: 200, headers: { etag: '"e"' } };

describe('uploads on the wire', () => {
  let server: RawServer | undefined;
  afterEach(() => server?.close());

  async function listen(options: Parameters<typeof startRawServer>[0] = {}) {
    server = await startRawServer(options);
    return server;
  }

  test('an upload carries our metadata, the content type, and asks for the CRC32 of the whole object', async () => {
    const { store, seen } = Object.assign(await listen(), { answer: () => CREATED });
    const metadata = { 'tailrace-stream': 'abc', 'tailrace-generation': '2' };
    await store.createUpload({ target: TARGET, metadata, contentType: 'video/mp4' });
    expect(seen[0]?.headers).toMatchObject({
      'content-type': 'video/mp4',
      'x-amz-meta-tailrace-stream': 'abc',
      'x-amz-meta-tailrace-generation': '2',
      'x-amz-checksum-algorithm': 'CRC32',
      'x-amz-checksum-type': 'FULL_OBJECT',
    });
    await store.createUpload({ target: TARGET, metadata });
    expect(seen[1]?.headers['content-type']).toBe('application/octet-stream');
  });

  test('a server without checksums is asked for none', async () => {
    const { store, seen } = Object.assign(await listen({ capabilities: { checksum: 'md5' } }), {
      answer: () => CREATED,
    });
    await store.createUpload({ target: TARGET, metadata: {} });
    expect(Object.keys(seen[0]?.headers ?? {}).filter((name) => name.includes('checksum'))).toEqual([]);
  });

  const complete = async (
    condition: CompleteCondition,
    options: Parameters<typeof startRawServer>[0] = {},
    numbers: readonly number[] = [1, 2],
  ) => {
    const { store, seen } = Object.assign(await listen(options), { answer: () => COMPLETED });
    const parts = numbers.map((n) => ({ partNumber: partNumber(n), etag: ETAG, crc32: '3610a686' }));
    await store.completeUpload({ target: TARGET, uploadId: uploadId('u'), parts, sizeBytes: 12, condition });
    const request = seen[0];
    if (!request) throw new Error('nothing arrived');
    return { headers: request.headers, body: request.body.toString() };
  };

  test.each<[CompleteCondition, string | undefined, string | undefined]>([
    [{ kind: 'absent' }, '*', undefined],
    [{ kind: 'ours', etag: ETAG }, undefined, `"${ETAG}"`],
    [{ kind: 'any' }, undefined, undefined],
  ])('Complete on the condition %j', async (condition, ifNoneMatch, ifMatch) => {
    const { headers } = await complete(condition);
    expect(headers['if-none-match']).toBe(ifNoneMatch);
    expect(headers['if-match']).toBe(ifMatch);
  });

  test('Complete states the parts with their checksums, and the size', async () => {
    const { headers, body } = await complete({ kind: 'any' });
    expect(headers['x-amz-mp-object-size']).toBe('12');
    expect(body.match(/<PartNumber>\d<\/PartNumber>/g)).toEqual([
      '<PartNumber>1</PartNumber>',
      '<PartNumber>2</PartNumber>',
    ]);
    expect(body.match(/<ChecksumCRC32>[^<]*</g)).toEqual(['<ChecksumCRC32>NhCmhg==<', '<ChecksumCRC32>NhCmhg==<']);
  });

  test('F21 Complete of ten thousand parts is one request with all of them, each once, in order', async () => {
    const numbers = Array.from({ length: 10_000 }, (_, at) => at + 1);
    const { headers, body } = await complete({ kind: 'any' }, {}, numbers);
    const sent = [...body.matchAll(/<PartNumber>(\d+)<\/PartNumber>/g)].map(([, n]) => Number(n));
    expect(sent).toEqual(numbers);
    expect(Number(headers['content-length'])).toBe(body.length);
  });

  test('Complete says nothing that the server is known not to take', async () => {
    const capabilities = { checksumsInComplete: false, conditionalComplete: false };
    const { headers, body } = await complete({ kind: 'absent' }, { capabilities });
    for (const name of ['x-amz-mp-object-size', 'if-none-match', 'if-match']) expect(headers[name]).toBeUndefined();
    expect(body).not.toContain('Checksum');
  });

  test('a put is signed, body and all, and carries its CRC32', async () => {
    const { store, seen } = Object.assign(await listen(), { answer: () => PUT });
    const condition = { kind: 'absent' } as const;
    const body = Buffer.from('hello\n');
    await store.putObject({ target: TARGET, body, contentType: 'application/json', metadata: { a: 'b' }, condition });
    expect(seen[0]?.headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': '6',
      'x-amz-meta-a': 'b',
      'x-amz-checksum-crc32': 'NjowIA==',
      'x-amz-content-sha256': '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03',
      'if-none-match': '*',
    });
  });
});
