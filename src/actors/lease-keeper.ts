// Keeps the leases of our folders, and says so when another daemon has one. Owed by the mirror, between its start and its stop.
//
// A renewal that is refused ends a lease, also when the other one's has ended meanwhile: what we know is older than what happened.

import type { Registry } from '../ports/registry.ts';
import { LEASE_TTL_MS, leaseLost, noteLease } from './lease.ts';
import type { World } from './world.ts';

export class LeaseKeeper {
  readonly #world: World;
  readonly #registry: Registry;

  constructor(world: World, registry: Registry) {
    this.#world = world;
    this.#registry = registry;
  }

  async renew(stopped: AbortSignal): Promise<void> {
    const { clock, leases, options, writeAhead } = this.#world;
    for (const folder of options.folders) {
      const { id, path } = folder;
      const held = leases.get(id);
      const askedAtMs = clock.nowMs();
      const answer = held
        ? await this.#registry.renewLease(held, LEASE_TTL_MS)
        : await this.#registry.acquireLease(id, options.holder, LEASE_TTL_MS, writeAhead.fenceOf(path));
      if (stopped.aborted) return;
      if (!answer.ok) continue;
      if (answer.value.held) noteLease(this.#world, folder, answer.value.lease, askedAtMs);
      else this.loseTo(path, answer.value.holder);
    }
  }

  loseTo(folder: string, holder: string): void {
    if (this.#world.lostTo.has(folder)) return;
    this.#world.lostTo.set(folder, holder);
    const failure = leaseLost(folder, holder);
    this.#world.telemetry.error('another daemon took the lease of the folder; ending without completing anything', {
      detail: failure.detail,
    });
    this.#world.tellSupervisor({ type: 'lease.lost', failure, atMs: this.#world.clock.nowMs() });
  }
}
