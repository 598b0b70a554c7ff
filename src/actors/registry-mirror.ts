// The mirror: writes behind the journal what the journal holds, so that Redis shows it and another host can go on from it.
//
// M1. Per stream the newest save wins and rows are merged; nothing waits for the mirror, nothing is lost when Redis is away.
// M2. A registry that was emptied or rolled back (our revision absent or lower) gets everything again, from the journal.
// M3. A save under a lease that is another's is refused there; then nothing of that folder is completed or aborted any more.

import { failureOf } from '../machines/failure.ts';
import type { StreamId } from '../machines/ids.ts';
import { isFinal, setOf, statusOf } from '../machines/stream-status.ts';
import type { StreamSave } from '../ports/journal.ts';
import type { Lease, Registry, RegistrySave } from '../ports/registry.ts';
import type { World } from './world.ts';
import type { Saved } from './write-ahead.ts';

/** Saves on their way at once: Redis answers 27,500 a second at 64 in flight, 5,500 at one. */
const SAVES_AT_ONCE = 16;
const RETRY_MS = 1000;
/** How often the stored revisions are compared with ours: an emptied Redis is noticed within this time even if it never went away. */
const COMPARE_EVERY_MS = 10_000;
export const LEASE_TTL_MS = 15_000;
const RENEW_EVERY_MS = 5_000;

export class RegistryMirror {
  readonly #world: World;
  readonly #registry: Registry;
  readonly #pending = new Map<StreamId, Saved>();
  readonly #lastStatus = new Map<StreamId, string>();
  readonly #savedRev = new Map<StreamId, number>();
  readonly #stopped = new AbortController();
  #pumping = false;
  #reachable: boolean | null = null;

  constructor(world: World, registry: Registry) {
    this.#world = world;
    this.#registry = registry;
    registry.onReachable((reachable) => this.#noteReachable(reachable));
  }

  start(): void {
    void this.#every(RENEW_EVERY_MS, () => this.#renewLeases());
    void this.#every(COMPARE_EVERY_MS, () => this.#compareRevisions());
  }

  /** Tries for a moment to bring everything over; what is left is written after the next start. */
  async drain(untilMs: number): Promise<void> {
    while (this.#pending.size > 0 && this.#world.clock.nowMs() < untilMs && this.#reachable !== false) {
      await this.#pump();
    }
  }

  stop(): void {
    this.#stopped.abort();
  }

  push(saved: readonly Saved[]): void {
    for (const each of saved) {
      const id = each.save.stored.record.streamId;
      const waiting = this.#pending.get(id);
      this.#pending.set(id, waiting ? { ...each, save: mergedSave(waiting.save, each.save) } : each);
    }
    void this.#pump();
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while (this.#pending.size > 0 && !this.#stopped.signal.aborted) {
        const batch = [...this.#pending.entries()].slice(0, SAVES_AT_ONCE);
        for (const [id] of batch) this.#pending.delete(id);
        const done = await Promise.all(batch.map(([id, saved]) => this.#save(id, saved)));
        if (done.includes(false)) {
          const now = this.#world.clock.nowMs();
          await this.#world.clock.waitUntil(now + RETRY_MS, this.#stopped.signal);
          if (this.#reachable === false) break;
        }
      }
    } finally {
      this.#pumping = false;
    }
  }

  /** False: try again later. */
  async #save(id: StreamId, saved: Saved): Promise<boolean> {
    const lease = this.#leaseOf(saved);
    const answer = lease ? await this.#registry.save(this.#registrySave(id, saved, lease)) : null;
    if (!answer?.ok) {
      if (answer) this.#world.telemetry.count('registry_saves', 1, 'failed');
      this.#putBack(id, saved);
      return false;
    }
    this.#world.telemetry.count('registry_saves', 1, answer.value.answer);
    switch (answer.value.answer) {
      case 'saved':
        this.#noteSaved(id, saved);
        return true;
      case 'stale': {
        const { record } = saved.save.stored;
        this.#putBack(id, {
          ...saved,
          save: {
            ...saved.save,
            stored: { record, rev: answer.value.rev + 1, fence: Math.max(lease?.fence ?? 0, answer.value.fence) },
          },
        });
        this.#world.writeAhead.startFrom(id, answer.value.rev + 1);
        return false;
      }
      case 'fenced':
        this.#loseTo(saved.save.stored.record.memory.folder, answer.value.holder);
        return true;
    }
  }

  #registrySave(id: StreamId, { save, dueAtMs }: Saved, lease: Lease): RegistrySave {
    const { record } = save.stored;
    const status = statusOf(record.state, record.memory.failure);
    const sentBytes =
      record.memory.completion?.generation === record.memory.generation
        ? record.memory.completion.sizeBytes
        : record.memory.sentEndBytes;
    return {
      ...save,
      stored: { ...save.stored, fence: lease.fence },
      lease,
      status,
      set: setOf(status),
      sentBytes,
      final: isFinal(record.state),
      statusChanged: this.#lastStatus.get(id) !== status,
      dueAtMs,
    };
  }

