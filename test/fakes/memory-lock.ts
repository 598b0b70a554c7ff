// Locks of one host, in memory: the host outlives its daemons; each daemon has its own `Lock`, and its death gives all its locks back.

import type { Failure } from '../../src/machines/failure.ts';
import type { Lock } from '../../src/ports/lock.ts';

export interface MemoryLock extends Lock {
  /** The process dies: the kernel takes its locks back. */
  die(): void;
}

export interface MemoryLockHost {
  daemon(): MemoryLock;
  /** The outcome of the next `acquire`, instead. */
  failNext: Failure | null;
}

export function createMemoryLockHost(): MemoryLockHost {
  const held = new Map<string, { readonly holder: string; readonly owner: object }>();
  const host: MemoryLockHost = {
    failNext: null,
    daemon() {
      const owner = {};
      return {
        async acquire(name, holder) {
          const failure = host.failNext;
          host.failNext = null;
          if (failure) return { ok: false, failure };
          const other = held.get(name);
          if (other) return { ok: true, value: { held: false, holder: other.holder } };
          const entry = { holder, owner };
          held.set(name, entry);
          const release = async (): Promise<void> => {
            if (held.get(name) === entry) held.delete(name);
          };
          return { ok: true, value: { held: true, lock: { release } } };
        },
        die() {
          for (const [name, entry] of held) if (entry.owner === owner) held.delete(name);
        },
      };
    },
  };
  return host;
}
