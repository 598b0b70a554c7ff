// docs/reliability.md says which test covers which fault: it must be so.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { coveredBy, coveringTests, RELIABILITY_FILE, reliabilityText } from '../../tools/reliability-docs.ts';
import { FAULT_GROUPS } from '../faults/fault-rows.ts';

const ROWS = FAULT_GROUPS.flatMap(({ rows }) => rows);
const TESTS = coveringTests();

describe('the fault table', () => {
  test('numbers its rows from 1, without a gap', () => {
    expect(ROWS.map(({ id }) => id)).toEqual(ROWS.map((_, at) => at + 1));
  });

  test.each(ROWS.map(({ id, fault }) => [`F${id}`, fault, id] as const))(
    'has a test for %s: %s',
    (_name, _fault, id) => {
      expect(TESTS.filter(({ rows }) => rows.includes(id)).map(({ file }) => file)).not.toEqual([]);
    },
  );

  test('has every row that the title of a test names', () => {
    const known = new Set(ROWS.map(({ id }) => id));
    expect(TESTS.filter(({ rows }) => !rows.every((id) => known.has(id)))).toEqual([]);
  });

  test('is shown in docs/reliability.md as it is (npm run reliability)', () => {
    expect(readFileSync(RELIABILITY_FILE, 'utf8')).toBe(reliabilityText(TESTS));
  });
});

describe('titles are found', () => {
  test.each([
    ['of a test', "test('F1 F23 a promise', () => {});", 'F1 F23 a promise'],
    ['of tests made of rows', "test.each(rows)('F1 %s', () => {});", 'F1 %s'],
    ['in a table', "const ROWS = [{ title: 'F1 a promise' }];", 'F1 a promise'],
    ['filled in', '`F1 $' + '{a ? "F23 " : ""}as $' + '{b} does`;', 'F1 F23 as … does'],
    ['made of fields', "const row = { rows: 'F1', what: 'a promise', on: [] };", 'F1 a promise'],
  ])('%s', (_where, source, title) => {
    expect(coveredBy('a.test.ts', source).map((each) => each.title)).toEqual([title]);
  });

  test('and not in comments, nor in what is no title', () => {
    expect(coveredBy('a.test.ts', "// 'F1 a promise'\nconst key = 'F12'; const hex = 'F1A b';")).toEqual([]);
  });
});
