// The mirror: writes behind the journal what the journal holds, so that Redis shows it and another host can go on from it.
//
// M1. Per stream the newest save wins and rows are merged; nothing waits for the mirror, nothing is lost when Redis is away.
// M2. A registry that was emptied or rolled back gets everything again, from the journal: found by comparing revisions, and by
//     each save, which names the revision that its rows continue.
// M3. A save under a lease that is another's is refused there; then nothing of that folder is completed or aborted any more.
// M4. Leases and Redis are touched only between `start` and `stop`: before, the boot decides whether we may run at all.

import type { StreamId } from '../machines/ids.ts';
import { dueAtMs } from '../machines/stream-due.ts';
import { isFinal } from '../machines/stream-status.ts';
import type { Outcome } from '../ports/outcome.ts';
import type { Lease, Registry } from '../ports/registry.ts';
import { leaseLost } from './lease.ts';
import { atRevision, mergedSaves, registrySave, statusIn } from './registry-save.ts';
import type { World } from './world.ts';
import type { Saved } from './write-ahead.ts';

/** Saves on their way at once: Redis answers 27,500 a second at 64 in flight, 5,500 at one. */
const SAVES_AT_ONCE = 16;
const RETRY_MS = 1000;
/** How often the stored revisions are compared with ours: an emptied Redis is noticed within this time even if it never went away. */
const COMPARE_EVERY_MS = 10_000;
/** Finished streams compared each time: any of them shows that Redis was emptied, and then all are compared. */
const FINISHED_COMPARED = 100;
export const LEASE_TTL_MS = 15_000;
const RENEW_EVERY_MS = 5_000;

export class RegistryMirror {
  readonly #world: World;
  readonly #registry: Registry;
  /** null: nothing new, but all of it is owed. */
  readonly #pending = new Map<StreamId, Saved | null>();
  /** Streams of which the registry lacks something: their next save is everything that the journal has of them. */
  readonly #owesAll = new Set<StreamId>();
  readonly #lastStatus = new Map<StreamId, string>();
  /** What the registry should hold: the last revision that it took, or that the journal had at the start. */
  readonly #rev = new Map<StreamId, number>();
  readonly #stopped = new AbortController();
  #started = false;
  #pumping: Promise<void> | null = null;
  #reachable = false;

  constructor(world: World, registry: Registry) {
    this.#world = world;
    this.#registry = registry;
    registry.onReachable((reachable) => this.#noteReachable(reachable));
  }

  /** `revisions`: of every record that the journal has. */
  start(revisions: Iterable<readonly [StreamId, number]>): void {
    for (const [id, rev] of revisions) this.#rev.set(id, rev);
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
  }

  push(saved: readonly Saved[]): void {
    for (const each of saved) {
      const id = each.save.stored.record.streamId;
      const waiting = this.#pending.get(id);
      this.#pending.set(id, waiting ? mergedSaves(waiting, each) : each);
    }
    void this.#pump();
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
      const done = await Promise.all(batch.map(([id, saved]) => this.#save(id, saved)));
      if (!done.includes(false)) continue;
      if (!this.#reachable) return;
      const now = this.#world.clock.nowMs();
      await this.#world.clock.waitUntil(now + RETRY_MS, this.#stopped.signal);
    }
  }

  /** False: try again later. */
  async #save(id: StreamId, waiting: Saved | null): Promise<boolean> {
    const owesAll = waiting === null || this.#owesAll.has(id);
    const read = owesAll ? await this.#readAll(id) : { ok: true as const, value: waiting };
    if (read.ok && !read.value) return this.#noteForgotten(id);
    const saved = read.ok && read.value ? atRevision(read.value, waiting?.save.stored.rev ?? 0) : null;
    const lease = saved && this.#leaseOf(saved);
    const mirrored = lease && { lease, baseRev: this.#rev.get(id) ?? null, lastStatus: this.#lastStatus.get(id) };
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
        const rev = answer.value.rev + 1;
        this.#putBack(id, atRevision(saved, rev));
        this.#world.writeAhead.startFrom(id, rev);
        return true;
      }
      case 'gap':
        this.#putBack(id, waiting);
        this.#oweAll(id);
        return true;
      case 'fenced':
        this.#loseTo(saved.save.stored.record.memory.folder, answer.value.holder);
        return true;
    }
  }

  #noteSaved(id: StreamId, { save }: Saved): void {
    this.#rev.set(id, save.stored.rev);
    this.#owesAll.delete(id);
    if (isFinal(save.stored.record.state)) this.#lastStatus.delete(id);
    else this.#lastStatus.set(id, statusIn(save));
  }

  #noteForgotten(id: StreamId): true {
    this.#rev.delete(id);
    this.#owesAll.delete(id);
    this.#lastStatus.delete(id);
    return true;
  }

  #leaseOf({ save }: Saved): Lease | undefined {
    const { folder } = save.stored.record.memory;
    const ours = this.#world.options.folders.find((each) => each.path === folder);
    return ours ? this.#world.leases.get(ours.id) : this.#world.leases.values().next().value;
  }

  #loseTo(folder: string, holder: string): void {
    if (this.#world.lostTo.has(folder)) return;
    this.#world.lostTo.set(folder, holder);
    this.#world.tellSupervisor({
      type: 'lease.lost',
      failure: leaseLost(folder, holder),
      atMs: this.#world.clock.nowMs(),
    });
  }

  async #renewLeases(): Promise<void> {
    const { leases, options, writeAhead } = this.#world;
    for (const { id, path } of options.folders) {
      const held = leases.get(id);
      const renewed = held ? await this.#registry.renewLease(held, LEASE_TTL_MS) : null;
      const answer =
        renewed?.ok && renewed.value.held
          ? renewed
          : await this.#registry.acquireLease(id, options.holder, LEASE_TTL_MS, writeAhead.fenceOf(path));
      if (this.#stopped.signal.aborted) return;
      if (!answer.ok) continue;
      if (!answer.value.held) this.#loseTo(path, answer.value.holder);
      else {
        leases.set(id, answer.value.lease);
        writeAhead.raiseFence(path, answer.value.lease.fence);
      }
    }
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

  /** True when the registry lacked something. */
  async #compare(ids: readonly StreamId[]): Promise<boolean> {
    if (ids.length === 0 || !this.#reachable) return false;
    const stored = await this.#registry.revisions(ids);
    if (!stored.ok) return false;
    let lacked = false;
    for (const [at, id] of ids.entries()) {
      const ours = this.#rev.get(id);
      if (ours === undefined || (stored.value[at] ?? -1) >= ours) continue;
      lacked = true;
      this.#oweAll(id);
    }
    if (lacked) void this.#pump();
    return lacked;
  }

  /** null: the journal has nothing of it (any more). What was saved until now is in it, because the mirror comes after it. */
  async #readAll(id: StreamId): Promise<Outcome<Saved | null>> {
    const { journal, streams } = this.#world;
    const stored = await journal.record(id);
    if (!stored.ok || !stored.value) return stored as Outcome<null>;
    const uploadId = stored.value.record.memory.upload?.uploadId ?? null;
    const rows = uploadId ? await journal.rows(id, uploadId) : { ok: true as const, value: [] };
    if (!rows.ok) return rows;
    this.#lastStatus.delete(id);
    const live = streams.get(id);
    const save = { stored: stored.value, uploadId, replaceRows: true, rows: rows.value };
    return { ok: true, value: { save, dueAtMs: live ? dueAtMs(live.state, live.context) : null } };
  }

  #noteReachable(reachable: boolean): void {
    const isNews = this.#reachable !== reachable;
    this.#reachable = reachable;
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
