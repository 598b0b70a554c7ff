// The registry in Redis: each write is one Lua script that checks the lease and the revision and then writes everything, so a save
// whose answer got lost can be sent again, and nothing half-written is ever seen.
//
// Redis may be away at any time, also at the start: then every method answers `registry_unavailable` at once, and the connection
// comes back by itself. Nothing here is remembered in the process. Never KEYS, never a command per part.

import type { ChainableCommander, Redis } from 'ioredis';
import { failureOf } from '../machines/failure.ts';
import { type StreamId, streamId } from '../machines/ids.ts';
import type { LedgerRow } from '../machines/part-ledger.ts';
import type { ObjectTarget, StoredRecord } from '../machines/stream-record.ts';
import { setOfText } from '../machines/stream-status.ts';
import type { Outcome } from '../ports/outcome.ts';
import type { IsNews, Lease, LeaseAnswer, LeaseSeen, Registry, RegistrySave, SaveAnswer } from '../ports/registry.ts';
import { RedisConnection, type RedisConnectionOptions, redisScript } from './redis-registry-connection.ts';
import {
  changeTexts,
  metaTexts,
  partTexts,
  type RegistryKeys,
  readPart,
  readReserved,
  registryKeys,
} from './redis-registry-layout.ts';
import { readStored, writeStored } from './stored-record.ts';

/** Entries of `streams:events` that are kept (about): hours of them on a busy machine, 2 MB of Redis. */
const EVENTS_KEPT = 10_000;
/** Ids or snapshots per command when all are read: 1 MB of snapshots, and Redis is held up for a millisecond. */
const READ_BATCH = 500;

const FINAL_SETS = ['streams:completed', 'streams:aborted'] as const;

const SAVE = redisScript('redis-registry-save.lua');
const FORGET = redisScript('redis-registry-forget.lua');
const LEASE = redisScript('redis-registry-lease.lua');

export interface RedisRegistryOptions extends RedisConnectionOptions {
  /** Leases are taken as ones that may be taken over when they end (`LeaseSeen.yields`). */
  readonly standby?: boolean;
}

/** Fails when the URL cannot be read, or when it leads to a Redis Cluster and the prefix has no hash tag. */
export async function openRedisRegistry(options: RedisRegistryOptions): Promise<Outcome<Registry>> {
  const opened = await RedisConnection.open(options);
  return opened.ok ? { ok: true, value: new RedisRegistry(opened.value, options) } : opened;
}

class RedisRegistry implements Registry {
  private readonly connection: RedisConnection;
  private readonly keys: RegistryKeys;
  private readonly standby: boolean;

  constructor(connection: RedisConnection, options: RedisRegistryOptions) {
    this.connection = connection;
    this.standby = options.standby ?? false;
    this.keys = registryKeys(options.keyPrefix ?? '');
  }

  acquireLease(folderId: string, holder: string, ttlMs: number, minFence: number): Promise<Outcome<LeaseAnswer>> {
    return this.lease('acquire', { folderId, holder, fence: minFence }, ttlMs);
  }

  renewLease(lease: Lease, ttlMs: number): Promise<Outcome<LeaseAnswer>> {
    return this.lease('renew', lease, ttlMs);
  }

  async releaseLease(lease: Lease): Promise<Outcome<null>> {
    const answer = await this.lease('release', lease, 0);
    return answer.ok ? { ok: true, value: null } : answer;
  }

  lookAtLease(folderId: string): Promise<Outcome<LeaseSeen | null>> {
    return this.connection.attempt(async (client) => {
      const fields = ['holder', 'fence', 'expires_at_ms', 'standby'] as const;
      const [holder, fence, expiresAtMs, standby] = await client.hmget(this.keys.lease(folderId), ...fields);
      if (holder === null || holder === undefined) return null;
      return {
        holder,
        fence: Number(fence ?? -1),
        expiresAtMs: Number(expiresAtMs ?? 0),
        yields: standby === '1',
      };
    });
  }

