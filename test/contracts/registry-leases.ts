// What every registry promises of the folders' leases.

import { describe, expect, it } from 'vitest';
import { okValue } from './journal-contract.ts';
import { FOLDER, type RegistryBench, RegistryStage, TTL_MS } from './registry-bench.ts';

export function registryLeaseContract(name: string, start: () => Promise<RegistryBench>): void {
  describe(`registry contract, leases: ${name}`, () => {
    const stage = new RegistryStage(start);

    it('gives a folder to one holder at a time, and tells others who has it and for how long', async () => {
      expect(stage.lease).toEqual({ folderId: FOLDER, holder: 'daemon-a', fence: 1 });
      const other = okValue(await stage.registry.acquireLease(FOLDER, 'daemon-b', TTL_MS, 0));
      expect(other).toMatchObject({ held: false, holder: 'daemon-a' });
      if (!other.held) {
        expect(other.expiresInMs).toBeGreaterThan(TTL_MS - 20_000);
        expect(other.expiresInMs).toBeLessThanOrEqual(TTL_MS);
      }
      expect(okValue(await stage.registry.acquireLease('folder-2', 'daemon-b', TTL_MS, 0)).held).toBe(true);
    });

    it('raises the fence with every owner, also beyond what the caller knew', async () => {
      expect((await stage.acquire()).fence).toBe(2);
      await stage.bench.endLease(FOLDER);
      expect((await stage.acquire('daemon-b')).fence).toBe(3);
      await stage.registry.releaseLease({ ...stage.lease, holder: 'daemon-b', fence: 3 });
      expect((await stage.acquire('daemon-c', 41)).fence).toBe(42);
    });

    it('renews a lease as long as nobody took it, also after its time', async () => {
      expect(okValue(await stage.registry.renewLease(stage.lease, TTL_MS))).toEqual({
        held: true,
        lease: stage.lease,
      });
      await stage.bench.endLease(FOLDER);
      expect(okValue(await stage.registry.renewLease(stage.lease, TTL_MS))).toEqual({
        held: true,
        lease: stage.lease,
      });
      expect(okValue(await stage.registry.acquireLease(FOLDER, 'daemon-b', TTL_MS, 0)).held).toBe(false);
    });

    it('does not renew a lease that another took', async () => {
      await stage.bench.endLease(FOLDER);
      await stage.acquire('daemon-b');
      expect(okValue(await stage.registry.renewLease(stage.lease, TTL_MS))).toMatchObject({
        held: false,
        holder: 'daemon-b',
      });
    });

    it('shows a lease to whoever looks, without touching it: held, renewed, released', async () => {
      expect(okValue(await stage.registry.lookAtLease('folder-nobody-had'))).toBeNull();
      const held = okValue(await stage.registry.lookAtLease(FOLDER));
      expect(held).toEqual({ holder: 'daemon-a', fence: 1, expiresAtMs: expect.any(Number), yields: false });
      expect(okValue(await stage.registry.lookAtLease(FOLDER))).toEqual(held);
      okValue(await stage.registry.renewLease(stage.lease, 2 * TTL_MS));
      const renewed = okValue(await stage.registry.lookAtLease(FOLDER));
      expect(renewed?.expiresAtMs).toBeGreaterThanOrEqual((held?.expiresAtMs ?? 0) + TTL_MS);
      okValue(await stage.registry.releaseLease(stage.lease));
      expect(okValue(await stage.registry.lookAtLease(FOLDER))).toMatchObject({ holder: '', fence: 1 });
    });

    it('releases only its own', async () => {
      okValue(await stage.registry.releaseLease({ ...stage.lease, holder: 'daemon-b' }));
      okValue(await stage.registry.releaseLease({ ...stage.lease, fence: 0 }));
      expect(okValue(await stage.registry.renewLease(stage.lease, TTL_MS)).held).toBe(true);
      okValue(await stage.registry.releaseLease(stage.lease));
      expect((await stage.acquire('daemon-b')).fence).toBe(2);
    });

    it('is not granted twice after Redis lost everything: the higher fence counts', async () => {
      stage.lease = await stage.acquire('daemon-a', 6);
      await stage.bench.empty();
      const late = await stage.acquire('daemon-b');
      expect(late.fence).toBeLessThan(stage.lease.fence);
      expect(okValue(await stage.registry.renewLease(stage.lease, TTL_MS)).held).toBe(true);
      expect(okValue(await stage.registry.renewLease(late, TTL_MS))).toMatchObject({
        held: false,
        holder: 'daemon-a',
      });
    });
  });
}
