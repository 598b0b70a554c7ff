// What every hasher promises: known digests, however the bytes are cut, and S3's ETag of ETags.

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Hasher } from '../../src/ports/hasher.ts';

export function hasherContract(name: string, create: () => Promise<Hasher>): void {
  describe(`hasher: ${name}`, () => {
    // CRC32's check value is from the CRC catalogue; XXH64 of "" and "abc" from the xxHash specification's reference program.
    test.each([
      ['', '00000000', 'ef46db3751d8e999', 'd41d8cd98f00b204e9800998ecf8427e'],
      ['abc', '352441c2', '44bc2cf5ad770999', '900150983cd24fb0d6963f7d28e17f72'],
      ['123456789', 'cbf43926', '8cb841db40e6ae83', '25f9e794323b453885f5181f1b624d0b'],
    ])('%j has the digests that others compute for it', async (text, crc32, xxh64, md5) => {
      const hash = (await create()).start({ md5: true });
      hash.update(Buffer.from(text));
      expect(hash.digest()).toEqual({ crc32, xxh64, md5 });
    });

    test('MD5 is there only when asked for', async () => {
      expect((await create()).start().digest()).toEqual({ crc32: '00000000', xxh64: 'ef46db3751d8e999' });
    });

    test('however the bytes are cut, and whatever else is hashed meanwhile, the digests are the same', async () => {
      const hasher = await create();
      fc.assert(
        fc.property(
          fc.uint8Array({ maxLength: 5_000 }),
          fc.array(fc.nat(5_000), { maxLength: 8 }),
          (bytes, somewhere) => {
            const whole = hasher.start({ md5: true });
            whole.update(bytes);
            const cut = hasher.start({ md5: true });
            const other = hasher.start();
            const cuts = [0, ...somewhere.map((at) => Math.min(at, bytes.length)).sort((a, b) => a - b), bytes.length];
            for (let i = 1; i < cuts.length; i++) {
              cut.update(bytes.subarray(cuts[i - 1], cuts[i]));
              other.update(Buffer.from('noise'));
            }
            expect(cut.digest()).toEqual(whole.digest());
          },
        ),
      );
    });

    test('digests can be asked for on the way and again', async () => {
      const hash = (await create()).start({ md5: true });
      hash.update(Buffer.from('12345'));
      const half = hash.digest();
      expect(hash.digest()).toEqual(half);
      hash.update(Buffer.from('6789'));
      expect(hash.digest().crc32).toBe('cbf43926');
      expect(hash.digest().md5).toBe('25f9e794323b453885f5181f1b624d0b');
    });

    test('F59 an edit that CRC32 cannot see is seen by XXH64', async () => {
      const hasher = await create();
      // A record followed by its own little-endian CRC32 has the same CRC32 whatever the record is.
      const digests = ['one record', 'other text'].map((text) => {
        const record = hasher.start();
        record.update(Buffer.from(text));
        const own = Buffer.alloc(4);
        own.writeUInt32LE(Number.parseInt(record.digest().crc32, 16));
        record.update(own);
        return record.digest();
      });
      expect(digests[0]?.crc32).toBe(digests[1]?.crc32);
      expect(digests[0]?.xxh64).not.toBe(digests[1]?.xxh64);
    });

    test('the ETag of an object is the MD5 of its parts’ MD5s, and their count', async () => {
      const hasher = await create();
      const md5 = (text: string) => createHash('md5').update(text).digest();
      const parts = ['part one', 'part two'].map(md5);
      const expected = `${createHash('md5').update(Buffer.concat(parts)).digest('hex')}-2`;
      const etags = parts.map((part) => part.toString('hex'));
      expect(hasher.multipartEtag(etags)).toBe(expected);
      expect(hasher.multipartEtag(etags.map((etag) => `"${etag.toUpperCase()}"`))).toBe(expected);
    });

    test('an ETag that is no MD5 proves nothing', async () => {
      const hasher = await create();
      expect(hasher.multipartEtag([])).toBeNull();
      expect(hasher.multipartEtag(['d41d8cd98f00b204e9800998ecf8427e', 'opaque'])).toBeNull();
      expect(hasher.multipartEtag(['d41d8cd98f00b204e9800998ecf8427e-2'])).toBeNull();
    });
  });
}
