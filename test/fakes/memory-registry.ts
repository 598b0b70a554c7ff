// The registry without Redis: a `MemoryRedis` holds what Redis would hold and outlasts the registries opened on it.
// Same answers and same layout as the scripts, step by step; time is the test's own.
// Faults are data: `isAway` (no answer at all), `loseNextReply` (executed, but nobody hears of it), `empty()` (FLUSHALL).

import { changeTexts, metaTexts, readReserved } from '../../src/adapters/redis-registry-layout.ts';
import { writeStored } from '../../src/adapters/stored-record.ts';
import { failureOf } from '../../src/machines/failure.ts';
import type { StreamId } from '../../src/machines/ids.ts';
import type { LedgerRow } from '../../src/machines/part-ledger.ts';
import type { ObjectTarget } from '../../src/machines/stream-record.ts';
import { STATUS_SETS, setOfText } from '../../src/machines/stream-status.ts';
import type { Outcome } from '../../src/ports/outcome.ts';
import type {
  IsNews,
  Lease,
  LeaseAnswer,
  LeaseSeen,
  Registry,
  RegistrySave,
  SaveAnswer,
} from '../../src/ports/registry.ts';
import { loaded, straysIn } from './memory-registry-reads.ts';

interface MemoryLease {
  readonly holder: string;
  readonly fence: number;
  readonly expiresAtMs: number;
  readonly yields?: boolean;
}

type Texts = Readonly<Record<string, string>>;

export class MemoryRedis {
  readonly leases = new Map<string, MemoryLease>();
  readonly sets = new Map<string, Set<StreamId>>(STATUS_SETS.map((name) => [name, new Set()]));
  readonly metas = new Map<StreamId, Texts>();
  readonly parts = new Map<StreamId, Map<number, LedgerRow>>();
  readonly snapshots = new Map<StreamId, string>();
  readonly due = new Map<StreamId, number>();
  readonly events: Texts[] = [];
  nowMs: () => number;
  loseNextReply = false;
  private away = false;
  private readonly listeners: ((reachable: boolean) => void)[] = [];

  constructor(nowMs: () => number = () => 0) {
    this.nowMs = nowMs;
  }

  get isAway(): boolean {
    return this.away;
  }

  set isAway(away: boolean) {
    if (this.away === away) return;
    this.away = away;
    for (const listener of this.listeners) listener(!away);
  }

  /** FLUSHALL. */
  empty(): void {
    for (const part of [this.leases, this.metas, this.parts, this.snapshots, this.due]) part.clear();
    for (const members of this.sets.values()) members.clear();
    this.events.length = 0;
  }

  /** What it holds now (BGSAVE). Returns how to restore that, leases included. */
  dump(): () => void {
    const parts = [this.leases, this.metas, this.parts, this.snapshots, this.due] as Map<unknown, unknown>[];
    const held = parts.map((part) => [...part]);
    const members = [...this.sets].map(([name, ids]) => [name, [...ids]] as const);
    const told = [...this.events];
    return () => {
      this.empty();
      for (const [at, part] of parts.entries()) for (const [key, value] of held[at] ?? []) part.set(key, value);
      for (const [name, ids] of members) for (const id of ids) this.sets.get(name)?.add(id);
      this.events.push(...told);
    };
  }

  onReachable(listener: (reachable: boolean) => void): void {
    this.listeners.push(listener);
    listener(!this.away);
  }
}

/** `standby`: its leases may be taken over when they end. */
export const memoryRegistry = (redis: MemoryRedis, standby = false): Registry => new MemoryRegistry(redis, standby);

class MemoryRegistry implements Registry {
  private readonly redis: MemoryRedis;
  private isClosed = false;

  private readonly standby: boolean;

  constructor(redis: MemoryRedis, standby: boolean) {
    this.redis = redis;
    this.standby = standby;
  }

  acquireLease(folderId: string, holder: string, ttlMs: number, minFence: number): Promise<Outcome<LeaseAnswer>> {
    return this.step(() => {
      const lease = this.redis.leases.get(folderId);
      const leftMs = this.leftMs(lease);
      if (lease && lease.holder !== '' && lease.holder !== holder && leftMs > 0) {
        return { held: false, holder: lease.holder, expiresInMs: leftMs };
      }
      return this.hold({ folderId, holder, fence: Math.max(lease?.fence ?? -1, minFence, 0) + 1 }, ttlMs);
    });
  }

