import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { combineCrc32 } from '../../../src/dev-s3/crc.ts';
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
  startFixture,
} from './fixture.ts';
import { errorCode, sendRaw, sha256Hex } from './raw-request.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.end());

const crc = (bytes: Buffer) => {
  const digest = Buffer.alloc(4);
  digest.writeUInt32BE(crc32(bytes));
  return digest;
};
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest();

test('two CRC32s combine to that of both runs of bytes together, whatever their lengths', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5000 }), fc.uint8Array({ maxLength: 5000 }), (a, b) => {
      expect(combineCrc32(crc32(a), crc32(b), b.length)).toBe(crc32(Buffer.concat([a, b])));
    }),
  );
  // Lengths beyond 32 bits: what is moved by 2^31 bytes four times is moved by 2^33.
  const moved = [1, 2, 3, 4].reduce((value) => combineCrc32(value, 0, 2 ** 31), crc32('x'));
  expect(combineCrc32(crc32('x'), 0, 2 ** 33)).toBe(moved);
});

describe('an object with a checksum', () => {
  test.each([
    ['ChecksumCRC32', crc(bytesOf(500)).toString('base64')],
    ['ChecksumSHA256', sha256(bytesOf(500)).toString('base64')],
  ])('%s is accepted, echoed, kept, and told only to who asks', async (name, value) => {
    const target = { Bucket: BUCKET, Key: `sum-${name}` };
    const put = await fixture.client.send(new PutObjectCommand({ ...target, Body: bytesOf(500), [name]: value }));
    expect(put).toMatchObject({ [name]: value, ChecksumType: 'FULL_OBJECT' });
    const asked = await fixture.client.send(new HeadObjectCommand({ ...target, ChecksumMode: 'ENABLED' }));
    expect(asked).toMatchObject({ [name]: value, ChecksumType: 'FULL_OBJECT' });
    const unasked = await fixture.client.send(new HeadObjectCommand(target));
    expect(unasked).not.toHaveProperty(name);
  });

  test('of other bytes is refused, and nothing is stored', async () => {
    const own = await startFixture();
    const put = (input: object) =>
      own.client.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'bad', Body: bytesOf(500), ...input }));
    const other = bytesOf(500, 2);
    expect(await refusalOf(put({ ChecksumCRC32: crc(other).toString('base64') }))).toBe('400 BadDigest');
    expect(await refusalOf(put({ ChecksumSHA256: sha256(other).toString('base64') }))).toBe('400 BadDigest');
    const md5 = createHash('md5').update(other).digest('base64');
    expect(await refusalOf(put({ ContentMD5: md5 }))).toBe('400 BadDigest');
    expect(await refusalOf(put({ ContentMD5: 'bm9uc2Vuc2U=' }))).toBe('400 InvalidDigest');
    expect(await refusalOf(put({ ChecksumCRC32: 'bm9uc2Vuc2U=' }))).toBe('400 InvalidRequest');
    expect(await refusalOf(readObject(own.client, 'bad'))).toBe('404 NoSuchKey');
    expect(await blobsIn(own.folder)).toEqual([]);
    await own.end();
  });

  test('that this server cannot compute is refused by name', async () => {
    const headers = { 'x-amz-checksum-sha1': 'AAAAAA==' };
    const reply = await sendRaw(fixture.server.url, { method: 'PUT', path: `/${BUCKET}/k`, headers, body: bytesOf(3) });
    expect(errorCode(reply)).toBe('501 NotImplemented');
  });

  test('of two kinds at once is refused', async () => {
    const headers = { 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-checksum-sha256': 'AAAA' };
    const reply = await sendRaw(fixture.server.url, { method: 'PUT', path: `/${BUCKET}/k`, headers, body: bytesOf(3) });
    expect(errorCode(reply)).toBe('400 InvalidRequest');
  });
});

describe('x-amz-content-sha256', () => {
  const put = (contentSha256: string) =>
    sendRaw(fixture.server.url, { method: 'PUT', path: `/${BUCKET}/payload`, contentSha256, body: bytesOf(100) });

  test('is compared with the bytes, also with those of a small XML body', async () => {
    expect((await put(sha256Hex(bytesOf(100)))).status).toBe(200);
    expect(errorCode(await put(sha256Hex(bytesOf(101))))).toBe('400 XAmzContentSHA256Mismatch');
    const uploadId = await createUpload(fixture.client, 'xml');
    const reply = await sendRaw(fixture.server.url, {
      method: 'POST',
      path: `/${BUCKET}/xml?uploadId=${uploadId}`,
      contentSha256: sha256Hex('something else'),
      body: Buffer.from('<CompleteMultipartUpload/>'),
    });
    expect(errorCode(reply)).toBe('400 XAmzContentSHA256Mismatch');
  });

  test('may be UNSIGNED-PAYLOAD; other ways of signing and nonsense are refused', async () => {
    expect((await put('UNSIGNED-PAYLOAD')).status).toBe(200);
    expect(errorCode(await put('STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD'))).toBe('501 NotImplemented');
    expect(errorCode(await put('nonsense'))).toBe('400 InvalidArgument');
  });
});

