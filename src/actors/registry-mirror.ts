// The mirror: writes behind the journal what the journal holds, so that Redis shows it and another host can go on from it.
//
// M1. Per stream the newest save wins and rows are merged; nothing waits for the mirror, nothing is lost when Redis is away.
// M2. A registry that was emptied or rolled back, or knows a revision from before STATE_DIR was lost, gets everything again, from the
//     journal: found by comparing revisions, and by each save, which names the revision that its rows continue.
// M3. A save under a lease that is another's is refused there; then nothing of that folder is completed or aborted any more.
// M4. Every change of status is told in `streams:events`, also when its record was merged into a newer one on the way (of each stream
//     the newest MAX_CHANGES_KEPT, while Redis is away or not reached). A daemon that is killed takes what it had not told with it;
//     the next one tells where the stream is then.
// M5. Leases and Redis are touched only between `start` and `stop`: before, the boot decides whether we may run at all.

import { failureOf } from '../machines/failure.ts';
import type { StreamId } from '../machines/ids.ts';
import type { Outcome } from '../ports/outcome.ts';
import type { Lease, Registry } from '../ports/registry.ts';
import { RENEW_EVERY_MS } from './lease.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { allInJournal, asWaited, reservedBy } from './registry-reading.ts';
import { atRevision, mergedSaves, registrySave } from './registry-save.ts';
import { RegistryWaiters } from './registry-waiters.ts';
import type { World } from './world.ts';
import type { Saved } from './write-ahead.ts';

/** Saves on their way at once: Redis answers 27,500 a second at 64 in flight, 5,500 at one. */
const SAVES_AT_ONCE = 16;
const RETRY_MS = 1000;
/** How often the stored revisions are compared with ours: an emptied Redis is noticed within this time even if it never went away. */
const COMPARE_EVERY_MS = 10_000;
/** Finished streams compared each time: any of them shows that Redis was emptied, and then all are compared. */
const FINISHED_COMPARED = 100;

export class RegistryMirror {
  readonly #world: World;
  readonly #registry: Registry;
  readonly #keeper: LeaseKeeper;
  /** null: nothing new, but all of it is owed. */
  readonly #pending = new Map<StreamId, Saved | null>();
  /** Streams of which the registry lacks something: their next save is everything that the journal has of them. */
  readonly #owesAll = new Set<StreamId>();
  /** What the registry should hold: the last revision that it took, or that the journal had at the start. */
  readonly #rev = new Map<StreamId, number>();
  readonly #stopped = new AbortController();
  #started = false;
  readonly #waiters = new RegistryWaiters();
  readonly #saving = new Set<StreamId>();
  #pumping: Promise<void> | null = null;
  #reachable = false;

