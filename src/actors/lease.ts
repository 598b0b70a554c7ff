// The folder's lease: who may do what cannot be undone.
//
// L1. Where a takeover is possible (a registry, and STANDBY), completing, aborting and deleting need a lease that was renewed within
//     its time by our own monotonic clock, asked right before the request; so a daemon that was stopped past its lease and goes on
//     does no harm. They also wait until the registry has the snapshot that owes them: whoever takes over finds it there.
// L2. Redis away: such a lease runs out and nothing final is done until it is renewed; parts go on.
// L3. Without STANDBY nobody takes over while the host's lock is held, and nothing waits for Redis; a lease that another was seen to
//     hold ends it here all the same.

import { type Failure, failureOf } from '../machines/failure.ts';
import type { StreamId } from '../machines/ids.ts';
import type { HeldLock } from '../ports/lock.ts';
import type { Outcome } from '../ports/outcome.ts';
import type { Lease } from '../ports/registry.ts';
import type { World } from './world.ts';

export const LEASE_TTL_MS = 15_000;
export const RENEW_EVERY_MS = 5_000;
/**
 * A lease stands for us so much shorter than Redis keeps it: for clocks that do not run alike, and for the moment between the last
 * look at it and the request on its way.
 */
const LEASE_MARGIN_MS = 3_000;

export interface HeldLease extends Lease {
  /** By our own clock, counted from before the request that got it. */
  readonly standsUntilMs: number;
}

/** How this daemon carries its folders. Shared by all actors. */
export class Carrying {
  /** Since when, epoch ms: files born before may have a past that we do not remember. */
  sinceMs: number;
  /** Locks of this host that were waited for. */
  readonly locks: HeldLock[] = [];
  registryAnswers = false;
  /** Resolves when the registry has all that was saved of the stream until now. */
  registryHolds: (id: StreamId) => Promise<Outcome<null>> = async () => ({ ok: true, value: null });

  constructor(sinceMs: number) {
    this.sinceMs = sinceMs;
  }
}

type Folder = World['options']['folders'][number];

export const leaseLost = (folder: string, holder: string): Failure =>
  failureOf('lease_lost', `${folder} is carried by ${holder || 'another daemon'}`);

export function noteLease(world: World, folder: Folder, lease: Lease, askedAtMs: number): void {
  world.leases.set(folder.id, { ...lease, standsUntilMs: askedAtMs + LEASE_TTL_MS - LEASE_MARGIN_MS });
  world.writeAhead.raiseFence(folder.path, lease.fence);
}

/** Asked right before a request that cannot be undone, nothing awaited in between (L1). */
export function leaseStands(world: World, folder: string): Outcome<null> {
  const holder = world.lostTo.get(folder);
  if (holder !== undefined) return { ok: false, failure: leaseLost(folder, holder) };
  return !world.options.standby || isWithinItsTime(world, folder) ? STANDS : UNCONFIRMED;
}

/** The same, once the registry has the snapshot that owes the work. */
export async function leaseConfirmed(world: World, id: StreamId, folder: string): Promise<Outcome<null>> {
  const holds = world.options.standby ? await world.carrying.registryHolds(id) : STANDS;
  return holds.ok ? leaseStands(world, folder) : holds;
}

/**
 * For what does no harm but may leave a mess (parts, new uploads): only a daemon that was stopped past its lease waits, for as long as
 * it takes to ask; with Redis away it goes on (L2).
 */
export function maySend(world: World, folder: string): Outcome<null> {
  const stands = leaseStands(world, folder);
  if (stands.ok || world.lostTo.has(folder) || world.carrying.registryAnswers) return stands;
  return STANDS;
}

function isWithinItsTime(world: World, folder: string): boolean {
  const ours = world.options.folders.find(({ path }) => path === folder);
  const lease = ours && world.leases.get(ours.id);
  return lease !== undefined && world.clock.nowMs() < lease.standsUntilMs;
}

const STANDS = { ok: true, value: null } as const;
const UNCONFIRMED = {
  ok: false,
  failure: failureOf('lease_unconfirmed', 'the lease of the folder was not renewed within its time'),
} as const;