describe('an upload with checksums', () => {
  const bodies = [bytesOf(MIN_PART_BYTES, 1), bytesOf(2 * MIN_PART_BYTES, 2), bytesOf(11, 3)];

  async function sendAll(key: string, uploadId: string, name: 'ChecksumCRC32' | 'ChecksumSHA256' | null) {
    const parts: CompletedPart[] = [];
    for (const [index, body] of bodies.entries()) {
      const digest = name === 'ChecksumSHA256' ? sha256(body) : crc(body);
      const sum = name === null ? {} : { [name]: digest.toString('base64') };
      const target = { Bucket: BUCKET, Key: key, UploadId: uploadId, PartNumber: index + 1 };
      const sent = await fixture.client.send(new UploadPartCommand({ ...target, Body: body, ...sum }));
      expect(sent).toMatchObject(sum);
      parts.push({ PartNumber: index + 1, ETag: sent.ETag, ...sum });
    }
    return parts;
  }
  const completing = (key: string, uploadId: string, parts: object[], input: object = {}) =>
    fixture.client.send(
      new CompleteMultipartUploadCommand({
        Bucket: BUCKET,
        Key: key,
        UploadId: uploadId,
        MultipartUpload: { Parts: parts },
        ...input,
      }),
    );

  test('FULL_OBJECT has the CRC32 of all its bytes', async () => {
    const key = 'full';
    const kind = { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' } as const;
    const uploadId = await createUpload(fixture.client, key, kind);
    const parts = await sendAll(key, uploadId, 'ChecksumCRC32');

    const listed = await fixture.client.send(new ListPartsCommand({ Bucket: BUCKET, Key: key, UploadId: uploadId }));
    expect(listed).toMatchObject(kind);
    expect(listed.Parts?.map((part) => part.ChecksumCRC32)).toEqual(parts.map((part) => part.ChecksumCRC32));

    const whole = {
      ChecksumCRC32: crc(Buffer.concat(bodies)).toString('base64'),
      ChecksumType: 'FULL_OBJECT',
    } as const;
    const wrong = completing(key, uploadId, parts, { ...whole, ChecksumCRC32: crc(bytesOf(5)).toString('base64') });
    expect(await refusalOf(wrong)).toBe('400 BadDigest');
    const otherType = completing(key, uploadId, parts, { ChecksumType: 'COMPOSITE' });
    expect(await refusalOf(otherType)).toBe('400 InvalidRequest');
    expect(await completing(key, uploadId, parts, whole)).toMatchObject(whole);
    const target = { Bucket: BUCKET, Key: key, ChecksumMode: 'ENABLED' } as const;
    expect(await fixture.client.send(new HeadObjectCommand(target))).toMatchObject(whole);
  });

  test('FULL_OBJECT may leave the checksums of parts to the server', async () => {
    const kind = { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' } as const;
    const uploadId = await createUpload(fixture.client, 'lazy', kind);
    const parts = await sendAll('lazy', uploadId, null);
    const { ChecksumCRC32 } = await completing('lazy', uploadId, parts);
    expect(ChecksumCRC32).toBe(crc(Buffer.concat(bodies)).toString('base64'));
  });

  test.each([
    ['CRC32', 'ChecksumCRC32', crc(Buffer.concat(bodies.map(crc)))],
    ['SHA256', 'ChecksumSHA256', sha256(Buffer.concat(bodies.map(sha256)))],
  ] as const)('COMPOSITE %s has the checksum of its parts’ checksums', async (algorithm, name, digest) => {
    const key = `composite-${algorithm}`;
    const uploadId = await createUpload(fixture.client, key, { ChecksumAlgorithm: algorithm });
    const parts = await sendAll(key, uploadId, name);
    const value = `${digest.toString('base64')}-3`;
    expect(await completing(key, uploadId, parts)).toMatchObject({ [name]: value, ChecksumType: 'COMPOSITE' });
    const head = new HeadObjectCommand({ Bucket: BUCKET, Key: key, ChecksumMode: 'ENABLED' });
    expect(await fixture.client.send(head)).toMatchObject({ [name]: value, ChecksumType: 'COMPOSITE' });
  });

  test('COMPOSITE needs them at every part and in Complete', async () => {
    const uploadId = await createUpload(fixture.client, 'strict', { ChecksumAlgorithm: 'CRC32' });
    expect(await refusalOf(sendAll('strict', uploadId, null))).toBe('400 InvalidRequest');
    expect(await refusalOf(sendAll('strict', uploadId, 'ChecksumSHA256'))).toBe('400 InvalidRequest');
    const parts = await sendAll('strict', uploadId, 'ChecksumCRC32');
    const bare = parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag }));
    expect(await refusalOf(completing('strict', uploadId, bare))).toBe('400 InvalidRequest');
    const spoiled = parts.map((part) => ({ ...part, ChecksumCRC32: 'AAAAAA==' }));
    expect(await refusalOf(completing('strict', uploadId, spoiled))).toBe('400 InvalidPart');
    await completing('strict', uploadId, parts);
  });

  test('refuses a part whose bytes are others', async () => {
    const uploadId = await createUpload(fixture.client, 'torn', { ChecksumAlgorithm: 'CRC32' });
    const target = { Bucket: BUCKET, Key: 'torn', UploadId: uploadId, PartNumber: 1 };
    const sending = fixture.client.send(
      new UploadPartCommand({ ...target, Body: bytesOf(100), ChecksumCRC32: crc(bytesOf(100, 2)).toString('base64') }),
    );
    expect(await refusalOf(sending)).toBe('400 BadDigest');
    const { Parts } = await fixture.client.send(
      new ListPartsCommand({ Bucket: BUCKET, Key: 'torn', UploadId: uploadId }),
    );
    expect(Parts).toBeUndefined();
  });

  test('that was opened without verifies and echoes what parts bring, but neither lists it nor makes it the object’s', async () => {
    const uploadId = await createUpload(fixture.client, 'plain');
    const target = { Bucket: BUCKET, Key: 'plain', UploadId: uploadId };
    const ChecksumCRC32 = crc(bytesOf(5)).toString('base64');
    const torn = new UploadPartCommand({ ...target, PartNumber: 1, Body: bytesOf(5, 2), ChecksumCRC32 });
    expect(await refusalOf(fixture.client.send(torn))).toBe('400 BadDigest');
    const parts = await sendAll('plain', uploadId, 'ChecksumCRC32');
    const { Parts } = await fixture.client.send(new ListPartsCommand(target));
    expect(Parts?.map((part) => part.ChecksumCRC32)).toEqual([undefined, undefined, undefined]);
    const spoiled = parts.map((part) => ({ ...part, ChecksumCRC32 }));
    expect(await refusalOf(completing('plain', uploadId, spoiled))).toBe('400 InvalidPart');
    expect(await completing('plain', uploadId, parts)).not.toHaveProperty('ChecksumCRC32');
  });

  test.each([
    [{ ChecksumAlgorithm: 'SHA256', ChecksumType: 'FULL_OBJECT' }, '400 InvalidRequest'],
    [{ ChecksumType: 'FULL_OBJECT' }, '400 InvalidRequest'],
    [{ ChecksumAlgorithm: 'CRC64NVME', ChecksumType: 'COMPOSITE' }, '400 InvalidRequest'],
    [{ ChecksumAlgorithm: 'SHA1' }, '501 NotImplemented'],
  ] as const)('of a kind that cannot be, %o, is not opened', async (kind, refusal) => {
    expect(await refusalOf(createUpload(fixture.client, 'odd', kind))).toBe(refusal);
  });
});

test('the SDK with its default checksums puts, uploads and reads', async () => {
  const client = clientFor(fixture.server.url, {
    requestChecksumCalculation: 'WHEN_SUPPORTED',
    responseChecksumValidation: 'WHEN_SUPPORTED',
  });
  await client.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'default', Body: bytesOf(3000) }));
  expect(await readObject(client, 'default')).toEqual(bytesOf(3000));

  const uploadId = await createUpload(client, 'default-mp');
  const target = { Bucket: BUCKET, Key: 'default-mp', UploadId: uploadId, PartNumber: 1 };
  const part = await client.send(new UploadPartCommand({ ...target, Body: bytesOf(4000) }));
  const { ETag, ChecksumCRC32 } = part;
  expect(ChecksumCRC32).toBe(crc(bytesOf(4000)).toString('base64'));
  const done = new CompleteMultipartUploadCommand({
    ...target,
    MultipartUpload: { Parts: [{ PartNumber: 1, ETag, ChecksumCRC32 }] },
  });
  await client.send(done);
  const found = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'default-mp', ChecksumMode: 'ENABLED' }));
  expect(Buffer.from(await found.Body!.transformToByteArray())).toEqual(bytesOf(4000));
  client.destroy();
});
