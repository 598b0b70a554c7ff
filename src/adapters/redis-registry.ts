// The registry in Redis: each write is one Lua script that checks the lease and the revision and then writes everything, so a save
// whose answer got lost can be sent again, and nothing half-written is ever seen.
//
// Redis may be away at any time, also at the start: then every method answers `registry_unavailable` at once, and the connection
// comes back by itself. Nothing here is remembered in the process. Never KEYS, never a command per part.

import type { Redis } from 'ioredis';
import { failureOf } from '../machines/failure.ts';
import { type StreamId, streamId } from '../machines/ids.ts';
import type { LedgerRow } from '../machines/part-ledger.ts';
import type { StoredRecord } from '../machines/stream-record.ts';
import type { Clock } from '../ports/clock.ts';
import type { Outcome } from '../ports/outcome.ts';
import type { Lease, LeaseAnswer, Registry, RegistrySave, SaveAnswer } from '../ports/registry.ts';
import { RedisConnection, type RedisConnectionOptions, redisScript } from './redis-registry-connection.ts';
import {
  eventTexts,
  metaTexts,
  partTexts,
  type RegistryKeys,
  readPart,
  registryKeys,
} from './redis-registry-layout.ts';
import { readStored, writeStored } from './stored-record.ts';

/** Entries of `streams:events` that are kept (about): hours of them on a busy machine, 2 MB of Redis. */
const EVENTS_KEPT = 10_000;
/** Ids or snapshots per command when all are read: 1 MB of snapshots, and Redis is held up for a millisecond. */
const READ_BATCH = 500;

const SAVE = redisScript('redis-registry-save.lua');
const FORGET = redisScript('redis-registry-forget.lua');
const LEASE = redisScript('redis-registry-lease.lua');

export interface RedisRegistryOptions extends RedisConnectionOptions {
  /** Wall time of the entries in `streams:events`. */
  readonly clock?: Pick<Clock, 'nowMs'>;
}

/** Fails when the URL cannot be read, or when it leads to a Redis Cluster and the prefix has no hash tag. */
export async function openRedisRegistry(options: RedisRegistryOptions): Promise<Outcome<Registry>> {
  const opened = await RedisConnection.open(options);
  return opened.ok ? { ok: true, value: new RedisRegistry(opened.value, options) } : opened;
}

class RedisRegistry implements Registry {
  private readonly connection: RedisConnection;
  private readonly options: RedisRegistryOptions;
  private readonly keys: RegistryKeys;

  constructor(connection: RedisConnection, options: RedisRegistryOptions) {
    this.connection = connection;
    this.options = options;
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

  load(): ReturnType<Registry['load']> {
    return this.connection.attempt(async (client) => {
      const records = new Map<StreamId, StoredRecord>();
      const unreadable = new Set<StreamId>();
      for (const set of this.keys.sets) {
        // Members of these may be final, and have no snapshot then.
        const mayBeFinal = set === this.keys.set('streams:completed') || set === this.keys.set('streams:aborted');
        for await (const ids of membersOf(client, set)) {
          const snapshots = await client.mget(ids.map((id) => this.keys.snapshot(id)));
          ids.forEach((id, index) => {
            const snapshot = snapshots[index] ?? null;
            const stored = snapshot === null ? null : readStored(snapshot);
            if (stored?.record.streamId === id) records.set(id, stored);
            else if (snapshot !== null || !mayBeFinal) unreadable.add(id);
          });
        }
      }
      // An id that moved between two sets while they were read was met twice.
      return { records: [...records.values()], unreadable: [...unreadable].filter((id) => !records.has(id)) };
    });
  }

  rows(id: StreamId): Promise<Outcome<readonly LedgerRow[]>> {
    return this.connection.attempt(async (client) => {
      const fields = await client.hgetall(this.keys.parts(id));
      const rows = Object.entries(fields).map(([field, json]) => readPart(field, json));
      return rows.filter((row) => row !== null).sort((a, b) => a.partNumber - b.partNumber);
    });
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
        const pipeline = client.pipeline();
        for (const id of ids.slice(start, start + READ_BATCH)) pipeline.hget(this.keys.meta(id), 'rev');
        for (const [error, rev] of (await pipeline.exec()) ?? []) {
          if (error) throw error;
          revisions.push(typeof rev === 'string' ? Number(rev) : null);
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
    const args = [verb, holder, String(fence), String(ttlMs)];
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
    const event = save.statusChanged ? eventTexts(save, this.options.clock?.nowMs() ?? Date.now()) : [];
    const rows = save.final || save.uploadId === null ? [] : save.rows.flatMap(partTexts);
    return [
      ...[lease.holder, String(lease.fence), stored.record.streamId, String(stored.rev), String(stored.fence)],
      ...[save.uploadId ?? '', save.replaceRows ? '1' : '0', save.final ? '1' : '0'],
      ...[
        save.dueAtMs === null ? '' : String(save.dueAtMs),
        String(EVENTS_KEPT),
        save.final ? '' : writeStored(stored),
        String(save.baseRev ?? -1),
      ],
      ...[String(meta.length), ...meta, String(event.length), ...event],
      ...rows,
    ];
  }
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
