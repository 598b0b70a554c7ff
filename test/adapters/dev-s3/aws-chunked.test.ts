// Bodies in chunks: the examples of the API reference of S3, the SDK's own streams, and what must not pass.

import { Readable } from 'node:stream';
import { PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ChunkedBody, ChunkSigner } from '../../../src/dev-s3/aws-chunked.ts';
import { ALGORITHMS } from '../../../src/dev-s3/checksums.ts';
import { type Signing, signingKey } from '../../../src/dev-s3/sigv4.ts';
import {
  BUCKET,
  blobsIn,
  bytesOf,
  clientFor,
  complete,
  createUpload,
  type Fixture,
  KEYS,
  readObject,
  refusalOf,
  startFixture,
} from './fixture.ts';
import { errorCode, openRaw, type RawReply, replyTo } from './raw-request.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.end());

/** "Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks", and "... Including Trailing Headers". */
describe('the examples of the API reference of S3', () => {
  const LETTERS = [Buffer.alloc(65_536, 'a'), Buffer.alloc(1024, 'a'), Buffer.alloc(0)];
  const signerFrom = (signature: string) =>
    new ChunkSigner({
      time: '20130524T000000Z',
      scope: '20130524/us-east-1/s3/aws4_request',
      key: signingKey('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', '20130524', 'us-east-1'),
      signature,
    });

  test('signed chunks', () => {
    const signer = signerFrom('4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9');
    expect(LETTERS.map((chunk) => signer.signChunk(chunk))).toEqual([
      'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
      '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
      'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
    ]);
  });

  test('signed chunks with a signed trailer', () => {
    const signer = signerFrom('106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e');
    expect(LETTERS.map((chunk) => signer.signChunk(chunk))).toEqual([
      'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2',
      '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7',
      '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992',
    ]);
    expect(signer.signTrailer('x-amz-checksum-crc32c:sOO8/Q==\n')).toBe(
      'd81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435',
    );
  });
});

describe('the SDK', () => {
  test('sends a stream of known length in chunks, with its checksum behind it', async () => {
    const client = clientFor(fixture.server.url, { requestChecksumCalculation: 'WHEN_SUPPORTED' });
    const body = bytesOf(700_000);
    const target = { Bucket: BUCKET, Key: 'sdk-stream' };
    for (const ChecksumAlgorithm of ['CRC32', 'SHA256'] as const) {
      const Body = Readable.from([body.subarray(0, 300_000), body.subarray(300_000)], { objectMode: false });
      const put = await client.send(
        new PutObjectCommand({ ...target, Body, ContentLength: body.length, ChecksumAlgorithm }),
      );
      const digest = ALGORITHMS[ChecksumAlgorithm].begin();
      digest.update(body);
      expect(put).toMatchObject({ [`Checksum${ChecksumAlgorithm}`]: digest.end().toString('base64') });
      expect(await readObject(client, 'sdk-stream')).toEqual(body);
    }
    const uploadId = await createUpload(client, 'sdk-part', { ChecksumAlgorithm: 'CRC32' });
    const part = { Bucket: BUCKET, Key: 'sdk-part', UploadId: uploadId, PartNumber: 1 };
    const { ETag, ChecksumCRC32 } = await client.send(
      new UploadPartCommand({
        ...part,
        Body: Readable.from([body], { objectMode: false }),
        ContentLength: body.length,
      }),
    );
    await complete(client, 'sdk-part', uploadId, [{ PartNumber: 1, ETag: ETag!, ...{ ChecksumCRC32 } }]);
    expect(await readObject(client, 'sdk-part')).toEqual(body);
    client.destroy();
  });
});

type Spoil = {
  readonly chunk?: (chunk: Buffer, index: number) => Buffer;
  readonly signature?: (signature: string, index: number) => string;
  readonly trailer?: string;
  readonly lengthBytes?: number;
  readonly tail?: string;
};