  renewLease(lease: Lease, ttlMs: number): Promise<Outcome<LeaseAnswer>> {
    return this.step(() => {
      const stored = this.redis.leases.get(lease.folderId);
      if (!stored || stored.fence < lease.fence || isSame(stored, lease)) return this.hold(lease, ttlMs);
      return { held: false, holder: stored.holder, expiresInMs: this.leftMs(stored) };
    });
  }

  releaseLease(lease: Lease): Promise<Outcome<null>> {
    return this.step(() => {
      const stored = this.redis.leases.get(lease.folderId);
      if (stored && isSame(stored, lease)) {
        this.redis.leases.set(lease.folderId, { ...stored, holder: '', expiresAtMs: 0 });
      }
      return null;
    });
  }

  lookAtLease(folderId: string): Promise<Outcome<LeaseSeen | null>> {
    return this.step(() => {
      const lease = this.redis.leases.get(folderId);
      return lease ? { ...lease, yields: lease.yields ?? false } : null;
    });
  }

  load(isNews: IsNews = () => true): ReturnType<Registry['load']> {
    return this.step(() => loaded(this.redis, isNews));
  }

  reservedKeys(id: StreamId): Promise<Outcome<readonly ObjectTarget[]>> {
    return this.step(() => readReserved(this.redis.metas.get(id)?.['reserved']));
  }

  rows(id: StreamId): Promise<Outcome<readonly LedgerRow[]>> {
    return this.step(() => {
      const rows = [...(this.redis.parts.get(id)?.values() ?? [])];
      return rows.sort((a, b) => a.partNumber - b.partNumber);
    });
  }

  async save(save: RegistrySave): Promise<Outcome<SaveAnswer>> {
    if (!this.redis.sets.has(save.set)) return { ok: false, failure: failureOf('bug', `there is no set ${save.set}`) };
    return this.step((): SaveAnswer => {
      const fenced = this.fencedBy(save.lease);
      if (fenced !== null) return { answer: 'fenced', holder: fenced };
      const { stored, lease } = save;
      const known = this.redis.leases.get(lease.folderId);
      if (!known || known.fence < lease.fence) {
        this.redis.leases.set(lease.folderId, { ...known, holder: lease.holder, fence: lease.fence, expiresAtMs: 0 });
      }
      const meta = this.redis.metas.get(stored.record.streamId);
      const rev = Number(meta?.['rev'] ?? -1);
      const fence = Number(meta?.['fence'] ?? 0);
      const isThisSave = rev === stored.rev && fence === stored.fence;
      if (isThisSave && this.isShown(stored.record.streamId)) return { answer: 'saved' };
      if (rev >= stored.rev && !isThisSave) return { answer: 'stale', rev, fence };
      const addsRows = save.uploadId !== null && !save.replaceRows && !save.final;
      if (addsRows && rev !== (save.baseRev ?? -1)) return { answer: 'gap' };
      this.write(save, meta?.['s3_upload_id'] ?? '');
      return { answer: 'saved' };
    });
  }

  revisions(ids: readonly StreamId[]): Promise<Outcome<readonly (number | null)[]>> {
    return this.step(() =>
      ids.map((id) => {
        const meta = this.redis.metas.get(id);
        const isMember = this.redis.sets.get(setOfText(meta?.['status'] ?? '') ?? '')?.has(id) === true;
        return meta && isMember ? Number(meta['rev']) : null;
      }),
    );
  }

  async forget(id: StreamId, lease: Lease): Promise<Outcome<null>> {
    const fenced = await this.step(() => {
      const holder = this.fencedBy(lease);
      if (holder !== null) return holder;
      for (const members of this.redis.sets.values()) members.delete(id);
      for (const part of [this.redis.metas, this.redis.parts, this.redis.snapshots, this.redis.due]) part.delete(id);
      return null;
    });
    if (!fenced.ok) return fenced;
    if (fenced.value === null) return { ok: true, value: null };
    return {
      ok: false,
      failure: failureOf('lease_lost', `the lease of this folder is held by ${fenced.value || 'no one'}`),
    };
  }

