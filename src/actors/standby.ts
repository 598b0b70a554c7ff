// standby: waits until this daemon carries its folders: the host's locks and the leases of all of them. Owed by `standby`.
//
// Y1. A lease is taken only if this process itself saw it unrenewed for a whole LEASE_TTL_MS, or released, or finds it under its own
//     name (whoever has the host's lock knows that its former holder is dead). So a Redis that was emptied, or came back with an old
//     dump, gives no folder away under a living owner, who renews three times as often.
// Y2. A holder without STANDBY goes on completing while Redis is away: its lease is never taken, however old.
// Y3. All folders or none: nobody sits on one while it waits for another.
// Y4. Without Redis nobody can say who carries a folder: it is waited for.

import { fromCallback } from 'xstate';
import { failureOf } from '../machines/failure.ts';
import type { SupervisorEvent } from '../machines/supervisor.machine.ts';
import type { HeldLock } from '../ports/lock.ts';
import type { Registry } from '../ports/registry.ts';
import { LEASE_TTL_MS, noteLease } from './lease.ts';
import type { World } from './world.ts';

/** Short against RENEW_EVERY_MS: a takeover is late by no more than this. */
const LOOK_EVERY_MS = 500;

type Folder = World['options']['folders'][number];

interface Observed {
  /** What it was, and since when it has not changed. */
  readonly text: string;
  readonly sinceMs: number;
}

export const standbyLogic = (world: World) =>
  fromCallback<SupervisorEvent, Record<string, never>, SupervisorEvent>(({ sendBack }) => {
    const stop = new AbortController();
    const tell = (event: SupervisorEvent): void => {
      if (!stop.signal.aborted) sendBack(event);
    };
    const { clock } = world;
    void standBy(world, stop.signal, (detail) => tell({ type: 'lease.awaited', detail, atMs: clock.nowMs() }))
      .then(() => tell({ type: 'lease.taken', atMs: clock.nowMs() }))
      .catch((error: unknown) =>
        tell({ type: 'daemon.refused', failure: failureOf('bug', String(error)), atMs: clock.nowMs() }),
      );
    return () => stop.abort();
  });

async function standBy(world: World, signal: AbortSignal, tell: (detail: string) => void): Promise<void> {
  const { clock, registry, telemetry } = world;
  if (!registry) return;
  const watched = new WatchedFolders(world, registry);
  let told = '';
  while (!signal.aborted) {
    const awaited = await watched.tryAll(signal);
    if (awaited === null) return;
    if (awaited !== told) {
      tell(awaited);
      telemetry.info('standing by', { detail: awaited });
    }
    told = awaited;
    await clock.waitUntil(clock.nowMs() + LOOK_EVERY_MS, signal);
  }
}

const carries = (holder: string, path: string): string => `${holder} carries ${path}`;
const silent = (path: string): string => `Redis does not answer, and only it can say who carries ${path}`;

class WatchedFolders {
  readonly #world: World;
  readonly #registry: Registry;
  readonly #observed = new Map<string, Observed>();

  constructor(world: World, registry: Registry) {
    this.#world = world;
    this.#registry = registry;
  }

  /** null: all are ours. Else what is waited for, one line for people. */
  async tryAll(signal: AbortSignal): Promise<string | null> {
    const { folders } = this.#world.options;
    const looked: (string | null)[] = [];
    for (const folder of folders) looked.push(await this.#look(folder));
    const awaited = looked.find((each) => each !== null);
    if (awaited !== undefined && awaited !== null) return awaited;
    const refused = await this.#lockAll();
    if (refused !== null) return refused;
    for (const folder of folders) {
      const refusal = await this.#acquire(folder);
      // Stopped meanwhile: nobody would give it back.
      if (refusal === null && !signal.aborted) continue;
      await this.#giveBack();
      return refusal ?? 'ending';
    }
    this.#world.carrying.sinceMs = this.#world.clock.nowMs();
    return null;
  }

  /** null: it may be taken. */
  async #look({ id, path }: Folder): Promise<string | null> {
    const { clock, options } = this.#world;
    const seen = await this.#registry.lookAtLease(id);
    if (!seen.ok) {
      this.#observed.delete(id);
      return silent(path);
    }
    const lease = seen.value;
    if (lease) this.#world.writeAhead.raiseFence(path, lease.fence);
    if (lease && (lease.holder === '' || lease.holder === options.holder)) return null;
    const text = lease ? JSON.stringify(lease) : '';
    const before = this.#observed.get(id);
    const sinceMs = before?.text === text ? before.sinceMs : clock.nowMs();
    this.#observed.set(id, { text, sinceMs });
    if (lease && !lease.yields)
      return `${lease.holder} carries ${path} without STANDBY: set it there too; if it is gone for good, start once without STANDBY`;
    if (clock.nowMs() - sinceMs >= LEASE_TTL_MS) return null;
    return lease ? carries(lease.holder, path) : `looking whether somebody carries ${path}`;
  }

  /** null: all are held, or need not be. Else what is waited for. */
  async #lockAll(): Promise<string | null> {
    const { lock, options, carrying } = this.#world;
    if (!lock || carrying.locks.length > 0) return null;
    const taken: HeldLock[] = [];
    for (const { id, path } of options.folders) {
      const answer = await lock.acquire(id, options.holder);
      if (answer.ok && answer.value.held) {
        taken.push(answer.value.lock);
        continue;
      }
      for (const held of taken) await held.release();
      return answer.ok && !answer.value.held
        ? carries(answer.value.holder, path)
        : `the lock of ${path} cannot be taken: ${answer.ok ? '' : answer.failure.detail}`;
    }
    carrying.locks.push(...taken);
    return null;
  }

  /** null: it is ours now. Else what is waited for. */
  async #acquire(folder: Folder): Promise<string | null> {
    const { clock, options, writeAhead } = this.#world;
    const askedAtMs = clock.nowMs();
    const { holder } = options;
    const answer = await this.#registry.acquireLease(folder.id, holder, LEASE_TTL_MS, writeAhead.fenceOf(folder.path));
    if (!answer.ok) return silent(folder.path);
    if (!answer.value.held) return carries(answer.value.holder, folder.path);
    noteLease(this.#world, folder, answer.value.lease, askedAtMs);
    return null;
  }

  async #giveBack(): Promise<void> {
    const { leases, carrying } = this.#world;
    for (const lease of leases.values()) await this.#registry.releaseLease(lease);
    leases.clear();
    for (const lock of carrying.locks.splice(0)) await lock.release();
  }
}
