import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BUCKET, completeObject, got, type VerbBench, verbBench } from './verb-bench.ts';

const MIB = 2 ** 20;
const hex = (bytes: Buffer): string => crc32(bytes).toString(16).padStart(8, '0');

let bench: VerbBench;
beforeEach(async () => {
  bench = await verbBench();
});
afterEach(() => bench.close());

function fileOf(bytes: Buffer): string {
  const path = join(bench.recordings, 'take.bin');
  writeFileSync(path, bytes);
  return path;
}

/** Parts whose sizes no plan and no guess gives. */
const odd = (bytes: Buffer): Buffer[] => [bytes.subarray(0, 700_001), bytes.subarray(700_001)];
const even = (bytes: Buffer): Buffer[] => [bytes.subarray(0, 8 * MIB), bytes.subarray(8 * MIB)];
const URL_OF_TAKE = `s3://${BUCKET}/take.bin`;
const gets = (): number => bench.s3.requests.all().filter(({ operation }) => operation === 'GetObject').length;

/** A receipt as publishReceipt writes it, as far as verify reads it. */
async function putReceipt(parts: readonly Buffer[], wrong: { readonly etag?: string } = {}): Promise<void> {
  let offset = 0;
  const rows = parts.map((bytes, index) => {
    const etag = wrong.etag ?? createHash('md5').update(bytes).digest('hex');
    const row = { number: index + 1, offset, size: bytes.length, etag, crc32: hex(bytes) };
    offset += bytes.length;
    return row;
  });
  const body = Buffer.from(JSON.stringify({ parts: rows }));
  const target = { bucket: BUCKET, key: 'take.bin.metadata.json' };
  const request = { target, body, contentType: 'application/json', metadata: {}, condition: { kind: 'any' } } as const;
  got(await bench.store.putObject(request));
}

describe('an object that is the file', () => {
  test('is proven by its ETag without reading it back, where a usual part size gives it', async () => {
    const bytes = randomBytes(9 * MIB);
    await completeObject(bench.store, 'take.bin', even(bytes));
    const { exitCode, out } = await bench.verb('verify', fileOf(bytes), URL_OF_TAKE);
    expect({ exitCode, out }).toMatchObject({ exitCode: 0, out: expect.stringContaining('EQUAL') });
    expect(out).toContain('MD5 of all 2 parts');
    expect(out).toContain('no byte was read back');
    expect(gets()).toBe(0);
  });

  test('is proven by the receipt where the parts have sizes that nobody guesses', async () => {
    const bytes = randomBytes(2 * MIB);
    await completeObject(bench.store, 'take.bin', odd(bytes));
    await putReceipt(odd(bytes));
    const { exitCode, out } = await bench.verb('verify', fileOf(bytes), URL_OF_TAKE, '--no-download');
    expect(exitCode).toBe(0);
    expect(out).toContain('boundaries: the receipt take.bin.metadata.json');
  });

  test('is read back where no one knows its parts: the CRC32 alone is no proof', async () => {
    const bytes = randomBytes(2 * MIB);
    await completeObject(bench.store, 'take.bin', odd(bytes));
    const read = await bench.verb('verify', fileOf(bytes), URL_OF_TAKE);
    expect(read.exitCode).toBe(0);
    expect(read.talk).toContain('The sums do not decide it: the object is read back, 2 MiB.');
    expect(read.out).toContain('every byte of the object was read back');
    const unread = await bench.verb('verify', fileOf(bytes), URL_OF_TAKE, '--no-download');
    expect(unread.exitCode).toBe(69);
    expect(unread.out).toContain('NOT PROVEN');
    expect(unread.out).toMatch(/crc32 +same/);
  });

  test('a receipt that does not give the ETag is not believed', async () => {
    const bytes = randomBytes(2 * MIB);
    await completeObject(bench.store, 'take.bin', odd(bytes));
    await putReceipt(odd(bytes), { etag: '0'.repeat(32) });
    const { exitCode, out } = await bench.verb('verify', fileOf(bytes), URL_OF_TAKE, '--no-download');
    expect(exitCode).toBe(69);
    expect(out).not.toContain('receipt');
  });

  test('also when it was put in one piece, or is empty', async () => {
    const bytes = randomBytes(1000);
    const put = async (key: string, body: Buffer) => {
      const target = { bucket: BUCKET, key };
      got(await bench.store.putObject({ target, body, contentType: 'x/y', metadata: {}, condition: { kind: 'any' } }));
    };
    await put('take.bin', bytes);
    expect(await bench.verb('verify', fileOf(bytes), URL_OF_TAKE, '--no-download')).toMatchObject({
      exitCode: 0,
      out: expect.stringContaining('MD5 of the whole'),
    });
    await put('none.bin', Buffer.alloc(0));
    const none = await bench.verb('verify', fileOf(Buffer.alloc(0)), `s3://${BUCKET}/none.bin`);
    expect(none).toMatchObject({ exitCode: 0, out: expect.stringContaining('both are empty') });
  });

  test('--download compares every byte although the sums agree, over ranges that break off', async () => {
    const bytes = randomBytes(9 * MIB);
    await completeObject(bench.store, 'take.bin', even(bytes));
    bench.s3.faults.add({ operation: 'GetObject', key: 'take.bin', fault: 'resetMidBody', times: 1, afterBytes: 1000 });
    const { exitCode, out } = await bench.verb('verify', fileOf(bytes), URL_OF_TAKE, '--download', '--json');
    expect(exitCode).toBe(0);
    const reply = JSON.parse(out);
    expect(reply).toMatchObject({ verdict: 'equal', readBytes: 9 * MIB, objectBytes: 9 * MIB, difference: null });
    expect(reply.compared.map((each: { what: string; result: string }) => `${each.what} ${each.result}`)).toEqual([
      'size same',
      'etag same',
      'crc32 same',
      'bytes same',
    ]);
    expect(bench.s3.faults.rules()).toEqual([]);
  });
});

