// The folder's lease: what may be taken over by another daemon is only completed, aborted or deleted while we hold it.
// Without a registry, or while none could be asked, the host's lock alone decides (see docs/decisions).

import { type Failure, failureOf } from '../machines/failure.ts';
import type { Outcome } from '../ports/outcome.ts';
import type { World } from './world.ts';

export const leaseLost = (folder: string, holder: string): Failure =>
  failureOf('lease_lost', `${folder} is carried by ${holder}`);

/** `lease_lost` once another holder was seen. */
export function leaseStands(world: World, folder: string): Outcome<null> {
  const holder = world.lostTo.get(folder);
  return holder === undefined ? { ok: true, value: null } : { ok: false, failure: leaseLost(folder, holder) };
}