  constructor(world: World, registry: Registry) {
    this.#world = world;
    this.#registry = registry;
    this.#keeper = new LeaseKeeper(world, registry);
    registry.onReachable((reachable) => this.#noteReachable(reachable));
  }

  /** `revisions`: of every record that the journal has. */
  start(revisions: Iterable<readonly [StreamId, number]>): void {
    for (const [id, rev] of revisions) this.#rev.set(id, rev);
    // Redis was not heard when the records were taken over: it may remember something else under the very same revision.
    if (this.#world.leases.size === 0) for (const id of this.#rev.keys()) this.#oweAll(id);
    this.#started = true;
    void this.#catchUp();
    void this.#every(RENEW_EVERY_MS, () => this.#renewLeases());
    void this.#every(COMPARE_EVERY_MS, () => this.#compareSome());
  }

  /** Tries for a moment to bring everything over; what is left is written after the next start. */
  async drain(untilMs: number): Promise<void> {
    const { clock } = this.#world;
    const isOwed = () => this.#pumping !== null || this.#pending.size > 0;
    const mayWork = () => this.#started && this.#reachable && !this.#stopped.signal.aborted;
    while (isOwed() && mayWork() && clock.nowMs() < untilMs)
      await Promise.race([this.#pump(), clock.waitUntil(untilMs, this.#stopped.signal)]);
  }

  stop(): void {
    this.#stopped.abort();
    this.#waiters.tellAll(AWAY);
  }

  push(saved: readonly Saved[]): void {
    for (const each of saved) {
      const id = each.save.stored.record.streamId;
      const waiting = this.#pending.get(id);
      this.#pending.set(id, waiting ? mergedSaves(waiting, each) : each);
    }
    void this.#pump();
  }

  /** Resolves when Redis has all that was pushed of the stream until now; with the reason as soon as it refuses or does not answer. */
  holds(id: StreamId): Promise<Outcome<null>> {
    if (!this.#pending.has(id) && !this.#saving.has(id)) return Promise.resolve(HELD);
    if (!this.#started || !this.#reachable || this.#stopped.signal.aborted) return Promise.resolve(AWAY);
    const held = this.#waiters.add(id);
    void this.#pump();
    return held;
  }

  /** What came meanwhile is newer. */
  #putBack(id: StreamId, saved: Saved | null): void {
    const newer = this.#pending.get(id);
    this.#pending.set(id, newer && saved ? mergedSaves(saved, newer) : (newer ?? saved));
  }

  #oweAll(id: StreamId): void {
    this.#owesAll.add(id);
    this.#putBack(id, null);
  }

  /** The operator's word: what waits to be written of it is dropped, then what Redis has. */
  async forget(id: StreamId, lease: Lease): Promise<Outcome<null>> {
    this.#pending.delete(id);
    const forgotten = await this.#registry.forget(id, lease);
    if (forgotten.ok) this.#noteForgotten(id);
    return forgotten;
  }

  /** One pump at a time; whoever asks meanwhile gets the same. */
  #pump(): Promise<void> {
    if (!this.#started) return Promise.resolve();
    this.#pumping ??= this.#pumpAll().finally(() => {
      this.#pumping = null;
    });
    return this.#pumping;
  }

  async #pumpAll(): Promise<void> {
    while (this.#pending.size > 0 && !this.#stopped.signal.aborted) {
      const batch = [...this.#pending.entries()].slice(0, SAVES_AT_ONCE);
      for (const [id] of batch) this.#pending.delete(id);
      const done = await Promise.all(batch.map(([id, saved]) => this.#saveAndTell(id, saved)));
      if (!done.includes(false)) continue;
      if (!this.#reachable) return;
      const now = this.#world.clock.nowMs();
      await this.#world.clock.waitUntil(now + RETRY_MS, this.#stopped.signal);
    }
  }

  async #saveAndTell(id: StreamId, taken: Saved | null): Promise<boolean> {
    this.#saving.add(id);
    const done = await this.#save(id, taken);
    this.#saving.delete(id);
    if (!done) this.#waiters.tell(id, AWAY);
    else if (!this.#pending.has(id)) this.#waiters.tell(id, HELD);
    return done;
  }

  /** False: try again later. */
  async #save(id: StreamId, taken: Saved | null): Promise<boolean> {
    const owesAll = taken === null || this.#owesAll.has(id);
    const read = owesAll ? await allInJournal(this.#world, id) : { ok: true as const, value: taken };
    if (read.ok && !read.value) return this.#noteForgotten(id);
    if (owesAll && read.ok && read.value && this.#wasOvertaken(id, read.value)) {
      this.#owesAll.add(id);
      this.#putBack(id, taken);
      return true;
    }
    // What was read may be newer than what was taken: then what told of it came meanwhile (M4).
    const waiting = owesAll ? this.#takeToo(id, taken) : taken;
    const saved = read.ok && read.value ? asWaited(read.value, waiting) : null;
    const lease = saved && this.#leaseOf(saved);
    const run = String(this.#world.options.startedAtMs);
    const nowMs = this.#world.clock.nowMs();
    const reserved = saved ? await reservedBy(this.#world, saved) : [];
    const mirrored = lease && { lease, baseRev: this.#rev.get(id) ?? null, run, nowMs, reserved };
    const answer = saved && mirrored ? await this.#registry.save(registrySave(saved, mirrored)) : null;
    if (answer) this.#world.telemetry.count('registry_saves', 1, answer.ok ? answer.value.answer : 'failed');
    if (!saved || !answer?.ok) {
      this.#putBack(id, waiting);
      return false;
    }
    switch (answer.value.answer) {
      case 'saved':
        this.#noteSaved(id, saved);
        return true;
      case 'stale': {
        // Beyond what is on its way to the journal too: no two records ever have one revision.
        const rev = Math.max(answer.value.rev, this.#world.writeAhead.revOf(id)) + 1;
        this.#putBack(id, atRevision(saved, rev));
        this.#world.writeAhead.startFrom(id, rev);
        return true;
      }
      case 'gap':
        this.#putBack(id, waiting);
        this.#oweAll(id);
        return true;
      case 'fenced':
        this.#keeper.loseTo(saved.save.stored.record.memory.folder, answer.value.holder);
        return true;
    }
  }

  #noteSaved(id: StreamId, { save }: Saved): void {
    this.#rev.set(id, save.stored.rev);
    this.#owesAll.delete(id);
  }

  /** A newer save came between the reading of the record and of its rows: its revision must not stand over the older record. */
  #wasOvertaken(id: StreamId, read: Saved): boolean {
    const newer = this.#pending.get(id);
    return newer !== null && newer !== undefined && newer.save.stored.rev > read.save.stored.rev;
  }

  #takeToo(id: StreamId, taken: Saved | null): Saved | null {
    const newer = this.#pending.get(id) ?? null;
    this.#pending.delete(id);
    return newer && taken ? mergedSaves(taken, newer) : (newer ?? taken);
  }

  #noteForgotten(id: StreamId): true {
    this.#rev.delete(id);
    this.#owesAll.delete(id);
    return true;
  }

  #leaseOf({ save }: Saved): Lease | undefined {
    const { folder } = save.stored.record.memory;
    const ours = this.#world.options.folders.find((each) => each.path === folder);
    return ours ? this.#world.leases.get(ours.id) : this.#world.leases.values().next().value;
  }

  async #renewLeases(): Promise<void> {
    await this.#keeper.renew(this.#stopped.signal);
    void this.#pump();
  }

  /** M2, at a cost that does not grow with the number of finished streams. */
  async #compareSome(): Promise<void> {
    const { streams } = this.#world;
    const some: StreamId[] = [];
    let finished = 0;
    for (const id of this.#rev.keys()) {
      if (!streams.get(id) && ++finished > FINISHED_COMPARED) continue;
      some.push(id);
    }
    if (await this.#compare(some)) await this.#compare([...this.#rev.keys()]);
  }

  /** True when the registry lacked something, or had something else. */
  async #compare(ids: readonly StreamId[]): Promise<boolean> {
    if (ids.length === 0 || !this.#reachable) return false;
    const stored = await this.#registry.revisions(ids);
    if (!stored.ok) return false;
    let lacked = false;
    for (const [at, id] of ids.entries()) {
      const ours = this.#rev.get(id);
      if (ours === undefined || stored.value[at] === ours) continue;
      lacked = true;
      this.#oweAll(id);
    }
    if (lacked) void this.#pump();
    return lacked;
  }

  #noteReachable(reachable: boolean): void {
    const isNews = this.#reachable !== reachable;
    this.#reachable = reachable;
    this.#world.carrying.registryAnswers = reachable;
    if (!reachable) this.#waiters.tellAll(AWAY);
    this.#world.views.daemonChanged({ registryReachable: reachable });
    if (!isNews || !this.#started || this.#stopped.signal.aborted) return;
    if (reachable) {
      this.#world.telemetry.info('Redis answers again');
      void this.#catchUp();
    } else this.#world.telemetry.warn('Redis does not answer; uploads go on, the registry is written when it is back');
  }

  async #catchUp(): Promise<void> {
    if (!this.#reachable) return;
    await this.#renewLeases();
    await this.#compare([...this.#rev.keys()]);
    void this.#pump();
  }

  async #every(intervalMs: number, work: () => Promise<void>): Promise<void> {
    const { clock } = this.#world;
    while (!this.#stopped.signal.aborted) {
      await clock.waitUntil(clock.nowMs() + intervalMs, this.#stopped.signal);
      if (!this.#stopped.signal.aborted) await work();
    }
  }
}

const HELD = { ok: true, value: null } as const;
const AWAY = {
  ok: false,
  failure: failureOf('lease_unconfirmed', 'Redis does not take what has to be there first'),
} as const;
