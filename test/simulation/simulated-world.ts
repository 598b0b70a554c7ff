// The world of one run: disk, S3, journal, Redis, weather, and one daemon at a time. What can be done to it is in `actions.ts`; nothing
// happens in it but by its clock.

import { readStored } from '../../src/adapters/stored-record.ts';
import { sameStat } from '../../src/machines/file-identity.ts';
import type { StreamId } from '../../src/machines/ids.ts';
import type { StreamRecord } from '../../src/machines/stream-record.ts';
import { isFinal } from '../../src/machines/stream-status.ts';
import { MemoryJournalDisk } from '../fakes/memory-journal.ts';
import { MemoryS3 } from '../fakes/memory-object-store.ts';
import { MemoryRedis } from '../fakes/memory-registry.ts';
import type { FileState } from './checker/evidence.ts';
import { BUCKET, type Daemon, type Swaps, startDaemon } from './daemon.ts';
import { SimulatedDisk } from './disk.ts';
import { EventLog } from './event-log.ts';
import { SimulatedProcess } from './process.ts';
import { createRandom, type Random } from './random.ts';
import { type Scenario, scenarioOf } from './scenario.ts';
import type { S3Network } from './simulated-s3.ts';
import { VirtualClock } from './virtual-clock.ts';
import { calm, type Weather } from './weather.ts';

const START_MS = 1_800_000_000_000;
/** A supervisor (systemd, a person) starts a daemon that ended again. */
const RESTART_MS = [0, 1_500] as const;
const CANNOT_START_MS = 500;

/** Everything that can run now has run. Timers and I/O there are none: so this comes after all promises. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class SimulatedWorld {
  readonly scenario: Scenario;
  readonly random: Random;
  readonly clock = new VirtualClock(START_MS);
  readonly log = new EventLog(() => this.clock.nowMs);
  readonly weather: Weather = calm();
  readonly disk: SimulatedDisk;
  readonly network: S3Network;
  readonly redis: MemoryRedis | null;
  readonly #swaps: Swaps;
  journal = new MemoryJournalDisk();
  daemon: Daemon | null = null;
  /** The latest daemon was stopped because it asked without end. */
  ranWild = false;
  #daemons = 0;

  constructor(seed: number, swaps: Swaps = {}, adapt = (scenario: Scenario): Scenario => scenario) {
    const random = createRandom(seed);
    const nowMs = (): number => this.clock.nowMs;
    this.scenario = adapt(scenarioOf(seed, random.fork('scenario')));
    const { scenario } = this;
    this.random = random.fork('actions');
    this.#swaps = swaps;
    this.weather.slowReads = scenario.slowReads;
    this.weather.lostHints = scenario.lostHints;
    const { reuseInodes, timeTickMs, settings } = scenario;
    this.disk = new SimulatedDisk(this.log, { nowMs, reuseInodes, timeTickMs });
    this.network = {
      server: new MemoryS3({ buckets: [BUCKET], now: nowMs, minPartBytes: 1, capabilities: scenario.capabilities }),
      clock: this.clock,
      log: this.log,
      random: random.fork('network'),
      weather: this.weather,
      lateArrivalMs: settings.lateArrivalMs,
      completeDoubtMs: settings.completeDoubtMs,
      requests: 0,
      pending: 0,
    };
    this.redis = scenario.withRegistry ? new MemoryRedis(nowMs) : null;
  }

  /** Starts a daemon, now or as soon as it can. */
  async start(): Promise<void> {
    this.#daemons += 1;
    const process = new SimulatedProcess(`daemon-${this.#daemons}`, this.clock);
    const { disk, log, network, journal, redis, weather, scenario } = this;
    const machine = { disk, weather, sight: scenario.sight, random: this.random.fork(process.name) };
    const { settings } = scenario;
    const swaps = this.#swaps;
    const parts = { process, log, network, machine, journal, redis, settings, holder: 'here', swaps };
    this.daemon = await startDaemon(parts);
    if (!this.daemon) this.clock.after(CANNOT_START_MS, () => void this.start());
    process.onDeath(() => {
      this.ranWild ||= process.isRunningWild;
      this.daemon = null;
      if (!process.isRunningWild) this.clock.after(this.random.between(...RESTART_MS), () => void this.start());
    });
  }

  /** Lets this much time pass, with all that happens in it. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.clock.nowMs + ms;
    await settle();
    while (this.clock.step(untilMs)) await settle();
  }

  /** STATE_DIR is lost while no daemon runs. */
  loseStateDir(): void {
    this.journal = new MemoryJournalDisk();
    this.log.add({ kind: 'fault', what: 'state_dir_lost', detail: '' });
  }

  records(): StreamRecord[] {
    const stored = [...this.journal.streams.values()].map(({ text }) => readStored(text)?.record);
    return stored.filter((record) => record !== undefined);
  }

  /** What is still on its way, by stream: empty when there is nothing left to do. */
  unfinished(): ReadonlyMap<StreamId, string> {
    const left = new Map<StreamId, string>();
    const records = new Map(this.records().map((record) => [record.streamId, record]));
    for (const file of this.disk.states()) {
      const record = records.get(file.streamId);
      if (!record || !isSettled(record, file)) left.set(file.streamId, record?.state ?? 'unknown');
    }
    for (const stream of this.daemon?.world.streams.all() ?? [])
      if (stream.state !== 'failed.ended') left.set(stream.id, stream.state);
    return left;
  }
}

function isSettled({ state, memory, seen }: StreamRecord, file: FileState): boolean {
  if (state === 'failed.ended') return true;
  if (!isFinal(state)) return false;
  const known = memory.completion?.generation === memory.generation ? memory.completion.freeze : seen;
  return known !== null && sameStat(known, file);
}
