// A host that Redis cannot be reached from, while the others can: what it asks is refused at once, until the network is whole again.

import { failureOf } from '../../src/machines/failure.ts';
import type { Outcome } from '../../src/ports/outcome.ts';
import type { Registry } from '../../src/ports/registry.ts';

export interface CutOff {
  readonly registry: Registry;
  /** True: nothing gets through. */
  set(isCut: boolean): void;
}

const REFUSED: Outcome<never> = { ok: false, failure: failureOf('registry_unavailable', 'no route to host') };

export function cutOffable(inner: Registry): CutOff {
  let isCut = false;
  let reachable = false;
  const listeners: ((reachable: boolean) => void)[] = [];
  const tell = (): void => {
    for (const listener of listeners) listener(reachable && !isCut);
  };
  inner.onReachable((now) => {
    reachable = now;
    tell();
  });
  const through =
    <A extends unknown[], T>(ask: (...args: A) => Promise<Outcome<T>>) =>
    (...args: A): Promise<Outcome<T>> =>
      isCut ? Promise.resolve(REFUSED) : ask(...args);
  return {
    set(cut) {
      isCut = cut;
      tell();
    },
    registry: {
      acquireLease: through(inner.acquireLease),
      renewLease: through(inner.renewLease),
      releaseLease: through(inner.releaseLease),
      lookAtLease: through(inner.lookAtLease),
      load: through(inner.load),
      rows: through(inner.rows),
      reservedKeys: through(inner.reservedKeys),
      save: through(inner.save),
      revisions: through(inner.revisions),
      forget: through(inner.forget),
      strays: through(inner.strays),
      onReachable(listener) {
        listeners.push(listener);
        listener(reachable && !isCut);
      },
      close: () => inner.close(),
    },
  };
}
