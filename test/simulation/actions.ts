// What a scenario does to its world, one small thing per step.

import { MemoryJournalDisk } from '../fakes/memory-journal.ts';
import type { Fault } from './checker/evidence.ts';
import { FOLDER } from './disk.ts';
import type { Host } from './host.ts';
import type { Random } from './random.ts';
import { type Action, habitsOf } from './scenario.ts';
import type { SimulatedWorld } from './simulated-world.ts';
import { abortSomeUpload, deleteUnproven, putForeign } from './strangers.ts';
import { CALM_S3, CALM_STORE, type StoreWeather, stormy } from './weather.ts';
import { type Habits, Writer } from './writers.ts';

const NAMES = ['a.rec', 'b.rec', 'c.mp4', 'd/e.log', 'f', 'g.h.i', 'j.rec', 'k.rec'] as const;
/** Around the timeouts of the scenarios' settings. */
const LONG_PAUSE_MS = [800, 9_000] as const;
const MAX_WRITERS = 5;
const AMBUSHES: readonly Action[] = [
  'write',
  'kill',
  'kill_soon',
  'abort_outside',
  'foreign_put',
  's3_weather',
  'stop',
];
const AMBUSH_WITHIN_MS = 120;
/** Up to half as long again as a lease. */
const SIGSTOP_MS = [50, 22_000] as const;
/** S3 refuses whoever is further off than fifteen minutes. */
const MOST_AHEAD_MS = 14 * 60_000;
const CLOCK_JUMPS_MS = [1_000, 10_000, 60_000, 600_000] as const;
const WISHES = [
  [4, 'finalize'],
  [4, 'retry'],
  [1, 'abort'],
] as const;

const JOURNAL_WEATHERS: readonly (readonly [Fault | null, StoreWeather])[] = [
  [null, CALM_STORE],
  ['journal_refuses', { ...CALM_STORE, refuses: true }],
  ['journal_slow', { ...CALM_STORE, latencyMs: [200, 2_000] }],
  ['journal_shut', { ...CALM_STORE, isShut: true }],
];
const REGISTRY_WEATHERS: readonly (readonly [Fault | null, StoreWeather])[] = [
  [null, CALM_STORE],
  ['registry_away', CALM_STORE],
  ['registry_back', CALM_STORE],
  ['registry_refuses', { ...CALM_STORE, refuses: true }],
  ['registry_slow', { ...CALM_STORE, latencyMs: [200, 2_500] }],
  ['registry_replies_lost', { ...CALM_STORE, replyLost: 200 }],
];

export class Actions {
  readonly #world: SimulatedWorld;
  readonly #random: Random;
  readonly #writers: Writer[] = [];
  #names = 0;
  #dump: (() => void) | null = null;
  readonly #backups = new Map<Host, MemoryJournalDisk>();

  constructor(world: SimulatedWorld) {
    this.#world = world;
    this.#random = world.random;
    for (const habits of world.scenario.writers) this.#addWriter(habits);
  }

