// The lease as a condition of what cannot be undone (src/actors/lease.ts, L1 to L3), and what the mirror tells of it.

import { describe, expect, it } from 'vitest';
import { LEASE_TTL_MS, leaseConfirmed, leaseStands, maySend } from '../../src/actors/lease.ts';
import { RegistryMirror } from '../../src/actors/registry-mirror.ts';
import type { Registry } from '../../src/ports/registry.ts';
import { memoryRegistry } from '../fakes/memory-registry.ts';
import { mirrors, one, partSaved, partsIn, pass } from './mirror-stage.ts';
import { createStage, FOLDER, FOLDER_ID, type Stage, settle } from './stage.ts';

/** A daemon that carries, with its lease renewed by its mirror. */
async function carrying(standby = true): Promise<{ stage: Stage; mirror: RegistryMirror; registry: Registry }> {
  const stage = await createStage({ withRedis: true, options: { standby } });
  const registry = stage.world.registry as Registry;
  const mirror = new RegistryMirror(stage.world, registry);
  mirrors.push(mirror);
  stage.onSaved = (saved) => mirror.push(saved);
  stage.world.carrying.registryHolds = (id) => mirror.holds(id);
  mirror.start([]);
  await settle();
  return { stage, mirror, registry };
}

/** Redis answers the others, and not us. */
const cutOff = (registry: Registry): void => {
  const away = async () => ({ ok: false, failure: { code: 'registry_unavailable', detail: 'cut off' } }) as const;
  Object.assign(registry, { renewLease: away, acquireLease: away, save: away, revisions: away });
};

const UNCONFIRMED = { ok: false, failure: { code: 'lease_unconfirmed' } };
const LOST = { ok: false, failure: { code: 'lease_lost' } };

describe('L1: with STANDBY, what cannot be undone needs a lease that was renewed within its time', () => {
  it('stands while it is renewed, and ends before another may take it when it is not', async () => {
    const { stage, registry } = await carrying();
    await pass(stage, 60_000);
    expect(leaseStands(stage.world, FOLDER).ok).toBe(true);
    cutOff(registry);
    const atMs = stage.clock.nowMs();
    while (leaseStands(stage.world, FOLDER).ok) await pass(stage, 500);
    expect(stage.clock.nowMs() - atMs).toBeLessThan(LEASE_TTL_MS - 2_000);
    expect(leaseStands(stage.world, FOLDER)).toMatchObject(UNCONFIRMED);
  });

  it('F11 a daemon that was stopped past its lease may do nothing final before it asked again', async () => {
    const { stage } = await carrying();
    expect(leaseStands(stage.world, FOLDER).ok).toBe(true);
    stage.clock.advanceTo(stage.clock.nowMs() + 60_000);
    expect(leaseStands(stage.world, FOLDER)).toMatchObject(UNCONFIRMED);
    expect(maySend(stage.world, FOLDER)).toMatchObject(UNCONFIRMED);
    await pass(stage, 1_000);
    expect(leaseStands(stage.world, FOLDER).ok).toBe(true);
  });

  it('waits until Redis has the snapshot that owes the work', async () => {
    const { stage, registry } = await carrying();
    const { save } = registry;
    let letGo = (): void => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    registry.save = async (each) => {
      await held;
      return await save.call(registry, each);
    };
    await partSaved(stage, one, 1);
    let outcome: unknown = null;
    void leaseConfirmed(stage.world, one, FOLDER).then((answer) => {
      outcome = answer;
    });
    await settle();
    expect(outcome).toBeNull();
    letGo();
    await settle();
    expect(outcome).toEqual({ ok: true, value: null });
    expect(partsIn(stage, one)).toEqual([1]);
  });

  it('fails instead of waiting when Redis takes nothing, or goes away meanwhile', async () => {
    const { stage, registry } = await carrying();
    const { save } = registry;
    registry.save = async () => ({ ok: false, failure: { code: 'registry_unavailable', detail: 'MISCONF' } });
    await partSaved(stage, one, 1);
    const refused = leaseConfirmed(stage.world, one, FOLDER);
    await pass(stage, 2_000);
    expect(await refused).toMatchObject(UNCONFIRMED);
    registry.save = () => new Promise(() => {});
    await pass(stage, 2_000);
    const waiting = leaseConfirmed(stage.world, one, FOLDER);
    stage.redis.isAway = true;
    expect(await waiting).toMatchObject(UNCONFIRMED);
    registry.save = save;
  });
});

it('L2: with Redis away parts go on, and nothing final is done until the lease is renewed', async () => {
  const { stage } = await carrying();
  stage.redis.isAway = true;
  await pass(stage, 60_000);
  expect(maySend(stage.world, FOLDER).ok).toBe(true);
  expect(leaseStands(stage.world, FOLDER)).toMatchObject(UNCONFIRMED);
  stage.redis.isAway = false;
  await pass(stage, 1_000);
  expect(leaseStands(stage.world, FOLDER).ok).toBe(true);
});

describe('L3: without STANDBY', () => {
  it('nothing waits for Redis', async () => {
    const { stage } = await carrying(false);
    stage.redis.isAway = true;
    await pass(stage, 60_000);
    await partSaved(stage, one, 1);
    expect((await leaseConfirmed(stage.world, one, FOLDER)).ok).toBe(true);
  });
});

describe.each([true, false])('another daemon carried the folder meanwhile (STANDBY %s)', (standby) => {
  it('ends our lease, also when its own has ended since: what we know is older than what happened', async () => {
    const { stage } = await carrying(standby);
    const redis = stage.redis.leases.get(FOLDER_ID);
    if (redis) stage.redis.leases.set(FOLDER_ID, { ...redis, expiresAtMs: 0 });
    await memoryRegistry(stage.redis, true).acquireLease(FOLDER_ID, 'daemon-b', 1, 0);
    await pass(stage, 6_000);
    expect(stage.told).toMatchObject([{ type: 'lease.lost', failure: { code: 'lease_lost' } }]);
    expect(leaseStands(stage.world, FOLDER)).toMatchObject(LOST);
    expect(maySend(stage.world, FOLDER)).toMatchObject(LOST);
    expect(stage.redis.leases.get(FOLDER_ID)?.holder).toBe('daemon-b');
    expect(stage.log).toContainEqual(expect.objectContaining({ level: 'error' }));
  });
});
