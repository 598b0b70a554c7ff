import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { duration, formatDuration, formatSize, globList, onOrOff, size } from '../../src/config/values.ts';

const anyDuration = duration({ least: 0, most: Number.MAX_SAFE_INTEGER });
const anySize = size({ least: 0, most: Number.MAX_SAFE_INTEGER });

describe('units', () => {
  test.each<[string | number, number]>([
    ['30', 30_000],
    [30, 30_000],
    ['1.5', 1_500],
    ['30s', 30_000],
    ['500ms', 500],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    ['1h30m', 5_400_000],
    ['1H30M', 5_400_000],
  ])('the duration %s is %i ms', (text, ms) => expect(anyDuration(text)).toEqual({ ok: true, value: ms }));

  test.each(['', 's', '5 m', '5x', '1e3', '0x10', 'Infinity', '1h-30m', true])('%s is no duration', (text) =>
    expect(anyDuration(text).ok).toBe(false),
  );

  test.each<[string | number, number]>([
    ['8388608', 8_388_608],
    [8_388_608, 8_388_608],
    ['8MiB', 8_388_608],
    ['8 MiB', 8_388_608],
    ['8mib', 8_388_608],
    ['8MB', 8_000_000],
    ['1GiB', 2 ** 30],
    ['1.5GiB', 1.5 * 2 ** 30],
    ['100B', 100],
    ['2TB', 2e12],
  ])('the size %s is %i bytes', (text, bytes) => expect(anySize(text)).toEqual({ ok: true, value: bytes }));

  test.each(['', 'MiB', '8M', '8G', '1e6', '0.3B', '-', '99999999TiB'])('%s is no size', (text) =>
    expect(anySize(text).ok).toBe(false),
  );

  test('what is shown as a duration is read as the same one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), (seconds) => {
        expect(anyDuration(formatDuration(seconds * 1_000))).toEqual({ ok: true, value: seconds * 1_000 });
      }),
    );
  });

  test('sizes are shown in the largest unit that fits', () => {
    expect([0, 1_023, 8_388_608, 1.5 * 2 ** 30, 5_000_000].map(formatSize)).toEqual([
      '0 B',
      '1023 B',
      '8 MiB',
      '1.5 GiB',
      '4.8 MiB',
    ]);
  });
});

test('commas within braces belong to the glob', () => {
  expect(globList('**/*.{mp4,mov}, takes/[a,b]*,c')).toEqual({
    ok: true,
    value: ['**/*.{mp4,mov}', 'takes/[a,b]*', 'c'],
  });
});

test('on and off have their usual spellings', () => {
  expect(['on', 'TRUE', true, 'yes', 1].map((raw) => onOrOff(raw))).toEqual(Array(5).fill({ ok: true, value: true }));
  expect(['off', 'False', false, 'no', 0].map((raw) => onOrOff(raw))).toEqual(
    Array(5).fill({ ok: true, value: false }),
  );
  expect(onOrOff('perhaps').ok).toBe(false);
});
