// A run as data: what its seed makes of it. Each seed switches only some of the faults on (and some habits of writers), so that rare
// ones meet each other instead of drowning in the frequent ones.

import { growingPlan, type PartPlan, uniformPlan } from '../../src/machines/part-plan.ts';
import type { StreamSettings } from '../../src/machines/stream-settings.ts';
import type { StoreCapabilities } from '../../src/ports/object-store.ts';
import { BUCKET } from './daemon.ts';
import type { Random } from './random.ts';
import type { Sight } from './simulated-machine.ts';
import type { Habit, Habits } from './writers.ts';

export type Action =
  | 'write'
  | 'long_pause'
  | 'new_writer'
  | 'kill'
  | 'kill_soon'
  | 'lose_state_dir'
  | 'stop'
  | 's3_weather'
  | 'abort_outside'
  | 'foreign_put'
  | 'journal_weather'
  | 'registry_weather'
  | 'empty_registry'
  | 'roll_registry_back'
  | 'wish';

export interface Scenario {
  readonly seed: number;
  readonly steps: number;
  /** After the writers are done. */
  readonly lastSteps: number;
  /** Of a thousand moves of a stream that is finalized: something happens just then. */
  readonly ambushes: number;
  /** Between two steps. */
  readonly gapMs: readonly [number, number];
  readonly settings: StreamSettings;
  readonly capabilities: Partial<StoreCapabilities>;
  readonly sight: Sight;
  readonly withRegistry: boolean;
  readonly reuseInodes: boolean;
  readonly timeTickMs: number;
  readonly slowReads: number;
  readonly lostHints: number;
  readonly writers: readonly Habits[];
  readonly actions: readonly (readonly [number, Action])[];
  /** How bad S3's weather gets: of a thousand requests. */
  readonly s3Faults: number;
}

/** By weight when switched on, and how many of a hundred seeds switch it on. */
const FAULTS: readonly (readonly [Action, number, number])[] = [
  ['kill', 3, 40],
  ['kill_soon', 4, 50],
  ['lose_state_dir', 2, 15],
  ['stop', 2, 20],
  ['s3_weather', 6, 65],
  ['abort_outside', 2, 20],
  ['foreign_put', 2, 20],
  ['journal_weather', 4, 30],
  ['registry_weather', 4, 30],
  ['empty_registry', 2, 15],
  ['roll_registry_back', 2, 15],
  ['wish', 3, 15],
];

const HABITS: readonly (readonly [Habit, number, number])[] = [
  ['patch_head', 4, 50],
  ['patch_record', 3, 50],
  ['patch_clusters', 2, 25],
  ['restore_mtime', 2, 30],
  ['rewrite', 1, 25],
  ['truncate', 1, 20],
  ['rename', 1, 25],
  ['replace', 1, 15],
  ['unlink', 1, 15],
  ['preallocate', 1, 15],
  ['close', 3, 70],
];

const chosen = <T>(random: Random, from: readonly (readonly [T, number, number])[]): (readonly [number, T])[] =>
  from.filter(([, , percent]) => random.chance(percent / 100)).map(([what, weight]) => [weight, what] as const);

export function scenarioOf(seed: number, random: Random): Scenario {
  return {
    seed,
    steps: random.between(45, 120),
    lastSteps: random.between(5, 30),
    ambushes: random.pick([0, 30, 100]),
    gapMs: random.pick([
      [1, 40],
      [5, 200],
      [20, 600],
    ] as const),
    settings: settingsOf(random),
    capabilities: {
      checksum: random.chance(0.8) ? 'crc32' : 'md5',
      checksumsInComplete: random.chance(0.8),
      conditionalComplete: random.chance(0.75),
    },
    sight: random.weighted([
      [6, 'all'],
      [2, 'own'],
      [1, 'none'],
    ]),
    withRegistry: random.chance(0.7),
    reuseInodes: random.chance(0.5),
    timeTickMs: random.pick([0, 4, 10]),
    slowReads: random.pick([0, 0, 20, 100]),
    lostHints: random.pick([0, 0, 300, 1000]),
    writers: Array.from({ length: random.between(1, 3) }, () => habitsOf(random)),
    actions: [[60, 'write'], [2, 'long_pause'], [1, 'new_writer'], ...chosen(random, FAULTS)],
    s3Faults: random.pick([10, 50, 150, 400]),
  };
}

export function habitsOf(random: Random): Habits {
  const closesBetween = random.chance(0.15);
  return { weights: [[14, 'append'], [2, 'rest'], ...chosen(random, HABITS)], closesBetween };
}

function settingsOf(random: Random): StreamSettings {
  return {
    bucket: BUCKET,
    keyPrefix: '',
    keyTemplate: '{path}',
    onExisting: 'rename',
    plan: planOf(random),
    verifySource: 'full',
    streamTimeoutMs: random.pick([2_000, 4_000]),
    writerCloseGraceMs: random.pick([0, 500, 1_000]),
    streamTimeoutUnknownMs: random.pick([4_000, 8_000]),
    parkedRetryMs: 5_000,
    completeDoubtMs: 6_000,
    lateArrivalMs: 3_000,
  };
}

/** Growing plans jump to parts of a MiB at a thousand first parts: files here stay far below. */
const planOf = (random: Random): PartPlan => {
  const partBytes = random.pick([64, 128, 256, 512]);
  return random.chance(0.5) ? growingPlan(partBytes) : uniformPlan(partBytes);
};
