// What every registry promises, run against the fake and a real Redis alike.

import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { StreamId } from '../../src/machines/ids.ts';
import { STATUS_SETS, type StreamStatus, setOf } from '../../src/machines/stream-status.ts';
import type { Lease, Registry, RegistrySave } from '../../src/ports/registry.ts';
import {
  firstUpload,
  sampleId,
  sampleMemory,
  sampleRecord,
  sampleRow,
  sampleRows,
  sampleSave,
  secondUpload,
} from '../fixtures/records/sample-record.ts';
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
  /** The next step is executed, and the connection cut before the answer. */
  loseNextReply(): void;
  /** Resolves when the registry answers again. */
  reachable(): Promise<void>;
  end(): Promise<void>;
}

const FOLDER = 'folder-1';
const TTL_MS = 60_000;

export function registrySave(id: StreamId, rev: number, lease: Lease, more: Partial<RegistrySave> = {}): RegistrySave {
  const save = { ...sampleSave(id, rev), ...more };
  return {
    ...save,
    stored: more.stored ?? { ...save.stored, fence: lease.fence },
    lease,
    status: 'active',
    set: 'streams:active',
    sentBytes: 0,
    final: false,
    statusChanged: false,
    dueAtMs: null,
    ...more,
  };
}

export function registryContract(name: string, start: () => Promise<RegistryBench>): void {
  describe(`registry contract: ${name}`, () => {
    let bench: RegistryBench;
    let registry: Registry;
    let lease: Lease;
    const one = sampleId(1);
    const two = sampleId(2);

    const acquire = async (holder = 'daemon-a', minFence = 0): Promise<Lease> => {
      const answer = okValue(await registry.acquireLease(FOLDER, holder, TTL_MS, minFence));
      if (!answer.held) throw new Error(`held by ${answer.holder}`);
      return answer.lease;
    };
    const save = async (id: StreamId, rev: number, more: Partial<RegistrySave> = {}) =>
      okValue(await registry.save(registrySave(id, rev, lease, more)));
    const inStatus = (status: StreamStatus) => ({ status, set: setOf(status), statusChanged: true });

    beforeAll(async () => {
      bench = await start();
      ({ registry } = bench);
    });
    afterAll(() => bench.end());
    beforeEach(async () => {
      await bench.empty();
      lease = await acquire();
    });

    describe('leases', () => {
      it('gives a folder to one holder at a time, and tells others who has it and for how long', async () => {
        expect(lease).toEqual({ folderId: FOLDER, holder: 'daemon-a', fence: 1 });
        const other = okValue(await registry.acquireLease(FOLDER, 'daemon-b', TTL_MS, 0));
        expect(other).toMatchObject({ held: false, holder: 'daemon-a' });
        if (!other.held) {
          expect(other.expiresInMs).toBeGreaterThan(TTL_MS - 20_000);
          expect(other.expiresInMs).toBeLessThanOrEqual(TTL_MS);
        }
        expect(okValue(await registry.acquireLease('folder-2', 'daemon-b', TTL_MS, 0)).held).toBe(true);
      });

      it('raises the fence with every owner, also beyond what the caller knew', async () => {
        expect((await acquire()).fence).toBe(2);
        await bench.endLease(FOLDER);
        expect((await acquire('daemon-b')).fence).toBe(3);
        await registry.releaseLease({ ...lease, holder: 'daemon-b', fence: 3 });
        expect((await acquire('daemon-c', 41)).fence).toBe(42);
      });

      it('renews a lease as long as nobody took it, also after its time', async () => {
        expect(okValue(await registry.renewLease(lease, TTL_MS))).toEqual({ held: true, lease });
        await bench.endLease(FOLDER);
        expect(okValue(await registry.renewLease(lease, TTL_MS))).toEqual({ held: true, lease });
        expect(okValue(await registry.acquireLease(FOLDER, 'daemon-b', TTL_MS, 0)).held).toBe(false);
      });

      it('does not renew a lease that another took', async () => {
        await bench.endLease(FOLDER);
        await acquire('daemon-b');
        expect(okValue(await registry.renewLease(lease, TTL_MS))).toMatchObject({ held: false, holder: 'daemon-b' });
      });

      it('releases only its own', async () => {
        okValue(await registry.releaseLease({ ...lease, holder: 'daemon-b' }));
        okValue(await registry.releaseLease({ ...lease, fence: 0 }));
        expect(okValue(await registry.renewLease(lease, TTL_MS)).held).toBe(true);
        okValue(await registry.releaseLease(lease));
        expect((await acquire('daemon-b')).fence).toBe(2);
      });

      it('is not granted twice after Redis lost everything: the higher fence counts', async () => {
        lease = await acquire('daemon-a', 6);
        await bench.empty();
        const late = await acquire('daemon-b');
        expect(late.fence).toBeLessThan(lease.fence);
        expect(okValue(await registry.renewLease(lease, TTL_MS)).held).toBe(true);
        expect(okValue(await registry.renewLease(late, TTL_MS))).toMatchObject({ held: false, holder: 'daemon-a' });
      });
    });

    describe('saves', () => {
      it('gives back the record and its rows', async () => {
        const rows = sampleRows(1, 12);
        const saved = registrySave(one, 5, lease, { rows });
        expect(okValue(await registry.save(saved))).toEqual({ answer: 'saved' });
        expect(okValue(await registry.load())).toEqual({ records: [saved.stored], unreadable: [] });
        expect(okValue(await registry.rows(one))).toEqual(rows);
        expect(okValue(await registry.revisions([two, one]))).toEqual([null, 5]);
      });

      it('shows the fields of the contract', async () => {
        const failure = { code: 's3_access_denied', detail: 'no s3:PutObject' } as const;
        const record = sampleRecord(one, { memory: sampleMemory({ failure, generation: 3 }) });
        const stored = { record, rev: 5, fence: lease.fence };
        await save(one, 5, { ...inStatus('failed_finalization'), stored, sentBytes: 77, dueAtMs: 1_793_534_460_000 });
        const look = await bench.look(one);
        expect(look.meta).toEqual({
          original_path: '/recordings/lecture.mkv',
          s3_bucket: 'lectures',
          s3_key: 'lecture.mkv',
          s3_upload_id: 'upload-1',
          status: 'failed_finalization',
          failure_reason: 's3_access_denied: no s3:PutObject',
          started_at_utc: '2026-11-01T12:00:00.000Z',
          last_activity_at_utc: '2026-11-01T12:00:05.000Z',
          total_bytes_sent: '77',
          generation: '3',
          owner: 'daemon-a',
          fence: '1',
          rev: '5',
        });
        expect(look).toMatchObject({ sets: ['streams:failed'], dueAtMs: 1_793_534_460_000, hasSnapshot: true });
        const { at, ...event } = await bench.lastEvent();
        expect(event).toEqual({
          stream_id: one,
          status: 'failed_finalization',
          bucket: 'lectures',
          key: 'lecture.mkv',
          size: String(20 * 1024 * 1024),
        });
        expect(at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      });

      it('keeps paths that are no UTF-8', async () => {
        const record = sampleRecord(one, { memory: sampleMemory({ path: '/recordings/\udcff\udc80.ts' }) });
        await save(one, 1, { stored: { record, rev: 1, fence: lease.fence } });
        expect(okValue(await registry.load()).records[0]?.record).toEqual(record);
      });

      it('merges rows, drops those of another upload in the same step, and replaces all when told so', async () => {
        const parts = async () => (await bench.look(one)).parts;
        await save(one, 1, { rows: [sampleRow(1), sampleRow(4)] });
        await save(one, 2, { rows: [sampleRow(2)] });
        await save(one, 3);
        expect(await parts()).toEqual([1, 2, 4]);
        await save(one, 4, { uploadId: secondUpload, rows: [sampleRow(7, 'b')] });
        expect(okValue(await registry.rows(one))).toEqual([sampleRow(7, 'b')]);
        await save(one, 5, { uploadId: secondUpload, replaceRows: true, rows: [sampleRow(3), sampleRow(5)] });
        expect(await parts()).toEqual([3, 5]);
        await save(one, 6, { uploadId: null });
        expect(await parts()).toEqual([]);
      });

      it('takes a ledger of 10,000 rows in one step', async () => {
        await save(one, 1, { replaceRows: true, rows: sampleRows(1, 10_000) });
        expect(okValue(await registry.rows(one))).toEqual(sampleRows(1, 10_000));
      });

      it('accepts a higher revision and answers a lower one with what is stored', async () => {
        await save(one, 5);
        expect(await save(one, 4, inStatus('finalizing'))).toEqual({ answer: 'stale', rev: 5, fence: 1 });
        expect(await bench.look(one)).toMatchObject({ sets: ['streams:active'], events: [] });
        expect(await save(one, 7)).toEqual({ answer: 'saved' });
        expect(okValue(await registry.revisions([one]))).toEqual([7]);
      });

      it('answers the same revision of a former owner as stale', async () => {
        await save(one, 5);
        await bench.endLease(FOLDER);
        lease = await acquire('daemon-b');
        expect(await save(one, 5)).toEqual({ answer: 'stale', rev: 5, fence: 1 });
        expect(await save(one, 6)).toEqual({ answer: 'saved' });
      });

      it('answers its own revision again as saved, without a second event', async () => {
        await save(one, 5, { ...inStatus('finalizing'), rows: [sampleRow(1)] });
        expect(await save(one, 5, { ...inStatus('finalizing'), rows: [sampleRow(1)] })).toEqual({ answer: 'saved' });
        expect((await bench.look(one)).events).toEqual(['finalizing']);
      });

      it('tells of each change of status, and of nothing else', async () => {
        await save(one, 1, inStatus('active'));
        await save(one, 2);
        await save(one, 3, inStatus('pending_completion'));
        await save(two, 1, inStatus('active'));
        expect((await bench.look(one)).events).toEqual(['active', 'pending_completion']);
      });

      it('refuses the saves of a former owner, who changes nothing any more', async () => {
        const former = lease;
        await save(one, 5);
        await bench.endLease(FOLDER);
        lease = await acquire('daemon-b');
        const late = registrySave(one, 9, former, { ...inStatus('finalizing'), rows: [sampleRow(1)] });
        expect(okValue(await registry.save(late))).toEqual({ answer: 'fenced', holder: 'daemon-b' });
        expect(await bench.look(one)).toMatchObject({ sets: ['streams:active'], parts: [], events: [] });
        expect(okValue(await registry.revisions([one]))).toEqual([5]);
        expect(await registry.forget(one, former)).toMatchObject({ ok: false, failure: { code: 'lease_lost' } });
        expect((await bench.look(one)).hasSnapshot).toBe(true);
      });

      it('leaves of a final stream only what people look at', async () => {
        await save(one, 1, { rows: sampleRows(1, 3), dueAtMs: 5 });
        await save(one, 2, { ...inStatus('completed'), final: true, rows: [sampleRow(4)], dueAtMs: 6 });
        const look = await bench.look(one);
        expect(look).toMatchObject({ sets: ['streams:completed'], parts: [], hasSnapshot: false, dueAtMs: null });
        expect(look.meta).toMatchObject({ status: 'completed', rev: '2' });
        expect(okValue(await registry.load())).toEqual({ records: [], unreadable: [] });
      });

      it('takes up a final stream again when its next generation begins', async () => {
        await save(one, 2, { ...inStatus('completed'), final: true });
        const rows = sampleRows(1, 2, 'b');
        await save(one, 3, { ...inStatus('active'), uploadId: secondUpload, rows, dueAtMs: 7 });
        expect(await bench.look(one)).toMatchObject({ sets: ['streams:active'], parts: [1, 2], dueAtMs: 7 });
        expect(okValue(await registry.load()).records).toHaveLength(1);
      });

      it('forgets a stream, and no other', async () => {
        await save(one, 1, { rows: [sampleRow(1)], dueAtMs: 1 });
        await save(two, 1);
        okValue(await registry.forget(one, lease));
        okValue(await registry.forget(one, lease));
        const gone = { sets: [], meta: null, parts: [], hasSnapshot: false, dueAtMs: null };
        expect(await bench.look(one)).toMatchObject(gone);
        expect(okValue(await registry.load()).records.map(({ record }) => record.streamId)).toEqual([two]);
      });
    });

    describe('what can happen to it', () => {
      it.each([
        ['none', null],
        ['no JSON', '{"schemaVersion":1'],
        ['one of a later version', JSON.stringify({ schemaVersion: 2, rev: 1, fence: 1, record: {} })],
        ['that of another stream', JSON.stringify({ rev: 1, fence: 1, record: sampleRecord(two) })],
      ])('reports a stream whose snapshot cannot be read (%s) by its id', async (_what, text) => {
        await save(one, 1);
        await save(two, 1);
        await bench.damage(one, text);
        const { records, unreadable } = okValue(await registry.load());
        expect(unreadable).toEqual([one]);
        expect(records.map(({ record }) => record.streamId)).toEqual([two]);
      });

      it('accepts everything again after it lost everything, the lease included', async () => {
        await save(one, 5, { rows: sampleRows(1, 3) });
        await bench.empty();
        expect(okValue(await registry.revisions([one]))).toEqual([null]);
        expect(await save(one, 6, { replaceRows: true, rows: sampleRows(1, 4) })).toEqual({ answer: 'saved' });
        expect(await bench.look(one)).toMatchObject({
          sets: ['streams:active'],
          parts: [1, 2, 3, 4],
          hasSnapshot: true,
        });
        expect(okValue(await registry.renewLease(lease, TTL_MS)).held).toBe(true);
      });

      it('accepts everything again after it was rolled back, the owner of that time notwithstanding', async () => {
        const former = lease;
        await bench.endLease(FOLDER);
        lease = await acquire('daemon-b');
        await save(one, 9);
        await bench.rollBack(one, 4, former);
        expect(okValue(await registry.revisions([one]))).toEqual([4]);
        expect(await save(one, 10)).toEqual({ answer: 'saved' });
        expect(okValue(await registry.save(registrySave(one, 11, former)))).toMatchObject({ answer: 'fenced' });
      });

      it('executes a save once whose answer got lost and which is sent again', async () => {
        const lost = registrySave(one, 3, lease, { ...inStatus('finalizing'), rows: sampleRows(1, 3) });
        bench.loseNextReply();
        expect(await registry.save(lost)).toMatchObject({
          ok: false,
          failure: { code: 'registry_unavailable', answered: false },
        });
        await bench.reachable();
        expect((await bench.look(one)).events).toEqual(['finalizing']);
        expect(okValue(await registry.save(lost))).toEqual({ answer: 'saved' });
        expect(await bench.look(one)).toMatchObject({ events: ['finalizing'], parts: [1, 2, 3] });
      });

      it('shows each stream in exactly one set after any sequence of saves, and its newest revision', async () => {
        const statuses: StreamStatus[] = [
          'active',
          'finalizing',
          's3_completed',
          'completed',
          'aborted_no_parts',
          'failed_source',
        ];
        const step = fc.record({
          id: fc.constantFrom(one, two),
          rev: fc.integer({ min: 1, max: 8 }),
          status: fc.constantFrom(...statuses),
          uploadId: fc.constantFrom(firstUpload, secondUpload, null),
          rows: fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { maxLength: 3 }),
          replaceRows: fc.boolean(),
        });
        await fc.assert(
          fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
            await bench.empty();
            const model = new Map<
              StreamId,
              { rev: number; status: StreamStatus; uploadId: string | null; parts: Set<number> }
            >();
            for (const { id, rev, status, uploadId, rows, replaceRows } of steps) {
              const final = status === 'completed' || status === 'aborted_no_parts';
              const ledger = rows.map((n) => sampleRow(n));
              const answer = await save(id, rev, { ...inStatus(status), uploadId, rows: ledger, replaceRows, final });
              const before = model.get(id);
              expect(answer.answer).toBe(!before || before.rev <= rev ? 'saved' : 'stale');
              if (before && before.rev >= rev) continue;
              const kept = before && before.uploadId === uploadId && !replaceRows ? before.parts : [];
              const parts = final || uploadId === null ? [] : [...kept, ...rows];
              model.set(id, { rev, status, uploadId, parts: new Set(parts) });
            }
            for (const [id, { rev, status, parts }] of model) {
              const look = await bench.look(id);
              expect(look.sets).toEqual([setOf(status)]);
              expect(look.meta).toMatchObject({ rev: String(rev), status });
              expect(look.parts).toEqual([...parts].sort((a, b) => a - b));
            }
          }),
          { numRuns: 60, seed: 20_261_122 },
        );
      });

      it('refuses a set that is not one of the six', async () => {
        const answer = await registry.save(registrySave(one, 1, lease, { set: 'streams:other' }));
        expect(answer).toMatchObject({ ok: false, failure: { code: 'bug' } });
        expect(STATUS_SETS).toHaveLength(6);
      });
    });
  });
}