describe('an object that is not the file', () => {
  test('the part is named where the receipt knows it, and the byte with --download', async () => {
    const bytes = randomBytes(2 * MIB);
    await completeObject(bench.store, 'take.bin', odd(bytes));
    await putReceipt(odd(bytes));
    const path = fileOf(flipped(bytes, 900_000));
    const sums = await bench.verb('verify', path, URL_OF_TAKE);
    expect(sums.exitCode).toBe(1);
    expect(sums.out).toContain('first difference: part 2, bytes 700001 to 2097151');
    const read = await bench.verb('verify', path, URL_OF_TAKE, '--download', '--json');
    expect(read.exitCode).toBe(1);
    expect(JSON.parse(read.out)).toMatchObject({
      verdict: 'different',
      difference: { partNumber: 2, offset: 900_000 },
    });
  });

  test('another size is told without reading anything', async () => {
    const bytes = randomBytes(MIB);
    await completeObject(bench.store, 'take.bin', odd(bytes));
    const { exitCode, out } = await bench.verb('verify', fileOf(Buffer.concat([bytes, bytes])), URL_OF_TAKE);
    expect(exitCode).toBe(1);
    expect(out).toContain('the file has 2097152 bytes, the object 1048576');
    expect(gets()).toBe(0);
  });

  test('no such object is 1, a wrong bucket or key 78, no S3 69', async () => {
    const path = fileOf(randomBytes(10));
    expect(await bench.verb('verify', path, URL_OF_TAKE)).toMatchObject({
      exitCode: 1,
      out: expect.stringContaining('NO SUCH OBJECT'),
    });
    bench.env['S3_SECRET_ACCESS_KEY'] = 'another-secret';
    const refused = await bench.verb('verify', path, URL_OF_TAKE);
    expect(refused.exitCode).toBe(78);
    expect(refused.talk).not.toContain('another-secret');
    bench.env['S3_ENDPOINT_URL'] = 'http://127.0.0.1:1';
    expect((await bench.verb('verify', path, URL_OF_TAKE)).exitCode).toBe(69);
  });
});

test('a file that changes meanwhile gets no answer', async () => {
  const bytes = randomBytes(2 * MIB);
  await completeObject(bench.store, 'take.bin', odd(bytes));
  const path = fileOf(bytes);
  bench.onTalk = () => appendFileSync(path, 'more');
  const { exitCode, out } = await bench.verb('verify', path, URL_OF_TAKE);
  expect({ exitCode, out }).toMatchObject({ exitCode: 75, out: expect.stringContaining('CHANGED MEANWHILE') });
});

test('neither STATE_DIR nor the watched folder is needed, and what is no object is a mistake of the command line', async () => {
  bench.env['WATCH_DIR'] = '/nowhere';
  delete bench.env['S3_BUCKET_NAME'];
  const bytes = randomBytes(100);
  await completeObject(bench.store, 'a b/tük.bin', [bytes]);
  expect((await bench.verb('verify', fileOf(bytes), `s3://${BUCKET}/a b/tük.bin`)).exitCode).toBe(0);
  expect((await bench.verb('verify', fileOf(bytes), `${BUCKET}/a`)).exitCode).toBe(2);
  expect(await bench.verb('verify', bench.recordings, URL_OF_TAKE)).toMatchObject({
    exitCode: 69,
    talk: expect.stringContaining('is not a regular file'),
  });
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
