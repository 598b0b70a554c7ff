// Scenarios in which a planted bug meets what it needs to do harm: of a seed's own scenario, that is often rare.

import type { Action, Scenario } from './scenario.ts';
import type { Curse } from './weather.ts';
import type { Habits } from './writers.ts';

export type Adapt = (scenario: Scenario) => Scenario;

/** Where the bug's company is rare, it is made frequent: a bug must be found within seconds. */
export const cursed =
  (...curses: readonly Curse[]): Adapt =>
  (scenario) => ({ ...scenario, curses });

export const often =
  (...actions: readonly (readonly [number, Action])[]): Adapt =>
  (scenario) => ({ ...scenario, withRegistry: true, actions: [[40, 'write'], [3, 'long_pause'], ...actions] });

export const writing =
  (...weights: Habits['weights']): Adapt =>
  (scenario) => ({ ...scenario, writers: scenario.writers.map((habits) => ({ ...habits, weights })) });

export const editing = writing([6, 'append'], [4, 'patch_record'], [4, 'restore_mtime'], [4, 'close'], [3, 'pause']);

/** Memory is never lost. */
const LOSSES: readonly Action[] = [
  'lose_state_dir',
  'roll_state_dir_back',
  'damage_record',
  'empty_registry',
  'roll_registry_back',
];
export const withoutLosses: Adapt = (scenario) => ({
  ...scenario,
  actions: scenario.actions.filter(([, action]) => !LOSSES.includes(action)),
});
