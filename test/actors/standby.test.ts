// standby: who may begin to carry a folder, and when (src/actors/standby.ts, Y1 to Y4).

import { describe, expect, it } from 'vitest';
import { createActor, setup } from 'xstate';
import { LEASE_TTL_MS, RENEW_EVERY_MS } from '../../src/actors/lease.ts';
import { standbyLogic } from '../../src/actors/standby.ts';
import type { SupervisorEvent } from '../../src/machines/supervisor.machine.ts';
import type { Lease, Registry } from '../../src/ports/registry.ts';
import { createMemoryLockHost } from '../fakes/memory-lock.ts';
import { memoryRegistry } from '../fakes/memory-registry.ts';
import { createStage, FOLDER, FOLDER_ID, type Stage, settle } from './stage.ts';

const SOON_MS = 1_000;

const openStage = (folders = [{ path: FOLDER, id: FOLDER_ID }]): Promise<Stage> =>
  createStage({ withRedis: true, options: { standby: true, folders } });

interface Waiting {
  readonly told: readonly string[];
  readonly isCarrying: () => boolean;
  stop(): void;
}

function standBy(stage: Stage): Waiting {
  const told: string[] = [];
  let carries = false;
  const machine = setup({ actors: { standby: standbyLogic(stage.world) } }).createMachine({
    invoke: { src: 'standby', input: {} },
    on: {
      '*': {
        actions: ({ event }) => {
          const fact = event as unknown as SupervisorEvent;
          if (fact.type === 'lease.awaited') told.push(fact.detail);
          if (fact.type === 'lease.taken') carries = true;
        },
      },
    },
  });
  const actor = createActor(machine).start();
  return { told, isCarrying: () => carries, stop: () => actor.stop() };
}

/** Lets this much time pass, in the steps in which somebody waits. */
async function pass(stage: Stage, ms: number): Promise<void> {
  const untilMs = stage.clock.nowMs() + ms;
  await settle();
  for (let next = stage.clock.nextDueMs(); next !== null && next <= untilMs; next = stage.clock.nextDueMs()) {
    stage.clock.advanceTo(next);
    await settle();
  }
  stage.clock.advanceTo(untilMs);
  await settle();
}

/** Another daemon, which renews as ours does until it is stopped. */
async function owner(stage: Stage, { yields = true, folderId = FOLDER_ID } = {}) {
  const registry = memoryRegistry(stage.redis, yields);
  const answer = await registry.acquireLease(folderId, 'daemon-b', LEASE_TTL_MS, 0);
  if (!answer.ok || !answer.value.held) throw new Error('not held');
  const { lease } = answer.value;
  const stop = new AbortController();
  let renewedAtMs = stage.clock.nowMs();
  void (async () => {
    for (;;) {
      await stage.clock.waitUntil(stage.clock.nowMs() + RENEW_EVERY_MS, stop.signal);
      if (stop.signal.aborted) return;
      const renewed = await registry.renewLease(lease, LEASE_TTL_MS);
      if (renewed.ok) renewedAtMs = stage.clock.nowMs();
    }
  })();
  return {
    lease: lease as Lease,
    renewedAtMs: () => renewedAtMs,
    stop: () => stop.abort(),
    release: () => {
      stop.abort();
      return registry.releaseLease(lease);
    },
  };
}

