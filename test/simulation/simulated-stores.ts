// The journal and the registry as a daemon meets them: one request after the other, delayed, refused, or (Redis) executed with
// the answer lost. What was acknowledged is never lost; what a killed process had under way may or may not have happened.

import { failureOf } from '../../src/machines/failure.ts';
import type { Journal } from '../../src/ports/journal.ts';
import type { Outcome } from '../../src/ports/outcome.ts';
import type { Registry, RegistrySave } from '../../src/ports/registry.ts';
import { type MemoryRedis, memoryRegistry } from '../fakes/memory-registry.ts';
import type { EventLog } from './event-log.ts';
import type { SimulatedProcess } from './process.ts';
import type { Random } from './random.ts';
import type { VirtualClock } from './virtual-clock.ts';
import type { StoreWeather } from './weather.ts';

export interface StoreWorld {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly log: EventLog;
}

interface Waiting {
  readonly execute: () => void;
  cancel: () => void;
}

/** A dead process's last commands may sit in buffers on their way. */
const LATE_AFTER_DEATH_MS = 3_000;

/**
 * Requests in line: each executes after the one before. Of what waits when its process dies, the first few happen all the same: within
 * the process (journal) at that moment or never, outside of it (Redis) when their time comes, which may be late.
 */
class Queue {
  readonly #world: StoreWorld;
  readonly #process: SimulatedProcess;
  readonly #weather: () => StoreWeather;
  readonly #waiting = new Set<Waiting>();
  #lastMs = 0;

  constructor(world: StoreWorld, process: SimulatedProcess, weather: () => StoreWeather, where: 'within' | 'outside') {
    this.#world = world;
    this.#process = process;
    this.#weather = weather;
    process.onDeath(() => this.#outlive(where));
  }

  request<T>(execute: () => Promise<Outcome<T>>, refused: () => Outcome<T>): Promise<Outcome<T>> {
    const { clock, random } = this.#world;
    return this.#process.ask((reply) => {
      const weather = this.#weather();
      this.#lastMs = Math.max(this.#lastMs, clock.nowMs + random.between(...weather.latencyMs));
      const isLost = random.between(0, 999) < weather.replyLost;
      const waiting: Waiting = {
        execute: () => {
          this.#waiting.delete(waiting);
          if (this.#weather().refuses) reply(refused());
          else void execute().then((outcome) => reply(isLost ? refused() : outcome));
        },
        cancel: () => {},
      };
      waiting.cancel = clock.at(this.#lastMs, waiting.execute);
      this.#waiting.add(waiting);
    });
  }

  #outlive(where: 'within' | 'outside'): void {
    const all = [...this.#waiting];
    const count = this.#world.random.between(0, all.length);
    const lateMs = this.#world.random.between(0, LATE_AFTER_DEATH_MS);
    for (const [at, waiting] of all.entries()) {
      waiting.cancel();
      if (at < count && where === 'within') waiting.execute();
      else if (at < count) this.#world.clock.after(lateMs, waiting.execute);
    }
  }
}

const journalRefused = (): Outcome<never> => ({ ok: false, failure: failureOf('journal_unavailable', 'disk full') });

export function simulatedJournal(
  inner: Journal,
  world: StoreWorld,
  process: SimulatedProcess,
  weather: () => StoreWeather,
): Journal {
  const queue = new Queue(world, process, weather, 'within');
  const ask = <T>(execute: () => Promise<Outcome<T>>): Promise<Outcome<T>> => queue.request(execute, journalRefused);
  return {
    load: () => ask(() => inner.load()),
    record: (id) => ask(() => inner.record(id)),
    rows: (id, uploadId) => ask(() => inner.rows(id, uploadId)),
    save: (saves) =>
      ask(async () => {
        const saved = await inner.save(saves);
        if (saved.ok)
          for (const { stored } of saves) {
            const { streamId, state } = stored.record;
            world.log.add({ kind: 'journal', daemon: process.name, streamId, state });
          }
        return saved;
      }),
    reserveKey: (target, id) => ask(() => inner.reserveKey(target, id)),
    reservedKeys: (id) => ask(() => inner.reservedKeys(id)),
    forget: (id) => ask(() => inner.forget(id)),
    close: () => inner.close(),
  };
}

const registryRefused = (): Outcome<never> => ({
  ok: false,
  failure: failureOf('registry_unavailable', 'the connection was lost', { answered: false }),
});

/** `asSaved`: what Redis makes of a save when it arrives; another thing only where a test shows what would go wrong with it. */
export function simulatedRegistry(
  redis: MemoryRedis,
  world: StoreWorld,
  process: SimulatedProcess,
  weather: () => StoreWeather,
  asSaved: (save: RegistrySave) => RegistrySave = (save) => save,
  standby = false,
): Registry {
  const inner = memoryRegistry(redis, standby);
  const queue = new Queue(world, process, weather, 'outside');
  const ask = <T>(execute: () => Promise<Outcome<T>>): Promise<Outcome<T>> => queue.request(execute, registryRefused);
  return {
    acquireLease: (folderId, holder, ttlMs, minFence) =>
      ask(async () => {
        const answer = await inner.acquireLease(folderId, holder, ttlMs, minFence);
        if (answer.ok && answer.value.held)
          world.log.add({ kind: 'lease', daemon: process.name, fence: answer.value.lease.fence });
        return answer;
      }),
    renewLease: (lease, ttlMs) => ask(() => inner.renewLease(lease, ttlMs)),
    releaseLease: (lease) => ask(() => inner.releaseLease(lease)),
    lookAtLease: (folderId) => ask(() => inner.lookAtLease(folderId)),
    strays: (folder, isKnown) => ask(() => inner.strays(folder, isKnown)),
    load: (isNews) => ask(() => inner.load(isNews)),
    rows: (id) => ask(() => inner.rows(id)),
    reservedKeys: (id) => ask(() => inner.reservedKeys(id)),
    save: (save) =>
      ask(async () => {
        const answer = await inner.save(asSaved(save));
        if (answer.ok && answer.value.answer === 'saved') {
          const { record, rev } = save.stored;
          const { fence } = save.lease;
          world.log.add({ kind: 'registry.saved', daemon: process.name, streamId: record.streamId, fence, rev });
        }
        return answer;
      }),
    revisions: (ids) => ask(() => inner.revisions(ids)),
    forget: (id, lease) => ask(() => inner.forget(id, lease)),
    onReachable: (listener) => inner.onReachable((reachable) => process.deliver(() => listener(reachable))),
    close: () => inner.close(),
  };
}