  #noteSaved(id: StreamId, { save }: Saved): void {
    const { record, rev } = save.stored;
    if (isFinal(record.state)) {
      this.#savedRev.delete(id);
      this.#lastStatus.delete(id);
      return;
    }
    this.#savedRev.set(id, rev);
    this.#lastStatus.set(id, statusOf(record.state, record.memory.failure));
  }

  #putBack(id: StreamId, saved: Saved): void {
    const newer = this.#pending.get(id);
    this.#pending.set(id, newer ? { ...newer, save: mergedSave(saved.save, newer.save) } : saved);
  }

  #leaseOf({ save }: Saved): Lease | undefined {
    const { folder } = save.stored.record.memory;
    const ours = this.#world.options.folders.find((each) => each.path === folder);
    return ours ? this.#world.leases.get(ours.id) : this.#world.leases.values().next().value;
  }

  #loseTo(folder: string, holder: string): void {
    if (this.#world.lostTo.has(folder)) return;
    this.#world.lostTo.set(folder, holder);
    const failure = failureOf('lease_lost', `${folder} is carried by ${holder}`);
    this.#world.tellSupervisor({ type: 'lease.lost', failure, atMs: this.#world.clock.nowMs() });
  }

  async #renewLeases(): Promise<void> {
    const { folders, holder } = this.#world.options;
    for (const folder of folders) {
      const held = this.#world.leases.get(folder.id);
      const renewed = held ? await this.#registry.renewLease(held, LEASE_TTL_MS) : null;
      const answer =
        renewed?.ok && renewed.value.held
          ? renewed
          : await this.#registry.acquireLease(folder.id, holder, LEASE_TTL_MS, held?.fence ?? 0);
      if (!answer.ok) continue;
      if (!answer.value.held) this.#loseTo(folder.path, answer.value.holder);
      else if (this.#world.leases.get(folder.id)?.fence !== answer.value.lease.fence) {
        this.#world.leases.set(folder.id, answer.value.lease);
        void this.#pump();
      }
    }
  }

  /** M2. */
  async #compareRevisions(): Promise<void> {
    const ids = [...this.#savedRev.keys()];
    if (ids.length === 0 || this.#reachable === false) return;
    const stored = await this.#registry.revisions(ids);
    if (!stored.ok) return;
    for (const [at, id] of ids.entries()) {
      const theirs = stored.value[at] ?? null;
      const ours = this.#savedRev.get(id);
      if (ours !== undefined && (theirs === null || theirs < ours) && !this.#pending.has(id))
        await this.#writeAgain(id);
    }
  }

  async #writeAgain(id: StreamId): Promise<void> {
    const stored = await this.#world.journal.record(id);
    if (!stored.ok || !stored.value) return;
    const uploadId = stored.value.record.memory.upload?.uploadId ?? null;
    const rows = uploadId ? await this.#world.journal.rows(id, uploadId) : { ok: true as const, value: [] };
    if (!rows.ok) return;
    this.#lastStatus.delete(id);
    const save: StreamSave = { stored: stored.value, uploadId, replaceRows: true, rows: rows.value };
    this.push([{ save, dueAtMs: null }]);
  }

  #noteReachable(reachable: boolean): void {
    if (this.#reachable === reachable) return;
    if (!reachable)
      this.#world.telemetry.warn('Redis does not answer; uploads go on, the registry is written when it is back');
    else if (this.#reachable === false) this.#world.telemetry.info('Redis answers again');
    this.#reachable = reachable;
    this.#world.views.daemonChanged({ registryReachable: reachable });
    if (reachable)
      void this.#renewLeases()
        .then(() => this.#compareRevisions())
        .then(() => this.#pump());
  }

  async #every(intervalMs: number, work: () => Promise<void>): Promise<void> {
    const { clock } = this.#world;
    while (!this.#stopped.signal.aborted) {
      await clock.waitUntil(clock.nowMs() + intervalMs, this.#stopped.signal);
      if (!this.#stopped.signal.aborted) await work();
    }
  }
}

/** The newer record with the rows of both, as far as they are of the newer one's upload. */
function mergedSave(older: StreamSave, newer: StreamSave): StreamSave {
  if (newer.replaceRows || older.uploadId !== newer.uploadId) return newer;
  const byNumber = new Map([...older.rows, ...newer.rows].map((row) => [row.partNumber, row]));
  return { ...newer, replaceRows: older.replaceRows, rows: [...byNumber.values()] };
}
