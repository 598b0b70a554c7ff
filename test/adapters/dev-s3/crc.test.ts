// CRC32C and CRC64NVME against values that others published, and all three CRCs put together from pieces.

import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  type ChecksumAlgorithm as SdkAlgorithm,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ALGORITHMS, checksumOfParts } from '../../../src/dev-s3/checksums.ts';
import {
  CRC32C_POLYNOMIAL,
  Crc64Nvme,
  combineCrc32,
  combineCrc64Nvme,
  crc32c,
  shiftCrc64Nvme,
} from '../../../src/dev-s3/crc.ts';
import { BUCKET, bytesOf, createUpload, type Fixture, MIN_PART_BYTES, refusalOf, startFixture } from './fixture.ts';

const crc64 = (bytes: Uint8Array) => {
  const crc = new Crc64Nvme();
  crc.update(bytes);
  return crc.value();
};
const ascending = Buffer.from(Array.from({ length: 32 }, (_, at) => at));

describe('published values', () => {
  // RFC 3720 (iSCSI), appendix B.4.
  test.each([
    ['32 bytes of zeros', Buffer.alloc(32), 0x8a9136aa],
    ['32 bytes of ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['32 bytes going up', ascending, 0x46dd794e],
    ['32 bytes going down', Buffer.from(ascending).reverse(), 0x113fdb5c],
    // The check value of the catalogue of CRC algorithms (CRC-32/ISCSI).
    ['123456789', Buffer.from('123456789'), 0xe3069283],
  ])('CRC32C of %s', (_, bytes, value) => {
    expect(crc32c(bytes)).toBe(value);
  });

  // NVM Express, NVM Command Set specification, section "64b CRC Test Cases"; the last is the catalogue's CRC-64/NVME.
  test.each([
    ['4 KiB of zeros', Buffer.alloc(4096), 0x6482d367eb22b64en],
    ['4 KiB of ones', Buffer.alloc(4096, 0xff), 0xc0ddba7302eca3acn],
    ['123456789', Buffer.from('123456789'), 0xae8b14860a799888n],
  ])('CRC64NVME of %s', (_, bytes, value) => {
    expect(crc64(bytes)).toBe(value);
  });

  test('the 66,560 letters of the example in the API reference of S3', () => {
    const digest = ALGORITHMS.CRC32C.begin();
    digest.update(Buffer.alloc(66_560, 'a'));
    expect(digest.end().toString('base64')).toBe('sOO8/Q==');
  });
});

test('bytes in any pieces give what they give as a whole', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), fc.uint8Array({ maxLength: 3000 }), (a, b) => {
      const whole = Buffer.concat([a, b]);
      expect(crc32c(b, crc32c(a))).toBe(crc32c(whole));
      const running = new Crc64Nvme();
      running.update(a);
      running.update(b);
      expect(running.value()).toBe(crc64(whole));
      expect(combineCrc32(crc32(a), crc32(b), b.length)).toBe(crc32(whole));
      expect(combineCrc32(crc32c(a), crc32c(b), b.length, CRC32C_POLYNOMIAL)).toBe(crc32c(whole));
      expect(combineCrc64Nvme(crc64(a), crc64(b), shiftCrc64Nvme(b.length))).toBe(crc64(whole));
    }),
  );
});

test('an object of 10,000 parts has its CRC64NVME within a second', () => {
  const value = ALGORITHMS.CRC64NVME.begin();
  value.update(Buffer.from('part'));
  const parts = Array.from({ length: 10_000 }, () => ({ value: '', sizeBytes: 4 }));
  const digest = value.end().toString('base64');
  const startedAt = performance.now();
  const whole = checksumOfParts(
    'CRC64NVME',
    'FULL_OBJECT',
    parts.map((part) => ({ ...part, value: digest })),
  );
  expect(performance.now() - startedAt).toBeLessThan(1000);
  const expected = ALGORITHMS.CRC64NVME.begin();
  expected.update(Buffer.from('part'.repeat(10_000)));
  expect(whole.value).toBe(expected.end().toString('base64'));
});

