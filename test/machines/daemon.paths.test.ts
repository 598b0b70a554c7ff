// Every transition of the stream group, the supervisor and the stale scan, walked along generated paths, against tables that
// people wrote. `owed` of the group are the streams that live in it.

import { describe, expect, test } from 'vitest';
import type { AnyEventObject, AnyStateMachine } from 'xstate';
import { failureOf } from '../../src/machines/failure.ts';
import { freezeOf } from '../../src/machines/file-identity.ts';
import { staleScanMachine } from '../../src/machines/stale-scan.machine.ts';
import { freshMemory } from '../../src/machines/stream.context.ts';
import { streamGroupMachine } from '../../src/machines/stream-group.machine.ts';
import { RECORD_SCHEMA_VERSION, type StreamRecord } from '../../src/machines/stream-record.ts';
import { supervisorMachine } from '../../src/machines/supervisor.machine.ts';
import { allRows, chartOf, type MachineObject } from '../../tools/charts/chart-model.ts';
import { differencesFrom, rowsIn } from './expected-rows.ts';
import { dotted, keyOf, type Seen, walk } from './machine-walk.ts';
import { FILE, ID, SETTINGS, START_MS, statOf } from './stream-input.ts';

const stat = statOf(5, START_MS);
const record: StreamRecord = {
  schemaVersion: RECORD_SCHEMA_VERSION,
  streamId: ID,
  state: 'active.waiting',
  memory: freshMemory(FILE, START_MS),
  seen: freezeOf(stat),
  lastActivityMs: START_MS,
};
const atMs = START_MS + 1;

const GROUP_ROWS = `
running | file.seen           | isLive      | stays   | -
running | file.seen           | isAsItLeft  | stays   | -
running | file.seen           | -           | running | ${ID}
running | file.skipped        | isLive      | stays   | -
running | file.skipped        | isUnknown   | stays   | -
running | file.skipped        | isAsItLeft  | stays   | -
running | file.skipped        | -           | running | ${ID}
running | stream.restored     | isLive      | stays   | -
running | stream.restored     | -           | running | ${ID}
running | stream.known        | isLive      | stays   | -
running | stream.known        | -           | stays   | -
running | stream.told         | isLive      | stays   | -
running | stream.left         | isLive      | running | -
running | stream.forgotten     | isLive     | stays   | -
running | stream.forgotten     | -          | stays   | -
running | xstate.error.actor.* | isLive     | running | -
running | xstate.error.actor.* | -          | stays   | -
`;
const groupEvents: readonly AnyEventObject[] = [
  { type: 'file.seen', file: FILE, stat, atMs },
  { type: 'file.seen', file: FILE, stat: statOf(9, atMs), atMs },
  { type: 'file.skipped', file: FILE, stat, atMs },
  { type: 'file.skipped', file: FILE, stat: statOf(9, atMs), atMs },
  { type: 'stream.restored', record, atMs },
  { type: 'stream.known', streamId: ID, seen: freezeOf(stat) },
  { type: 'stream.told', streamId: ID, event: { type: 'operator.finalize', atMs } },
  { type: 'stream.left', streamId: ID, seen: freezeOf(stat) },
  { type: 'stream.forgotten', streamId: ID },
  { type: `xstate.error.actor.${ID}`, error: new Error('thrown'), actorId: ID },
];

