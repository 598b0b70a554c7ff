// The CRC32 of joined bytes, against zlib's own of the whole.

import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { combineAllCrc32 } from '../../src/machines/crc32-combine.ts';

const hex = (bytes: Uint8Array): string => crc32(bytes).toString(16).padStart(8, '0');

test('is that of the whole, whatever the pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), (pieces) => {
      const told = pieces.map((piece) => ({ crc32: hex(piece), sizeBytes: piece.length }));
      expect(combineAllCrc32(told)).toBe(hex(Buffer.concat(pieces)));
    }),
  );
});

test('also of a piece larger than 4 GiB', () => {
  const mib = Buffer.alloc(1024 * 1024);
  const count = 4_097;
  const zeros = combineAllCrc32(Array.from({ length: count }, () => ({ crc32: hex(mib), sizeBytes: mib.length })));
  const start = Buffer.from('start');
  let whole = crc32(start);
  for (let n = 0; n < count; n += 1) whole = crc32(mib, whole);
  const joined = combineAllCrc32([
    { crc32: hex(start), sizeBytes: start.length },
    { crc32: zeros, sizeBytes: count * mib.length },
  ]);
  expect(joined).toBe(whole.toString(16).padStart(8, '0'));
});