describe('on the wire', () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await startFixture();
  });
  afterAll(() => fixture.end());

  const ROWS = [
    ['CRC32C', 'ChecksumCRC32C'],
    ['CRC64NVME', 'ChecksumCRC64NVME'],
  ] as const;
  const sumOf = (algorithm: 'CRC32C' | 'CRC64NVME', bytes: Uint8Array) => {
    const digest = ALGORITHMS[algorithm].begin();
    digest.update(bytes);
    return digest.end();
  };
  const bodies = [bytesOf(MIN_PART_BYTES, 1), bytesOf(MIN_PART_BYTES + 9, 2), bytesOf(11, 3)];

  test.each(ROWS)('%s of a put is verified, echoed, kept, and told to who asks', async (algorithm, field) => {
    const target = { Bucket: BUCKET, Key: `put-${algorithm}` };
    const value = sumOf(algorithm, bytesOf(500)).toString('base64');
    const put = new PutObjectCommand({ ...target, Body: bytesOf(500), [field]: value });
    expect(await fixture.client.send(put)).toMatchObject({ [field]: value });
    const head = new HeadObjectCommand({ ...target, ChecksumMode: 'ENABLED' });
    expect(await fixture.client.send(head)).toMatchObject({ [field]: value, ChecksumType: 'FULL_OBJECT' });
    const torn = new PutObjectCommand({ ...target, Body: bytesOf(500, 2), [field]: value });
    expect(await refusalOf(fixture.client.send(torn))).toBe('400 BadDigest');
    const object = await fixture.client.send(new GetObjectCommand(target));
    expect(Buffer.from(await object.Body!.transformToByteArray())).toEqual(bytesOf(500));
  });

  test.each([
    ['CRC32C', 'ChecksumCRC32C', 'FULL_OBJECT'],
    ['CRC32C', 'ChecksumCRC32C', 'COMPOSITE'],
    ['CRC64NVME', 'ChecksumCRC64NVME', undefined],
  ] as const)('an upload with %s (%s, %s) has it of its parts and of its object', async (algorithm, field, asked) => {
    const key = `upload-${algorithm}-${asked}`;
    const type = asked ?? 'FULL_OBJECT';
    const kind = { ChecksumAlgorithm: algorithm as SdkAlgorithm, ...(asked && { ChecksumType: asked }) };
    const uploadId = await createUpload(fixture.client, key, kind);
    const target = { Bucket: BUCKET, Key: key, UploadId: uploadId };
    const parts: CompletedPart[] = [];
    for (const [index, body] of bodies.entries()) {
      const sum = { [field]: sumOf(algorithm, body).toString('base64') };
      const part = { ...target, PartNumber: index + 1, Body: body, ...sum };
      const { ETag } = await fixture.client.send(new UploadPartCommand(part));
      parts.push({ PartNumber: index + 1, ETag, ...sum });
    }
    const listed = await fixture.client.send(new ListPartsCommand(target));
    expect(listed).toMatchObject({ ChecksumAlgorithm: algorithm, ChecksumType: type });
    expect(listed.Parts?.map((part) => part[field])).toEqual(parts.map((part) => part[field]));

    const sums = bodies.map((body) => sumOf(algorithm, body));
    const value =
      type === 'FULL_OBJECT'
        ? sumOf(algorithm, Buffer.concat(bodies)).toString('base64')
        : `${sumOf(algorithm, Buffer.concat(sums)).toString('base64')}-3`;
    const completing = (claims: object) =>
      fixture.client.send(
        new CompleteMultipartUploadCommand({ ...target, MultipartUpload: { Parts: parts }, ...claims }),
      );
    const wrong = sumOf(algorithm, bytesOf(3)).toString('base64');
    expect(await refusalOf(completing({ [field]: wrong, ChecksumType: type }))).toBe('400 BadDigest');
    expect(await completing({ [field]: value, ChecksumType: type })).toMatchObject({
      [field]: value,
      ChecksumType: type,
    });
    const head = new HeadObjectCommand({ Bucket: BUCKET, Key: key, ChecksumMode: 'ENABLED' });
    expect(await fixture.client.send(head)).toMatchObject({ [field]: value, ChecksumType: type });
    const hash = createHash('sha256');
    const { Body } = await fixture.client.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
    hash.update(await Body!.transformToByteArray());
    expect(hash.digest('hex')).toBe(createHash('sha256').update(Buffer.concat(bodies)).digest('hex'));
  });
});
