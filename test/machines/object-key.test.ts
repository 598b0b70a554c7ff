// Keys of files with ordinary and with hostile names.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keyBytes, keyVariant, objectKey } from '../../src/machines/object-key.ts';

const FOLDER = '/recordings';
const plain = { keyPrefix: '', keyTemplate: '{path}' };
const keyOf = (name: string, settings = plain): string => objectKey(settings, FOLDER, `${FOLDER}/${name}`);

describe('a key is the path relative to the folder', () => {
  test.each([
    ['take.mp4', 'take.mp4'],
    ['2026/07/take 1.mp4', '2026/07/take 1.mp4'],
    ['a//b', 'a/b'],
    ['Übung – 1.mp4', 'Übung – 1.mp4'],
    ['🎥.mp4', '🎥.mp4'],
    ['$&{path}', '$&{path}'],
    ['%2E', '%2E'],
  ])('%j -> %j', (name, key) => {
    expect(keyOf(name)).toBe(key);
  });

  test.each([
    [{ keyPrefix: 'studio/', keyTemplate: '{path}' }, 'studio/take.mp4'],
    [{ keyPrefix: '/studio/', keyTemplate: '{path}' }, 'studio/take.mp4'],
    [{ keyPrefix: '', keyTemplate: 'raw/{path}.bin' }, 'raw/take.mp4.bin'],
    [{ keyPrefix: 'p-', keyTemplate: '{path}/{path}' }, 'p-take.mp4/take.mp4'],
  ])('with %j', (settings, key) => {
    expect(keyOf('take.mp4', settings)).toBe(key);
  });

  test('also with a slash after the folder', () => {
    expect(objectKey(plain, `${FOLDER}/`, `${FOLDER}/a/b`)).toBe('a/b');
  });
});

describe('a hostile name cannot leave its place or break a key', () => {
  test.each([
    ['..', '%2E%2E'],
    ['../secret', '%2E%2E/secret'],
    ['a/./b', 'a/%2E/b'],
    ['a/../b', 'a/%2E%2E/b'],
    ['...', '...'],
    ['..a', '..a'],
    ['a\nb', 'a%0Ab'],
    ['a\u0000b', 'a%00b'],
    ['a\u007fb', 'a%7Fb'],
    ['a\u001b[31m', 'a%1B[31m'],
    ['a\udc80b', 'a%80b'],
    ['a\udcffb', 'a%FFb'],
    ['a\ud800b', 'a%EF%BF%BDb'],
    ['\udf00', '%EF%BF%BD'],
  ])('%j -> %j', (name, key) => {
    expect(keyOf(name)).toBe(key);
  });

  test('whatever the name: no leading slash, no dot segments, no control characters, valid UTF-8', () => {
    const units = fc.oneof(
      fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
      fc.constantFrom('/', '.', '..', '{path}', '$&', '\n', '\udc80', '%'),
    );
    fc.assert(
      fc.property(fc.array(units, { minLength: 1, maxLength: 40 }), (parts) => {
        const key = keyOf(parts.join(''));
        expect(key.startsWith('/')).toBe(false);
        expect(key.split('/').some((segment) => segment === '.' || segment === '..')).toBe(false);
        expect([...key].some((char) => char < ' ' || char === '\u007f')).toBe(false);
        expect(key.isWellFormed()).toBe(true);
        expect(keyBytes(key)).toBe(Buffer.byteLength(key, 'utf8'));
        expect(keyOf(parts.join(''))).toBe(key);
      }),
      { numRuns: 500 },
    );
  });
});

describe('further names for the same file', () => {
  test.each([
    ['take.mp4', 1, 'take.mp4'],
    ['take.mp4', 2, 'take~2.mp4'],
    ['a.b/take', 3, 'a.b/take~3'],
    ['a/.hidden', 2, 'a/.hidden~2'],
    ['take.tar.gz', 2, 'take.tar~2.gz'],
    ['a/take.', 2, 'a/take~2.'],
  ])('%s, %d -> %s', (key, n, variant) => {
    expect(keyVariant(key, n)).toBe(variant);
  });
});

test.each([
  ['a', 1],
  ['ü', 2],
  ['–', 3],
  ['🎥', 4],
  ['x'.repeat(1024), 1024],
  ['ü'.repeat(512), 1024],
])('bytes of a key are those of UTF-8', (key, bytes) => {
  expect(keyBytes(key)).toBe(bytes);
});
