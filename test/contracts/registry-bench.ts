// What the registry's contract needs of a store: ways to look at it and to hurt it.

import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { StreamId } from '../../src/machines/ids.ts';
import { type StreamStatus, setOf } from '../../src/machines/stream-status.ts';
import type { Lease, Registry, RegistrySave, SaveAnswer, StatusChange } from '../../src/ports/registry.ts';
import { MIB, sampleSave } from '../fixtures/records/sample-record.ts';
import { okValue } from './journal-contract.ts';

/** Everything that the outside sees of one stream. */
export interface StreamLook {
  readonly sets: readonly string[];
  readonly meta: Readonly<Record<string, string>> | null;
  readonly parts: readonly number[];
  readonly hasSnapshot: boolean;
  readonly dueAtMs: number | null;
  /** `status` of its entries in `streams:events`, oldest first. */
  readonly events: readonly string[];
}

/** A registry, the store behind it, and ways to hurt that. */
export interface RegistryBench {
  readonly registry: Registry;
  /** FLUSHALL: also the fresh start of each test. */
  empty(): Promise<void>;
  look(id: StreamId): Promise<StreamLook>;
  lastEvent(): Promise<Readonly<Record<string, string>>>;
  /** The lease's time is over. */
  endLease(folderId: string): Promise<void>;
  /** Replaces the snapshot behind the registry's back; null removes it. */
  damage(id: StreamId, text: string | null): Promise<void>;
  /** Puts revision and fence of a stream, and the fence of the lease, back to lower ones: an older dump was restored. */
  rollBack(id: StreamId, rev: number, lease: Lease): Promise<void>;
  /** Takes the stream out of every status set. */
  dropFromSets(id: StreamId): Promise<void>;
  /** The next step is executed, and the connection cut before the answer. */
  loseNextReply(): void;
  /** Resolves when the registry answers again. */
  reachable(): Promise<void>;
  end(): Promise<void>;
}

export const FOLDER = 'folder-1';
export const TTL_MS = 60_000;

export function registrySave(id: StreamId, rev: number, lease: Lease, more: Partial<RegistrySave> = {}): RegistrySave {
  const save = { ...sampleSave(id, rev), ...more };
  return {
    ...save,
    stored: more.stored ?? { ...save.stored, fence: lease.fence },
    lease,
    baseRev: rev === 1 ? null : rev - 1,
    status: 'active',
    set: 'streams:active',
    sentBytes: 0,
    final: false,
    changes: [],
    run: 'run-1',
    dueAtMs: null,
    reserved: [],
    ...more,
  };
}

export const changeTo = (status: StreamStatus, seq = 0, more: Partial<StatusChange> = {}): StatusChange => ({
  ...{ seq, status, bucket: 'lectures', key: 'lecture.mkv', sizeBytes: 20 * MIB, atMs: 1_793_534_400_000 },
  ...more,
});

/** A save that finds the stream in this status. */
export const inStatus = (status: StreamStatus, changes = [changeTo(status)]) => ({
  ...{ status, set: setOf(status), changes },
});

/** One bench for the tests of a `describe`, emptied before each; `lease` is the present owner's. */
export class RegistryStage {
  bench!: RegistryBench;
  lease!: Lease;

  constructor(start: () => Promise<RegistryBench>) {
    beforeAll(async () => {
      this.bench = await start();
    });
    afterAll(() => this.bench.end());
    beforeEach(async () => {
      await this.bench.empty();
      this.lease = await this.acquire();
    });
  }

  get registry(): Registry {
    return this.bench.registry;
  }

  async acquire(holder = 'daemon-a', minFence = 0): Promise<Lease> {
    const answer = okValue(await this.registry.acquireLease(FOLDER, holder, TTL_MS, minFence));
    if (!answer.held) throw new Error(`held by ${answer.holder}`);
    return answer.lease;
  }

  /** Continues whatever is stored, unless `baseRev` is given. */
  async save(id: StreamId, rev: number, more: Partial<RegistrySave> = {}): Promise<SaveAnswer> {
    const [baseRev = null] = okValue(await this.registry.revisions([id]));
    return okValue(await this.registry.save(registrySave(id, rev, this.lease, { baseRev, ...more })));
  }
}