const SUPERVISOR_ROWS = `
*        | stream.broke    | -      | stays    | -
booting  | daemon.booted   | -      | running  | watch, staleScan, ticker
booting  | daemon.refused  | -      | stopped  | -
booting  | lease.awaited   | -      | standby  | standby, ticker
booting  | lease.lost      | -      | stopped  | -
booting  | operator.drain  | -      | stopped  | -
standby  | tick            | -      | stays    | -
standby  | lease.awaited   | -      | stays    | -
standby  | lease.taken     | -      | booting  | boot
standby  | daemon.refused  | -      | stopped  | -
standby  | operator.drain  | -      | stopped  | -
running  | file.seen       | -      | stays    | -
running  | file.skipped    | -      | stays    | -
running  | stream.told     | -      | stays    | -
running  | stream.forgotten | -     | stays    | -
running  | sweep.finished  | -      | stays    | -
running  | tick            | -      | stays    | -
running  | streams.settled | isOnce | draining | drain
running  | lease.lost      | -      | draining | drain
running  | operator.drain  | -      | draining | drain
draining | drain.finished  | -      | stopped  | -
`;
const failure = failureOf('lease_lost', 'told by a test');
const supervisorEvents: readonly AnyEventObject[] = [
  { type: 'stream.broke', streamId: ID, detail: 'thrown' },
  { type: 'daemon.booted', restored: [record], known: [], atMs },
  { type: 'daemon.refused', failure, atMs },
  { type: 'lease.awaited', detail: 'daemon-b carries /recordings', atMs },
  { type: 'lease.taken', atMs },
  { type: 'file.seen', file: FILE, stat, atMs },
  { type: 'file.skipped', file: FILE, stat, atMs },
  { type: 'stream.told', streamId: ID, event: { type: 'operator.finalize', atMs } },
  { type: 'stream.forgotten', streamId: ID },
  { type: 'sweep.finished', files: 1, bytes: 5, atMs },
  { type: 'tick', atMs },
  { type: 'streams.settled', atMs },
  { type: 'lease.lost', failure, atMs },
  { type: 'operator.drain', atMs },
  { type: 'drain.finished', atMs },
];

const SCAN_ROWS = `
resting  | tick          | - | scanning | scan
scanning | scan.finished | - | resting  | -
`;

interface Case {
  readonly machine: AnyStateMachine;
  readonly input: unknown;
  readonly events: readonly AnyEventObject[];
  readonly rows: string;
  /** What of the context decides. */
  readonly known: (context: never) => unknown;
}

const CASES: Readonly<Record<string, Case>> = {
  'stream group': {
    machine: streamGroupMachine,
    input: { settings: SETTINGS },
    events: groupEvents,
    rows: GROUP_ROWS,
    known: ({ live, left }: { live: object; left: Record<string, unknown> }) => [
      Object.keys(live),
      Object.entries(left).map(([id, seen]) => [id, seen]),
    ],
  },
  supervisor: {
    machine: supervisorMachine,
    input: { settings: SETTINGS, once: true },
    events: supervisorEvents,
    rows: SUPERVISOR_ROWS,
    known: ({ swept, refusal }: { swept: boolean; refusal: unknown }) => [swept, refusal !== null],
  },
  'stale scan': {
    machine: staleScanMachine,
    input: undefined,
    events: [
      { type: 'tick', atMs },
      { type: 'scan.finished', due: 0, atMs },
    ],
    rows: SCAN_ROWS,
    known: () => null,
  },
};

describe.each(Object.entries(CASES))('%s', (_, { machine, input, events, rows, known }) => {
  const walked = walk<never, AnyEventObject, unknown>({
    machine,
    inputs: new Map([['the start', input]]),
    candidates: () => events,
    abstract: (state: Seen<never>) => JSON.stringify([dotted(state.value), known(state.context)]),
  });
  const keys = allRows(chartOf(machine as unknown as MachineObject)).map(keyOf);
  const expected = rowsIn(rows);

  test('every transition is walked by a generated path', () => {
    expect(keys.filter((key) => !walked.taken.has(key))).toEqual([]);
    expect(walked.taken.size).toBe(keys.length);
    expect(walked.broken).toEqual([]);
  });

  test('the table names every transition once, and no other', () => {
    expect(expected.map((row) => row.key).sort()).toEqual([...keys].sort());
  });

  test.each(expected)('$key -> $next', (row) => {
    const steps = (walked.taken.get(row.key)?.steps ?? []).map((step) => ({
      ...step,
      owes: step.owes.filter((id) => !id.startsWith('group-')),
    }));
    expect(steps.length).toBeGreaterThan(0);
    expect(differencesFrom(row, steps)).toEqual([]);
  });
});
