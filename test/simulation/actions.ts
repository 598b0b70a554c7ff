// What a scenario does to its world, one small thing per step.

import type { StreamId } from '../../src/machines/ids.ts';
import { keyVariant, objectKey } from '../../src/machines/object-key.ts';
import type { S3Operation } from './checker/evidence.ts';
import { BUCKET } from './daemon.ts';
import { FOLDER } from './disk.ts';
import type { Random } from './random.ts';
import { type Action, habitsOf } from './scenario.ts';
import type { SimulatedWorld } from './simulated-world.ts';
import { CALM_S3, CALM_STORE, NO_FATES, type S3Weather } from './weather.ts';
import { Writer } from './writers.ts';

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
const DENIABLE: readonly (readonly S3Operation[])[] = [
  ['headObject'],
  ['listParts'],
  ['completeUpload'],
  ['abortUpload'],
  ['uploadPart'],
  ['headObject', 'listParts', 'listUploads'],
  ['probe', 'createUpload', 'uploadPart', 'listParts', 'listUploads', 'completeUpload', 'headObject', 'putObject'],
];

export class Actions {
  readonly #world: SimulatedWorld;
  readonly #random: Random;
  readonly #writers: Writer[] = [];
  #names = 0;
  #dump: (() => void) | null = null;

  constructor(world: SimulatedWorld) {
    this.#world = world;
    this.#random = world.random;
    for (const habits of world.scenario.writers)
      this.#writers.push(new Writer(world.disk, this.#random, habits, () => this.#name()));
  }