  load(isNews: IsNews = () => true): ReturnType<Registry['load']> {
    return this.connection.attempt(async (client) => {
      const records = new Map<StreamId, StoredRecord>();
      const unreadable = new Set<StreamId>();
      for (const set of this.keys.sets) {
        for await (const ids of membersOf(client, set)) {
          const texts = await client.mget(ids.map((id) => this.keys.snapshot(id)));
          const finals = await this.finalRecords(
            client,
            set,
            ids.filter((_, index) => texts[index] === null),
            isNews,
          );
          ids.forEach((id, index) => {
            const text = texts[index] ?? finals.get(id);
            if (text === 'known') return;
            const stored = text === undefined ? null : readStored(text);
            if (stored?.record.streamId === id) records.set(id, stored);
            else unreadable.add(id);
          });
        }
      }
      // An id that moved between two sets while they were read was met twice.
      return { records: [...records.values()], unreadable: [...unreadable].filter((id) => !records.has(id)) };
    });
  }

  /** What is over has no snapshot any more: its record is in its meta. `known`: the caller has it, or a former version left none. */
  private async finalRecords(
    client: Redis,
    set: string,
    ids: readonly StreamId[],
    isNews: IsNews,
  ): Promise<ReadonlyMap<StreamId, string>> {
    const texts = new Map<StreamId, string>();
    if (ids.length === 0 || !FINAL_SETS.some((name) => set === this.keys.set(name))) return texts;
    const seen = client.pipeline();
    for (const id of ids) seen.hmget(this.keys.meta(id), 'rev', 'fence');
    const wanted: StreamId[] = [];
    for (const [at, value] of (await valuesOf(seen)).entries()) {
      const [rev, fence] = value as (string | null)[];
      const id = ids[at] as StreamId;
      texts.set(id, 'known');
      if (isNews(id, { rev: Number(rev ?? -1), fence: Number(fence ?? -1) })) wanted.push(id);
    }
    const read = client.pipeline();
    for (const id of wanted) read.hget(this.keys.meta(id), 'final_record');
    for (const [at, text] of (await valuesOf(read)).entries())
      if (typeof text === 'string') texts.set(wanted[at] as StreamId, text);
    return texts;
  }

  rows(id: StreamId): Promise<Outcome<readonly LedgerRow[]>> {
    return this.connection.attempt(async (client) => {
      const fields = await client.hgetall(this.keys.parts(id));
      const rows = Object.entries(fields).map(([field, json]) => readPart(field, json));
      return rows.filter((row) => row !== null).sort((a, b) => a.partNumber - b.partNumber);
    });
  }

  reservedKeys(id: StreamId): Promise<Outcome<readonly ObjectTarget[]>> {
    return this.connection.attempt(async (client) => readReserved(await client.hget(this.keys.meta(id), 'reserved')));
  }

  async save(save: RegistrySave): Promise<Outcome<SaveAnswer>> {
    const set = this.keys.set(save.set);
    if (!this.keys.sets.includes(set)) return bug(`there is no set ${save.set}`);
    const answer = await this.connection.run(SAVE, this.saveKeys(save, set), this.saveArguments(save));
    if (!answer.ok) return answer;
    const [word, first, second] = answer.value as [string, string?, string?];
    switch (word) {
      case 'saved':
        return { ok: true, value: { answer: 'saved' } };
      case 'stale':
        return { ok: true, value: { answer: 'stale', rev: Number(first), fence: Number(second) } };
      case 'gap':
        return { ok: true, value: { answer: 'gap' } };
      case 'fenced':
        return { ok: true, value: { answer: 'fenced', holder: first ?? '' } };
      default:
        return bug(`a save was answered with ${word}`);
    }
  }

  async revisions(ids: readonly StreamId[]): Promise<Outcome<readonly (number | null)[]>> {
    return this.connection.attempt(async (client) => {
      const revisions: (number | null)[] = [];
      for (let start = 0; start < ids.length; start += READ_BATCH) {
        const batch = ids.slice(start, start + READ_BATCH);
        const metas = client.pipeline();
        for (const id of batch) metas.hmget(this.keys.meta(id), 'rev', 'status');
        const stored = (await valuesOf(metas)) as (string | null)[][];
        const sets = client.pipeline();
        for (const [at, id] of batch.entries())
          sets.sismember(this.keys.set(setOfText(stored[at]?.[1] ?? '') ?? ''), id);
        for (const [at, isMember] of (await valuesOf(sets)).entries()) {
          const rev = stored[at]?.[0];
          revisions.push(typeof rev === 'string' && isMember === 1 ? Number(rev) : null);
        }
      }
      return revisions;
    });
  }

