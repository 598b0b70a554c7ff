import { expect, test } from 'vitest';
import { createGlobs } from '../../../src/adapters/fs-globs.ts';

test.each([
  ['*.mp4', 'a.mp4', true],
  ['*.mp4', 'deep/er/a.mp4', true],
  ['*.mp4', 'a.mkv', false],
  ['**/*', 'a', true],
  ['**/*', 'deep/.hidden', true],
  ['cam1/*.mp4', 'cam1/a.mp4', true],
  ['cam1/*.mp4', 'cam1/deep/a.mp4', false],
  ['/cam1/*.mp4', 'cam1/a.mp4', true],
  ['./a', 'a', true],
  ['!a', 'a', false],
  ['*.{mp4,mkv}', 'x/a.mkv', true],
  ['f?r', 'f\uDCFCr', true],
  ['**/*', '\n.bin', true],
  ['**/*', 'day\n/\u2028a.mp4', true],
])('include %s: %s is %s', (pattern, path, allowed) => {
  expect(createGlobs([pattern], []).allowsFile(path)).toBe(allowed);
});

test.each([
  ['.*', '.a', false],
  ['.*', 'deep/.a', false],
  ['.*', '.dir/deep/a', false],
  ['.*', 'a.b', true],
  ['*.tmp', 'deep/a.tmp', false],
  ['old/', 'deep/old/a', false],
  ['deep/old', 'deep/old/a', false],
  ['deep/old', 'old/a', true],
  ['.goutputstream-*', '.goutputstream-X1', false],
  ['*-wal', 'db-wal', false],
  ['**/*.part', 'day/\u2028a.part', false],
  ['**/.*', '\u2028/.a', false],
])('exclude %s: %s is allowed: %s', (pattern, path, allowed) => {
  const globs = createGlobs(['**/*'], [pattern]);
  expect(globs.allowsFile(path)).toBe(allowed);
  expect(globs.allowsFolder(path)).toBe(allowed);
});

test('the folder itself is never excluded, and folders need not be included', () => {
  const globs = createGlobs(['*.mp4'], ['*']);
  expect(globs.allowsFolder('')).toBe(true);
  expect(createGlobs(['*.mp4'], []).allowsFolder('deep')).toBe(true);
});
