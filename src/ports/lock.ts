// One daemon per folder and per STATE_DIR on this host. The kernel gives a lock back when its process dies, however it dies.

import type { Outcome } from './outcome.ts';

export interface HeldLock {
  release(): Promise<void>;
}

export interface Lock {
  /** `name` is a hash of what is locked; `holder` is told to whoever is refused. */
  acquire(
    name: string,
    holder: string,
  ): Promise<
    Outcome<{ readonly held: true; readonly lock: HeldLock } | { readonly held: false; readonly holder: string }>
  >;
}