  async forget(id: StreamId, lease: Lease): Promise<Outcome<null>> {
    const { keys } = this;
    const names = [
      keys.lease(lease.folderId),
      keys.meta(id),
      keys.parts(id),
      keys.snapshot(id),
      keys.due,
      ...keys.sets,
    ];
    const answer = await this.connection.run(FORGET, names, [lease.holder, String(lease.fence), id]);
    if (!answer.ok) return answer;
    const [word, holder] = answer.value as [string, string?];
    if (word === 'forgotten') return { ok: true, value: null };
    return { ok: false, failure: failureOf('lease_lost', `the lease of this folder is held by ${holder || 'no one'}`) };
  }

  strays(folder: string, isKnown: (id: StreamId) => boolean): Promise<Outcome<readonly StreamId[]>> {
    return this.connection.attempt(async (client) => {
      const found: StreamId[] = [];
      for (const set of FINAL_SETS) {
        for await (const ids of membersOf(client, this.keys.set(set))) {
          const unknown = ids.filter((id) => !isKnown(id));
          const pipeline = client.pipeline();
          for (const id of unknown) pipeline.hget(this.keys.meta(id), 'original_path');
          for (const [at, path] of (await valuesOf(pipeline)).entries()) {
            const id = unknown[at];
            if (id && typeof path === 'string' && path.startsWith(`${folder}/`)) found.push(id);
          }
        }
      }
      return found;
    });
  }

  onReachable(listener: (reachable: boolean) => void): void {
    this.connection.onReachable(listener);
  }

  async close(): Promise<void> {
    this.connection.close();
  }

  private async lease(
    verb: 'acquire' | 'renew' | 'release',
    lease: Lease,
    ttlMs: number,
  ): Promise<Outcome<LeaseAnswer>> {
    const { folderId, holder, fence } = lease;
    const args = [verb, holder, String(fence), String(ttlMs), this.standby ? '1' : '0'];
    const answer = await this.connection.run(LEASE, [this.keys.lease(folderId)], args);
    if (!answer.ok) return answer;
    const [held, first, second] = answer.value as [number, string, number?];
    return held === 1
      ? { ok: true, value: { held: true, lease: { folderId, holder, fence: Number(first) } } }
      : { ok: true, value: { held: false, holder: first, expiresInMs: second ?? 0 } };
  }

  private saveKeys({ stored, lease }: RegistrySave, set: string): string[] {
    const { keys } = this;
    const id = stored.record.streamId;
    const others = keys.sets.filter((name) => name !== set);
    const own = [keys.meta(id), keys.parts(id), keys.snapshot(id)];
    return [keys.lease(lease.folderId), ...own, keys.due, keys.events, set, ...others];
  }

  private saveArguments(save: RegistrySave): (string | Buffer)[] {
    const { stored, lease } = save;
    const meta = metaTexts(save);
    const changes = changeTexts(save);
    const rows = save.final || save.uploadId === null ? [] : save.rows.flatMap(partTexts);
    return [
      ...[lease.holder, String(lease.fence), stored.record.streamId, String(stored.rev), String(stored.fence)],
      ...[save.uploadId ?? '', save.replaceRows ? '1' : '0', save.final ? '1' : '0'],
      ...[
        save.dueAtMs === null ? '' : String(save.dueAtMs),
        String(EVENTS_KEPT),
        writeStored(stored),
        String(save.baseRev ?? -1),
        save.run,
      ],
      ...[String(meta.length), ...meta, String(changes.length), ...changes],
      ...rows,
    ];
  }
}

async function valuesOf(pipeline: ChainableCommander): Promise<unknown[]> {
  return ((await pipeline.exec()) ?? []).map(([error, value]) => {
    if (error) throw error;
    return value;
  });
}

async function* membersOf(client: Redis, set: string): AsyncGenerator<StreamId[]> {
  let cursor = '0';
  do {
    const [next, ids] = await client.sscan(set, cursor, 'COUNT', READ_BATCH);
    if (ids.length > 0) yield ids.map(streamId);
    cursor = next;
  } while (cursor !== '0');
}

const bug = (detail: string): Outcome<never> => ({ ok: false, failure: failureOf('bug', detail) });