/** What a client sends in signed chunks of 1,000 bytes with a trailer; every step can be spoiled. */
async function putSigned(key: string, body: Buffer, spoil: Spoil = {}): Promise<RawReply> {
  const chunks = [];
  for (let at = 0; at < body.length; at += 1000) chunks.push(body.subarray(at, at + 1000));
  chunks.push(Buffer.alloc(0));
  const crc = ALGORITHMS.CRC32C.begin();
  crc.update(body);
  const trailer = `x-amz-checksum-crc32c:${spoil.trailer ?? crc.end().toString('base64')}\n`;
  const atMs = Date.now();
  const request = openRaw(fixture.server.url, {
    method: 'PUT',
    path: `/${BUCKET}/${key}`,
    atMs,
    contentSha256: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
    headers: {
      'content-encoding': 'aws-chunked',
      'x-amz-decoded-content-length': String(spoil.lengthBytes ?? body.length),
      'x-amz-trailer': 'x-amz-checksum-crc32c',
    },
  });
  const time = new Date(atMs).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = time.slice(0, 8);
  const signing: Signing = {
    time,
    scope: `${day}/us-east-1/s3/aws4_request`,
    key: signingKey(KEYS.secretAccessKey, day, 'us-east-1'),
    signature: /Signature=([0-9a-f]+)/.exec(String(request.getHeader('authorization')))?.[1] ?? '',
  };
  const signer = new ChunkSigner(signing);
  for (const [index, chunk] of chunks.entries()) {
    const signature = spoil.signature?.(signer.signChunk(chunk), index) ?? signer.signChunk(chunk);
    const sent = spoil.chunk?.(chunk, index) ?? chunk;
    request.write(`${sent.length.toString(16)};chunk-signature=${signature}\r\n`);
    request.write(sent);
    if (chunk.length > 0) request.write('\r\n');
  }
  request.write(`${trailer.trim()}\r\nx-amz-trailer-signature:${signer.signTrailer(trailer)}\r\n\r\n`);
  request.end(spoil.tail);
  return replyTo(request);
}

describe('signed chunks', () => {
  const body = bytesOf(2500);

  test('arrive without their framing', async () => {
    expect((await putSigned('signed', body)).status).toBe(200);
    expect(await readObject(fixture.client, 'signed')).toEqual(body);
  });

  test.each<[string, Spoil, string]>([
    [
      'a chunk was changed',
      { chunk: (chunk, at) => (at === 1 ? bytesOf(chunk.length, 9) : chunk) },
      '403 SignatureDoesNotMatch',
    ],
    [
      'a signature is not the one',
      { signature: (one, at) => (at === 0 ? '0'.repeat(64) : one) },
      '403 SignatureDoesNotMatch',
    ],
    ['the checksum behind is another', { trailer: 'AAAAAA==' }, '400 BadDigest'],
    ['the checksum behind is none', { trailer: 'nonsense' }, '400 InvalidRequest'],
    ['there are fewer bytes than announced', { lengthBytes: 2501 }, '400 IncompleteBody'],
    ['there are more bytes than announced', { lengthBytes: 2499 }, '400 IncompleteBody'],
    ['something follows the end', { tail: 'more' }, '400 InvalidRequest'],
  ])('are refused when %s, and nothing is kept', async (_, spoil, refusal) => {
    const own = await blobsIn(fixture.folder);
    expect(errorCode(await putSigned('spoiled', body, spoil))).toBe(refusal);
    expect(await refusalOf(readObject(fixture.client, 'spoiled'))).toBe('404 NoSuchKey');
    expect(await blobsIn(fixture.folder)).toEqual(own);
  });
});

describe('the framing', () => {
  async function decode(text: string, pieceBytes: number): Promise<string> {
    const source = async function* () {
      for (let at = 0; at < text.length; at += pieceBytes) yield Buffer.from(text.slice(at, at + pieceBytes));
    };
    const body = new ChunkedBody(source(), null, true);
    const chunks = [];
    for await (const chunk of body.chunks()) chunks.push(chunk);
    return `${Buffer.concat(chunks)}|${[...body.trailer].join(';')}`;
  }

  test('may be cut anywhere on its way', async () => {
    const text = '5\r\nhello\r\n6\r\n world\r\n0\r\nX-Amz-Checksum-CRC32: abc=\r\n\r\n';
    for (let pieceBytes = 1; pieceBytes < text.length; pieceBytes += 1) {
      expect(await decode(text, pieceBytes)).toBe('hello world|x-amz-checksum-crc32,abc=');
    }
  });

  test.each([
    ['no length', 'xyz\r\n'],
    ['a chunk longer than it says', '2\r\nabc\r\n0\r\n\r\n'],
    ['an end within a chunk', '5\r\nhel'],
    ['no last chunk', '2\r\nab\r\n'],
    ['a trailer without a name', '0\r\nnothing\r\n\r\n'],
    ['a line that never ends', `${'1'.repeat(10_000)}`],
  ])('is refused with %s', async (_, text) => {
    await expect(decode(text, 7)).rejects.toThrow(/malformed|number of bytes/);
  });
});
