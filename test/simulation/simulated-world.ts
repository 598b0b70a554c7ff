// The world of one run: disk, S3, Redis, weather, and the hosts that run daemons. What can be done to it is in `actions.ts`; nothing
// happens in it but by its clock.

import { readStored } from '../../src/adapters/stored-record.ts';
import { ASIDE_PREFIX } from '../../src/machines/aside-path.ts';
import { sameStat } from '../../src/machines/file-identity.ts';
import type { StreamId } from '../../src/machines/ids.ts';
import type { StoredRecord, StreamRecord } from '../../src/machines/stream-record.ts';
import { isFinal } from '../../src/machines/stream-status.ts';
import { MemoryS3 } from '../fakes/memory-object-store.ts';
import { MemoryRedis } from '../fakes/memory-registry.ts';
import { BUCKET, type Swaps } from './daemon.ts';
import { type FileLook, SimulatedDisk } from './disk.ts';
import { EventLog } from './event-log.ts';
import { Host } from './host.ts';
import { createRandom, type Random } from './random.ts';
import { type Scenario, scenarioOf } from './scenario.ts';
import type { S3Network } from './simulated-s3.ts';
import { Tally } from './tally.ts';
import { VirtualClock } from './virtual-clock.ts';
import { CALM_S3, calm, type Weather } from './weather.ts';

const START_MS = 1_800_000_000_000;

/**
 * Everything that can run now has run. Timers and I/O there are none, and what is put off to the next tick comes after all promises: so
 * a run needs no round of the event loop, which would be a tenth of its time.
 */
export const settle = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

export class SimulatedWorld {
  readonly scenario: Scenario;
  readonly random: Random;
  readonly clock = new VirtualClock(START_MS);
  readonly log = new EventLog(() => this.clock.nowMs);
  readonly weather: Weather = calm();
  readonly tally = new Tally();
  readonly disk: SimulatedDisk;
  readonly network: S3Network;
  readonly redis: MemoryRedis | null;
  readonly swaps: Swaps;
  readonly hosts: readonly [Host, ...Host[]];
  /** A daemon was stopped because it asked without end. */
  ranWild = false;

  constructor(seed: number, swaps: Swaps = {}, adapt = (scenario: Scenario): Scenario => scenario) {
    const random = createRandom(seed);
    const nowMs = (): number => this.clock.nowMs;
    this.scenario = adapt(scenarioOf(seed, random.fork('scenario')));
    const { scenario } = this;
    this.random = random.fork('actions');
    this.swaps = swaps;
    this.hosts = [new Host('here', this), ...(scenario.hosts > 1 ? [new Host('there', this)] : [])];
    this.weather.slowReads = scenario.slowReads;
    this.weather.lostHints = scenario.lostHints;
    this.weather.curses = scenario.curses;
    this.weather.s3 = { ...CALM_S3, latencyMs: scenario.s3LatencyMs };
    const { reuseInodes, timeTickMs, settings } = scenario;
    const wallMs = (): number => this.clock.nowMs + this.hosts[0].wallAheadMs;
    this.disk = new SimulatedDisk(this.log, { nowMs: wallMs, reuseInodes, timeTickMs });
    this.network = {
      server: new MemoryS3({ buckets: [BUCKET], now: nowMs, minPartBytes: 1, ...scenario.provider }),
      clock: this.clock,
      log: this.log,
      random: random.fork('network'),
      weather: this.weather,
      tally: this.tally,
      lateArrivalMs: settings.lateArrivalMs,
      completeDoubtMs: settings.completeDoubtMs,
      requests: 0,
      pending: 0,
    };
    this.redis = scenario.withRegistry ? new MemoryRedis(nowMs) : null;
  }

  /** Whose daemon carries the folder now; null: none, or one that stands still. */
  get carrier(): Host | null {
    const carries = ({ daemon }: Host): boolean => daemon?.phase() === 'running' && !daemon.process.isPaused;
    return this.hosts.find(carries) ?? null;
  }

  /** Lets this much time pass, with all that happens in it. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.clock.nowMs + ms;
    await settle();
    while (this.clock.step(untilMs)) await settle();
  }

  records(): StreamRecord[] {
    const { journal } = this.carrier ?? this.hosts[0];
    const stored = [...journal.streams.values()].map((stream) => parsed(stream)?.record);
    return stored.filter((record) => record !== undefined);
  }

  /** What is still on its way, by stream: empty when there is nothing left to do. */
  unfinished(): ReadonlyMap<StreamId, string> {
    const left = new Map<StreamId, string>();
    const records = new Map(this.records().map((record) => [record.streamId, record]));
    for (const file of this.disk.stats()) {
      const record = records.get(file.streamId);
      // With its record lost, a file that lies aside is nobody's: its object is proven, and its name tells whose it was.
      if (!record && file.path.includes(ASIDE_PREFIX)) continue;
      if (!record || !isSettled(record, file)) left.set(file.streamId, record?.state ?? 'unknown');
    }
    for (const stream of this.carrier?.daemon?.world.streams.all() ?? [])
      if (stream.state !== 'failed.ended') left.set(stream.id, stream.state);
    return left;
  }
}

/** Asked for every second: each text is read once. */
const readOnce = new WeakMap<object, StoredRecord | null>();
function parsed(stream: { readonly text: string }): StoredRecord | null {
  const known = readOnce.get(stream);
  if (known !== undefined) return known;
  const read = readStored(stream.text);
  readOnce.set(stream, read);
  return read;
}

function isSettled({ state, memory, seen }: StreamRecord, file: FileLook): boolean {
  if (state === 'failed.ended') return true;
  if (!isFinal(state)) return false;
  const known = memory.completion?.generation === memory.generation ? memory.completion.freeze : seen;
  return known !== null && sameStat(known, file);
}