describe('Y1: a lease is taken only when it was seen unrenewed for its whole time, or released', () => {
  it('a living owner keeps its folder, and is named', async () => {
    const stage = await openStage();
    const other = await owner(stage);
    const ours = standBy(stage);
    await pass(stage, 120_000);
    expect(ours.isCarrying()).toBe(false);
    expect(ours.told).toEqual([`daemon-b carries ${FOLDER}`]);
    other.stop();
    ours.stop();
  });

  it('a dead owner loses it after its time and not before, to a higher fence', async () => {
    const stage = await openStage();
    const other = await owner(stage);
    const ours = standBy(stage);
    await pass(stage, 12_000);
    other.stop();
    await stage.until(() => ours.isCarrying() || null);
    const waitedMs = stage.clock.nowMs() - other.renewedAtMs();
    expect(waitedMs).toBeGreaterThanOrEqual(LEASE_TTL_MS);
    expect(waitedMs).toBeLessThanOrEqual(LEASE_TTL_MS + SOON_MS);
    expect(stage.world.leases.get(FOLDER_ID)?.fence).toBeGreaterThan(other.lease.fence);
    expect(stage.world.carrying.sinceMs).toBe(stage.clock.nowMs());
  });

  it('an owner that ends well gives it over at once', async () => {
    const stage = await openStage();
    const other = await owner(stage);
    const ours = standBy(stage);
    await pass(stage, 12_000);
    await other.release();
    await pass(stage, SOON_MS);
    expect(ours.isCarrying()).toBe(true);
  });

  it('an old lease that is met first is watched for its time all the same: its owner may have slept through an outage', async () => {
    const stage = await openStage();
    const other = await owner(stage);
    other.stop();
    await pass(stage, 10 * LEASE_TTL_MS);
    const ours = standBy(stage);
    await pass(stage, LEASE_TTL_MS - SOON_MS);
    expect(ours.isCarrying()).toBe(false);
    await pass(stage, 2 * SOON_MS);
    expect(ours.isCarrying()).toBe(true);
  });

  it('a Redis that was emptied gives no folder away: its owner writes the lease again, and keeps the higher fence', async () => {
    const stage = await openStage();
    const other = await owner(stage);
    const ours = standBy(stage);
    await pass(stage, 12_000);
    stage.redis.empty();
    await pass(stage, 60_000);
    expect(ours.isCarrying()).toBe(false);
    stage.redis.empty();
    other.stop();
    await stage.until(() => ours.isCarrying() || null);
    expect(stage.world.leases.get(FOLDER_ID)?.fence).toBeGreaterThan(other.lease.fence);
  });

  it('a Redis that comes back with an old dump gives no folder away', async () => {
    const stage = await openStage();
    const other = await owner(stage);
    const restoreDump = stage.redis.dump();
    const ours = standBy(stage);
    await pass(stage, 61_000);
    restoreDump();
    stage.redis.isAway = true;
    await pass(stage, 3_000);
    stage.redis.isAway = false;
    await pass(stage, 30_000);
    expect(ours.isCarrying()).toBe(false);
    other.stop();
    await pass(stage, LEASE_TTL_MS + SOON_MS);
    expect(ours.isCarrying()).toBe(true);
  });

  it('a lease under our own name is taken at once: who has the lock of the host knows that its former holder is dead', async () => {
    const stage = await openStage();
    await (stage.world.registry as Registry).acquireLease(FOLDER_ID, 'daemon-a', LEASE_TTL_MS, 0);
    const ours = standBy(stage);
    await pass(stage, SOON_MS);
    expect(ours.isCarrying()).toBe(true);
  });
});

it('Y2: the lease of a daemon without STANDBY is never taken, however old, and it is told what to do', async () => {
  const stage = await openStage();
  const other = await owner(stage, { yields: false });
  other.stop();
  const ours = standBy(stage);
  await pass(stage, 600_000);
  expect(ours.isCarrying()).toBe(false);
  expect(ours.told.join()).toContain('without STANDBY');
  ours.stop();
});

describe('Y3: all folders or none', () => {
  const folders = [
    { path: FOLDER, id: FOLDER_ID },
    { path: '/second', id: 'folder-2' },
  ];

  it('a free folder is left free while another one is awaited', async () => {
    const stage = await openStage(folders);
    const other = await owner(stage, { folderId: 'folder-2' });
    const ours = standBy(stage);
    await pass(stage, 60_000);
    expect(ours.isCarrying()).toBe(false);
    expect(stage.redis.leases.get(FOLDER_ID)?.holder ?? '').toBe('');
    await other.release();
    await pass(stage, SOON_MS);
    expect([...stage.world.leases.keys()].sort()).toEqual([FOLDER_ID, 'folder-2'].sort());
  });

  it("the lock of this host comes before the lease, and is given back while another's is awaited", async () => {
    const stage = await openStage(folders);
    const host = createMemoryLockHost();
    const others = host.daemon();
    const theirs = await others.acquire('folder-2', 'daemon-c (pid 7)');
    if (!theirs.ok || !theirs.value.held) throw new Error('not held');
    Object.assign(stage.world, { lock: host.daemon() });
    const ours = standBy(stage);
    await pass(stage, 60_000);
    expect(ours.isCarrying()).toBe(false);
    expect(ours.told.at(-1)).toBe('daemon-c (pid 7) carries /second');
    expect(await others.acquire(FOLDER_ID, 'somebody')).toMatchObject({ value: { held: true } });
    expect(stage.redis.leases.get(FOLDER_ID)?.holder ?? '').toBe('');
    ours.stop();
  });
});

it('Y4: without Redis nobody can say who carries the folder: it is waited for, and then watched', async () => {
  const stage = await openStage();
  stage.redis.isAway = true;
  const ours = standBy(stage);
  await pass(stage, 120_000);
  expect(ours.told).toEqual([`Redis does not answer, and only it can say who carries ${FOLDER}`]);
  stage.redis.isAway = false;
  await pass(stage, LEASE_TTL_MS - SOON_MS);
  expect(ours.isCarrying()).toBe(false);
  await pass(stage, 2 * SOON_MS);
  expect(ours.isCarrying()).toBe(true);
});