  /** How long the step takes. */
  do(action: Action): number {
    const random = this.#random;
    const { scenario } = this.#world;
    const host = random.pick(this.#world.hosts);
    const process = host.daemon?.process;
    switch (action) {
      case 'write':
        random.pick(this.#writers).step();
        break;
      case 'long_pause':
        return random.between(...LONG_PAUSE_MS);
      case 'new_writer':
        if (this.#writers.length < MAX_WRITERS) this.#addWriter(habitsOf(random));
        break;
      case 'kill':
        process?.die();
        break;
      case 'kill_soon':
        process?.doom({ inCalls: random.between(1, 40), when: random.pick(['before', 'after']) });
        break;
      case 'pause':
        host.pause(random.between(...SIGSTOP_MS));
        break;
      case 'stop':
        host.daemon?.drain();
        break;
      case 'lose_state_dir':
        process?.die();
        host.journal = new MemoryJournalDisk();
        this.#tell('state_dir_lost');
        break;
      case 'roll_state_dir_back':
        this.#rollStateDirBack(host);
        break;
      case 'damage_record':
        this.#damageRecord(host);
        break;
      case 'clock_jump':
        this.#jump();
        break;
      default:
        this.#changeStores(action);
    }
    return random.between(...scenario.gapMs);
  }

  #changeStores(action: Action): void {
    const random = this.#random;
    const { weather, redis, scenario } = this.#world;
    switch (action) {
      case 's3_weather':
        weather.s3 = random.chance(0.35)
          ? { ...CALM_S3, latencyMs: scenario.s3LatencyMs }
          : stormy(random, scenario.s3Faults);
        this.#tell('s3_weather', weather.s3.denied.join(' '));
        break;
      case 'journal_weather':
        this.#changeJournal();
        break;
      case 'registry_weather':
        if (redis) this.#changeRegistry();
        break;
      case 'empty_registry':
        redis?.empty();
        if (redis) this.#tell('registry_emptied');
        break;
      case 'roll_registry_back':
        this.#rollBack();
        break;
      case 'unreadable_files':
        weather.badReads = random.pick([0, 0, 100, 1_000]);
        if (weather.badReads > 0) this.#tell('files_unreadable');
        break;
      default:
        this.#meddle(action);
    }
  }

  /** Things happen at the worst moment: while a stream is finalized. */
  lieInWait(): void {
    const { log, clock, scenario } = this.#world;
    log.onEvent = (event) => {
      if (event.kind === 'phase' && event.phase === 'calm') log.onEvent = null;
      if (event.kind !== 'stream' || !/^(finalizing|s3_completed)\./.test(event.state)) return;
      if (this.#random.between(0, 999) >= scenario.ambushes) return;
      const possible = scenario.actions.filter(([, action]) => AMBUSHES.includes(action));
      const action = this.#random.pick(possible)[1];
      clock.after(this.#random.between(0, AMBUSH_WITHIN_MS), () => {
        if (log.onEvent) this.do(action);
      });
    };
  }

  endWriters(): void {
    for (const writer of this.#writers) writer.end();
  }

  /** Faults stop and writers close. */
  calmDown(): void {
    const { weather, redis, hosts } = this.#world;
    weather.s3 = CALM_S3;
    weather.curses = [];
    weather.journal = CALM_STORE;
    weather.registry = CALM_STORE;
    weather.slowReads = 0;
    weather.badReads = 0;
    weather.lostHints = 0;
    if (redis) redis.isAway = false;
    for (const { daemon } of hosts) {
      daemon?.process.forgive();
      daemon?.process.resume();
    }
    this.endWriters();
  }

  #name(): string {
    const name = this.#random.chance(0.2)
      ? this.#random.pick(NAMES)
      : (NAMES[this.#names++ % NAMES.length] as (typeof NAMES)[number]);
    return `${FOLDER}/${name}`;
  }

  #tell(what: Fault, detail = ''): void {
    this.#world.log.add({ kind: 'fault', what, detail });
  }

  #addWriter(habits: Habits): void {
    this.#writers.push(new Writer(this.#world, habits, () => this.#name()));
  }

  #changeJournal(): void {
    const [what, weather] = this.#random.pick(JOURNAL_WEATHERS);
    this.#world.weather.journal = weather;
    if (what) this.#tell(what);
  }

  #changeRegistry(): void {
    const { redis, weather } = this.#world;
    const [what, next] = this.#random.pick(REGISTRY_WEATHERS);
    if (redis && (what === 'registry_away' || what === 'registry_back')) redis.isAway = what === 'registry_away';
    else weather.registry = next;
    if (what) this.#tell(what);
  }

  /** A dump is taken at one time and restored at another. */
  #rollBack(): void {
    const { redis } = this.#world;
    if (!redis) return;
    if (!this.#dump || this.#random.chance(0.5)) {
      this.#dump = redis.dump();
      return;
    }
    this.#dump();
    this.#tell('registry_rolled_back');
  }

  /** The same of STATE_DIR, while no daemon runs. */
  #rollStateDirBack(host: Host): void {
    const backup = this.#backups.get(host);
    if (!backup || this.#random.chance(0.5)) {
      this.#backups.set(host, host.journal.copy());
      return;
    }
    host.daemon?.process.die();
    host.journal = backup.copy();
    this.#tell('state_dir_rolled_back');
  }

  #damageRecord(host: Host): void {
    const ids = [...host.journal.streams.keys()];
    if (ids.length === 0) return;
    host.daemon?.process.die();
    host.journal.damage(this.#random.pick(ids), this.#random.pick(['{}', '{"schemaVersion":99}', 'nul']));
    this.#tell('record_damaged');
  }

  /** NTP sets the wall clock: files get their times from it at once, daemons from their next start on. */
  #jump(): void {
    const ms = this.#random.pick(CLOCK_JUMPS_MS) * this.#random.pick([-1, 1]);
    const [host] = this.#world.hosts;
    const aheadMs = host.wallAheadMs + ms + this.#random.between(0, 999);
    host.wallAheadMs = Math.max(-MOST_AHEAD_MS, Math.min(MOST_AHEAD_MS, aheadMs));
    this.#tell('clock_jumped', String(ms));
  }

  #meddle(action: Action): void {
    const world = this.#world;
    if (action === 'abort_outside') abortSomeUpload(world);
    else if (action === 'delete_object') deleteUnproven(world);
    else if (action === 'wish') this.#wish();
    else if (action === 'foreign_put') {
      // Where the server takes no condition, nothing can keep two from writing one key.
      const { conditionalComplete } = world.scenario.provider.capabilities;
      if (conditionalComplete !== false) putForeign(world, `${FOLDER}/${this.#random.pick(NAMES)}`);
    }
  }

  #wish(): void {
    const daemon = this.#world.carrier?.daemon;
    const streams = [...(daemon?.world.streams.all() ?? [])];
    if (daemon && streams.length > 0) daemon.wish(this.#random.pick(streams).id, this.#random.weighted(WISHES));
  }
}
