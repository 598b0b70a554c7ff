// A run as data: what its seed makes of it. Each seed switches only some of the faults on (and some habits of writers), so that rare
// ones meet each other instead of drowning in the frequent ones.

import { growingPlan, type PartPlan, uniformPlan } from '../../src/machines/part-plan.ts';
import type { StreamSettings } from '../../src/machines/stream-settings.ts';
import type { StoreCapabilities } from '../../src/ports/object-store.ts';
import type { S3Quirks } from '../fakes/memory-object-store.ts';
import { BUCKET } from './daemon.ts';
import type { Random } from './random.ts';
import type { Sight } from './simulated-machine.ts';
import { type Curse, cursesOf } from './weather.ts';
import type { Habit, Habits } from './writers.ts';

export type Action =
  | 'write'
  | 'long_pause'
  | 'new_writer'
  | 'kill'
  | 'kill_soon'
  | 'pause'
  | 'stop'
  | 'lose_state_dir'
  | 'roll_state_dir_back'
  | 'damage_record'
  | 'clock_jump'
  | 's3_weather'
  | 'abort_outside'
  | 'delete_object'
  | 'foreign_put'
  | 'journal_weather'
  | 'registry_weather'
  | 'empty_registry'
  | 'roll_registry_back'
  | 'unreadable_files'
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
  readonly provider: Provider;
  readonly sight: Sight;
  /** Two: both on the same folder, each with a STATE_DIR of its own. */
  readonly hosts: 1 | 2;
  /** Each host's daemon waits for the lease of the other's. Needs the registry. */
  readonly standby?: boolean;
  readonly withRegistry: boolean;
  readonly reuseInodes: boolean;
  readonly timeTickMs: number;
  readonly slowReads: number;
  readonly lostHints: number;
  readonly writers: readonly Habits[];
  readonly actions: readonly (readonly [number, Action])[];
  readonly curses: readonly Curse[];
  /** How fast S3 is when nothing is wrong with it. */
  readonly s3LatencyMs: readonly [number, number];
  /** How bad S3's weather gets: of a thousand requests. */
  readonly s3Faults: number;
}

/** What this S3 can do, and what it does otherwise than AWS. */
export interface Provider {
  readonly capabilities: Partial<StoreCapabilities>;
  readonly quirks: Partial<S3Quirks>;
}

/** By weight when switched on, and how many of a hundred seeds switch it on. */
const FAULTS: readonly (readonly [Action, number, number])[] = [
  ['kill', 3, 40],
  ['kill_soon', 4, 50],
  ['pause', 3, 20],
  ['stop', 2, 20],
  ['lose_state_dir', 2, 15],
  ['roll_state_dir_back', 2, 10],
  ['damage_record', 2, 8],
  ['clock_jump', 2, 15],
  ['s3_weather', 6, 65],
  ['abort_outside', 2, 20],
  ['delete_object', 3, 10],
  ['foreign_put', 2, 20],
  ['journal_weather', 4, 30],
  ['registry_weather', 4, 30],
  ['empty_registry', 2, 15],
  ['roll_registry_back', 2, 15],
  ['unreadable_files', 3, 10],
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
  ['pause', 1, 40],
];

const chosen = <T>(random: Random, from: readonly (readonly [T, number, number])[]): (readonly [number, T])[] =>
  from.filter(([, , percent]) => random.chance(percent / 100)).map(([what, weight]) => [weight, what] as const);

export function scenarioOf(seed: number, random: Random): Scenario {
  return {
    seed,
    steps: random.chance(0.9) ? random.between(42, 58) : random.between(80, 150),
    lastSteps: random.between(8, 16),
    ambushes: random.pick([0, 30, 100]),
    gapMs: random.pick([
      [1, 40],
      [5, 200],
      [20, 600],
    ] as const),
    settings: settingsOf(random),
    provider: providerOf(random),
    sight: random.weighted([
      [6, 'all'],
      [2, 'own'],
      [1, 'none'],
    ]),
    hosts: 1,
    withRegistry: random.chance(0.7),
    reuseInodes: random.chance(0.5),
    timeTickMs: random.pick([0, 4, 10]),
    slowReads: random.pick([0, 0, 20, 100]),
    lostHints: random.pick([0, 0, 300, 1000]),
    writers: Array.from({ length: random.between(1, 3) }, () => habitsOf(random)),
    actions: [[60, 'write'], [2, 'long_pause'], [1, 'new_writer'], ...chosen(random, FAULTS)],
    curses: cursesOf(random),
    s3LatencyMs: random.pick([
      [1, 20],
      [1, 20],
      [20, 250],
    ] as const),
    s3Faults: random.pick([10, 50, 150, 400]),
  };
}

/** An upload is given up by the server so long after it was opened, whatever arrives meanwhile. */
const UPLOAD_AGES_MS = [6_000, 15_000, 40_000] as const;

/** Every mixture but one: real providers are some of them. */
function providerOf(random: Random): Provider {
  const conditionFirst = random.chance(0.2);
  return {
    capabilities: {
      checksum: random.chance(0.8) ? 'crc32' : 'md5',
      checksumsInComplete: random.chance(0.8),
      conditionalComplete: random.chance(0.75),
      maxUploadAgeMs: random.chance(0.1) ? random.pick(UPLOAD_AGES_MS) : null,
    },
    quirks: {
      repeatsComplete: random.chance(0.6),
      emptyFirstEtag: random.chance(0.15),
      goneCompleteIs500: random.chance(0.1),
      conditionFirst,
      // A server that answers 412 for a completed upload and goes on listing it could not be told from one that has it open.
      listsCompleted: !conditionFirst && random.chance(0.15),
      listsNoUploads: random.chance(0.05),
    },
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
    maxParts: random.pick([10_000, 10_000, 40, 12]),
    maxUploadAgeMs: null,
    afterComplete: random.weighted<StreamSettings['afterComplete']>([
      [7, { kind: 'keep' }],
      [2, { kind: 'delete' }],
      [1, { kind: 'move', folder: '/done' }],
    ]),
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
