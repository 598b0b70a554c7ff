// Reads a hand-written table of rows (state | event | guard | next | owed) and compares it with what a walk saw.

import type { Step } from './machine-walk.ts';

export interface ExpectedRow {
  readonly key: string;
  /** A dotted state, or `stays`. */
  readonly next: string;
  /** Id of the work owed there, or `-`. */
  readonly owed: string;
}

export function rowsIn(table: string): readonly ExpectedRow[] {
  return table
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [state, event, guard, next = '', owed = ''] = line.split('|').map((cell) => cell.trim());
      return { key: `${state} | ${event} | ${guard}`, next, owed };
    });
}

/** What is wrong with the steps seen for a row, in words; empty: nothing. `stays` begins no work and is taken wherever it is heard. */
export function differencesFrom(expected: ExpectedRow, steps: readonly Step[]): readonly string[] {
  return steps.flatMap((step) => {
    const seen = `${step.before} -> ${step.next} owing [${step.owes.join(', ')}]${step.began ? ', begun' : ''}`;
    if (expected.next === 'stays') return step.next === step.before && !step.began ? [] : [`${expected.key}: ${seen}`];
    const owes = expected.owed === '-' ? [] : expected.owed.split(', ');
    const agrees = step.next === expected.next && step.owes.join() === owes.join() && step.began === owes.length > 0;
    return agrees ? [] : [`${expected.key}: ${seen}`];
  });
}