  /** How long the step takes. */
  do(action: Action): number {
    const random = this.#random;
    const { weather, daemon, redis, scenario, log } = this.#world;
    const fault = log.add.bind(log);
    switch (action) {
      case 'write':
        random.pick(this.#writers).step();
        break;
      case 'long_pause':
        return random.between(...LONG_PAUSE_MS);
      case 'new_writer':
        if (this.#writers.length < MAX_WRITERS)
          this.#writers.push(new Writer(this.#world.disk, random, habitsOf(random), () => this.#name()));
        break;
      case 'kill':
        daemon?.process.die();
        break;
      case 'kill_soon':
        daemon?.process.doom({ inCalls: random.between(1, 40), when: random.pick(['before', 'after']) });
        break;
      case 'lose_state_dir':
        daemon?.process.die();
        this.#world.loseStateDir();
        break;
      case 'stop':
        daemon?.drain();
        break;
      case 's3_weather':
        weather.s3 = random.chance(0.35) ? CALM_S3 : stormy(random, scenario.s3Faults);
        fault({ kind: 'fault', what: 's3_weather', detail: weather.s3.denied.join(' ') });
        break;
      case 'journal_weather':
        weather.journal = random.pick([
          CALM_STORE,
          { ...CALM_STORE, refuses: true },
          { ...CALM_STORE, latencyMs: [200, 2_000] as const },
        ]);
        fault({ kind: 'fault', what: weather.journal.refuses ? 'journal_refuses' : 'journal_slow', detail: '' });
        break;
      case 'registry_weather':
        if (redis) this.#changeRegistry();
        break;
      case 'empty_registry':
        redis?.empty();
        fault({ kind: 'fault', what: 'registry_emptied', detail: '' });
        break;
      case 'roll_registry_back':
        this.#rollBack();
        break;
      default:
        this.#meddle(action);
    }
    return random.between(...scenario.gapMs);
  }

  /** Things happen at the worst moment: while a stream is finalized. */
  lieInWait(): void {
    const { log, clock, scenario } = this.#world;
    log.onEvent = (event) => {
      if (event.kind === 'phase' && event.phase === 'calm') log.onEvent = null;
      if (event.kind !== 'stream' || !event.state.startsWith('finalizing.')) return;
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
    const { weather, redis, daemon } = this.#world;
    weather.s3 = CALM_S3;
    weather.journal = CALM_STORE;
    weather.registry = CALM_STORE;
    weather.slowReads = 0;
    weather.lostHints = 0;
    if (redis) redis.isAway = false;
    daemon?.process.forgive();
    this.endWriters();
  }

  #name(): string {
    const name = this.#random.chance(0.2)
      ? this.#random.pick(NAMES)
      : (NAMES[this.#names++ % NAMES.length] as (typeof NAMES)[number]);
    return `${FOLDER}/${name}`;
  }

  #changeRegistry(): void {
    const { redis, weather, log } = this.#world;
    if (!redis) return;
    const how = this.#random.pick(['away', 'back', 'slow', 'lossy', 'calm'] as const);
    if (how === 'away' || how === 'back') redis.isAway = how === 'away';
    else
      weather.registry = {
        ...CALM_STORE,
        ...(how === 'slow' ? { latencyMs: [200, 2_500] as const } : {}),
        ...(how === 'lossy' ? { replyLost: 200 } : {}),
      };
    log.add({ kind: 'fault', what: 'registry_away', detail: how });
  }

  /** A dump is taken at one time and restored at another. */
  #rollBack(): void {
    const { redis, log } = this.#world;
    if (!redis) return;
    if (!this.#dump || this.#random.chance(0.5)) {
      this.#dump = redis.dump();
      return;
    }
    this.#dump();
    log.add({ kind: 'fault', what: 'registry_rolled_back', detail: '' });
  }

  #meddle(action: Action): void {
    const { network, log, daemon, scenario } = this.#world;
    const random = this.#random;
    if (action === 'abort_outside') {
      const open = [...network.server.uploads.values()];
      if (open.length === 0) return;
      const upload = random.pick(open);
      network.server.uploads.delete(upload.id);
      log.add({ kind: 'fault', what: 'upload_aborted_outside', detail: upload.id });
    } else if (action === 'foreign_put') {
      // Where the server takes no condition, nothing can keep two from writing one key.
      if (scenario.capabilities.conditionalComplete !== false) this.#putForeign();
    } else if (action === 'wish') {
      const streams = [...(daemon?.world.streams.all() ?? [])].map((stream) => stream.id);
      if (daemon && streams.length > 0)
        daemon.wish(random.pick(streams) as StreamId, random.pick(['finalize', 'retry']));
    }
  }

  /** Someone else's object at a key that a stream wants, unless ours is there. */
  #putForeign(): void {
    const { network, log, scenario } = this.#world;
    const random = this.#random;
    const wanted = objectKey(scenario.settings, FOLDER, `${FOLDER}/${random.pick(NAMES)}`);
    const target = { bucket: BUCKET, key: keyVariant(wanted, random.pick([1, 1, 1, 2])) };
    const there = network.server.bucket(BUCKET).get(target.key);
    if (there && 'tailrace-stream' in there.head.metadata) return;
    const body = random.bytes(random.between(1, 100));
    network.server.put({ target, body, contentType: 'text/plain', metadata: {}, condition: { kind: 'any' } });
    log.add({ kind: 'fault', what: 'foreign_put', detail: target.key });
  }
}

const FATES = ['refused', 'dropped', 'reply_lost', 'late', 'forgotten'] as const;

/** Many kinds of trouble at times, or much of one kind. */
function stormy(random: Random, worst: number): S3Weather {
  if (random.chance(0.5)) {
    const focused = { ...NO_FATES, [random.pick(FATES)]: random.between(100, 700) };
    const weighty = { ...NO_FATES, [random.pick(FATES)]: random.between(100, 700) };
    const latencyMs = [1, random.pick([20, 200])] as const;
    return { ...CALM_S3, latencyMs, ...(random.chance(0.6) ? { fates: focused } : { weightyFates: weighty }) };
  }
  const often = (): number => (random.chance(0.5) ? random.between(0, worst) : 0);
  return {
    latencyMs: random.pick([
      [1, 20],
      [10, 200],
      [50, 900],
    ] as const),
    fates: {
      ...NO_FATES,
      refused: often(),
      dropped: often(),
      reply_lost: often(),
      late: often(),
      forgotten: often() >> 1,
    },
    weightyFates: { ...NO_FATES, refused: often(), dropped: often(), reply_lost: often() * 2, late: often() * 2 },
    denied: random.chance(0.3) ? random.pick(DENIABLE) : [],
    isDown: random.chance(0.1),
  };
}
