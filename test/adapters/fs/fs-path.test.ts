import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromFsBytes, printablePath, toFsPath } from '../../../src/adapters/fs-path.ts';

const bytesOf = (path: string): Buffer => Buffer.from(toFsPath(path));

/** Bytes as names have them: mostly text, some cut or foreign bytes in between. */
const nameBytes = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme' }).map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
      fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => Buffer.from(text).subarray(0, -1)),
    ),
    { maxLength: 8 },
  )
  .map((pieces) => Buffer.concat(pieces));

test('any bytes come back as they were', () => {
  fc.assert(
    fc.property(nameBytes, (bytes) => {
      expect(bytesOf(fromFsBytes(bytes)).toString('hex')).toBe(bytes.toString('hex'));
    }),
    { numRuns: 2_000 },
  );
});

test('a path survives JSON', () => {
  fc.assert(
    fc.property(nameBytes, (bytes) => {
      const path = fromFsBytes(bytes);
      expect(JSON.parse(JSON.stringify(path))).toBe(path);
    }),
  );
});

test('a name in UTF-8 is itself, and goes to node as a string', () => {
  const name = 'Übung 💾 \uFEFF\uFFFD.mp4';
  expect(fromFsBytes(Buffer.from(name))).toBe(name);
  expect(toFsPath(name)).toBe(name);
});

test.each([
  ['Latin-1', [0x66, 0xfc, 0x72], 'f\uDCFCr'],
  ['a cut sequence', [0xe2, 0x82], '\uDCE2\uDC82'],
  ['a surrogate in UTF-8 (never valid)', [0xed, 0xb2, 0x80], '\uDCED\uDCB2\uDC80'],
  ['an overlong slash', [0xc0, 0xaf], '\uDCC0\uDCAF'],
  ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80], '\uDCF4\uDC90\uDC80\uDC80'],
  ['a foreign byte after a pair', [0xf0, 0x9f, 0x92, 0xbe, 0x80], '💾\uDC80'],
])('%s keeps its bytes as lone surrogates', (_, bytes, path) => {
  expect(fromFsBytes(Buffer.from(bytes))).toBe(path);
  expect([...bytesOf(path)]).toEqual(bytes);
});

test('people see U+FFFD for what is no text', () => {
  expect(printablePath('f\uDCFCr')).toBe('f\uFFFDr');
});