  strays(folder: string, isKnown: (id: StreamId) => boolean): Promise<Outcome<readonly StreamId[]>> {
    return this.step(() => straysIn(this.redis, folder, isKnown));
  }

  onReachable(listener: (reachable: boolean) => void): void {
    this.redis.onReachable(listener);
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }

  private write(save: RegistrySave, formerUpload: string): void {
    const { redis } = this;
    const id = save.stored.record.streamId;
    for (const [name, members] of redis.sets) {
      if (name === save.set) members.add(id);
      else members.delete(id);
    }
    if (save.final || save.dueAtMs === null) redis.due.delete(id);
    else redis.due.set(id, save.dueAtMs);
    if (save.final) {
      redis.snapshots.delete(id);
      redis.parts.delete(id);
    } else {
      redis.snapshots.set(id, writeStored(save.stored));
      const kept = save.replaceRows || formerUpload !== (save.uploadId ?? '') ? [] : (redis.parts.get(id) ?? []);
      const added = save.uploadId === null ? [] : save.rows;
      redis.parts.set(id, new Map([...kept, ...added.map((row) => [row.partNumber, row] as const)]));
    }
    const told = this.tell(save, redis.metas.get(id));
    const final = save.final ? { final_record: writeStored(save.stored) } : {};
    redis.metas.set(id, { ...textsOf(metaTexts(save)), ...final, told: `${save.run}:${told}` });
  }

  /** Answers the number of the last change that was told. */
  private tell(save: RegistrySave, meta: Texts | undefined): number {
    const [, run, number] = /^(.*):(\d+)$/.exec(meta?.['told'] ?? '') ?? [];
    let told = run === save.run ? Number(number) : 0;
    let shown = meta?.['status'];
    for (const change of save.changes) {
      const [, status = '', bucket = '', key = '', size = '', at = ''] = changeTexts({ ...save, changes: [change] });
      if ((change.seq === 0 || change.seq > told) && status !== shown) {
        shown = status;
        this.redis.events.push({ stream_id: save.stored.record.streamId, status, bucket, key, size, at });
      }
      told = Math.max(told, change.seq);
    }
    return told;
  }

  /** Who stands in the way of this lease; null: nobody. A lower fence or none means that Redis was emptied or rolled back. */
  private fencedBy(lease: Lease): string | null {
    const stored = this.redis.leases.get(lease.folderId);
    return !stored || stored.fence < lease.fence || isSame(stored, lease) ? null : stored.holder;
  }

  private isShown(id: StreamId): boolean {
    return [...this.redis.sets.values()].some((members) => members.has(id));
  }

  private hold(lease: Lease, ttlMs: number): LeaseAnswer {
    const { holder, fence } = lease;
    const expiresAtMs = this.redis.nowMs() + ttlMs;
    this.redis.leases.set(lease.folderId, { holder, fence, expiresAtMs, yields: this.standby });
    return { held: true, lease: { folderId: lease.folderId, holder, fence } };
  }

  private leftMs(lease: MemoryLease | undefined): number {
    return lease ? Math.max(0, lease.expiresAtMs - this.redis.nowMs()) : 0;
  }

  private async step<T>(work: () => T): Promise<Outcome<T>> {
    const { redis } = this;
    if (this.isClosed) return unavailable('the registry is closed');
    if (redis.isAway) return unavailable('connect ECONNREFUSED');
    const value = work();
    if (!redis.loseNextReply) return { ok: true, value };
    redis.loseNextReply = false;
    return unavailable('the connection was lost', { answered: false });
  }
}

const isSame = (stored: MemoryLease, lease: Lease): boolean =>
  stored.holder === lease.holder && stored.fence === lease.fence;

const unavailable = (detail: string, more: { answered?: boolean } = {}): Outcome<never> => ({
  ok: false,
  failure: failureOf('registry_unavailable', detail, more),
});

/** Fields and values in turn, as a record. */
function textsOf(texts: readonly (string | Buffer)[]): Texts {
  const pairs: [string, string][] = [];
  for (let index = 0; index < texts.length; index += 2) pairs.push([String(texts[index]), String(texts[index + 1])]);
  return Object.fromEntries(pairs);
}
