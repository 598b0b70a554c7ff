// What every registry promises, run against the fake and a real Redis alike.

import { describe, expect, it } from 'vitest';
import {
  sampleId,
  sampleMemory,
  sampleRecord,
  sampleRow,
  sampleRows,
  secondUpload,
} from '../fixtures/records/sample-record.ts';
import { okValue } from './journal-contract.ts';
import { FOLDER, inStatus, type RegistryBench, RegistryStage, registrySave, TTL_MS } from './registry-bench.ts';
import { registryFaultContract } from './registry-faults.ts';

export function registryContract(name: string, start: () => Promise<RegistryBench>): void {
  registryFaultContract(name, start);

  describe(`registry contract: ${name}`, () => {
    const stage = new RegistryStage(start);
    const one = sampleId(1);
    const two = sampleId(2);

    describe('leases', () => {
      it('gives a folder to one holder at a time, and tells others who has it and for how long', async () => {
        expect(stage.lease).toEqual({ folderId: FOLDER, holder: 'daemon-a', fence: 1 });
        const other = okValue(await stage.registry.acquireLease(FOLDER, 'daemon-b', TTL_MS, 0));
        expect(other).toMatchObject({ held: false, holder: 'daemon-a' });
        if (!other.held) {
          expect(other.expiresInMs).toBeGreaterThan(TTL_MS - 20_000);
          expect(other.expiresInMs).toBeLessThanOrEqual(TTL_MS);
        }
        expect(okValue(await stage.registry.acquireLease('folder-2', 'daemon-b', TTL_MS, 0)).held).toBe(true);
      });

      it('raises the fence with every owner, also beyond what the caller knew', async () => {
        expect((await stage.acquire()).fence).toBe(2);
        await stage.bench.endLease(FOLDER);
        expect((await stage.acquire('daemon-b')).fence).toBe(3);
        await stage.registry.releaseLease({ ...stage.lease, holder: 'daemon-b', fence: 3 });
        expect((await stage.acquire('daemon-c', 41)).fence).toBe(42);
      });

      it('renews a lease as long as nobody took it, also after its time', async () => {
        expect(okValue(await stage.registry.renewLease(stage.lease, TTL_MS))).toEqual({
          held: true,
          lease: stage.lease,
        });
        await stage.bench.endLease(FOLDER);
        expect(okValue(await stage.registry.renewLease(stage.lease, TTL_MS))).toEqual({
          held: true,
          lease: stage.lease,
        });
        expect(okValue(await stage.registry.acquireLease(FOLDER, 'daemon-b', TTL_MS, 0)).held).toBe(false);
      });

      it('does not renew a lease that another took', async () => {
        await stage.bench.endLease(FOLDER);
        await stage.acquire('daemon-b');
        expect(okValue(await stage.registry.renewLease(stage.lease, TTL_MS))).toMatchObject({
          held: false,
          holder: 'daemon-b',
        });
      });

      it('releases only its own', async () => {
        okValue(await stage.registry.releaseLease({ ...stage.lease, holder: 'daemon-b' }));
        okValue(await stage.registry.releaseLease({ ...stage.lease, fence: 0 }));
        expect(okValue(await stage.registry.renewLease(stage.lease, TTL_MS)).held).toBe(true);
        okValue(await stage.registry.releaseLease(stage.lease));
        expect((await stage.acquire('daemon-b')).fence).toBe(2);
      });

      it('is not granted twice after Redis lost everything: the higher fence counts', async () => {
        stage.lease = await stage.acquire('daemon-a', 6);
        await stage.bench.empty();
        const late = await stage.acquire('daemon-b');
        expect(late.fence).toBeLessThan(stage.lease.fence);
        expect(okValue(await stage.registry.renewLease(stage.lease, TTL_MS)).held).toBe(true);
        expect(okValue(await stage.registry.renewLease(late, TTL_MS))).toMatchObject({
          held: false,
          holder: 'daemon-a',
        });
      });
    });

    describe('saves', () => {
      it('gives back the record and its rows', async () => {
        const rows = sampleRows(1, 12);
        const saved = registrySave(one, 5, stage.lease, { rows, baseRev: null });
        expect(okValue(await stage.registry.save(saved))).toEqual({ answer: 'saved' });
        expect(okValue(await stage.registry.load())).toEqual({ records: [saved.stored], unreadable: [] });
        expect(okValue(await stage.registry.rows(one))).toEqual(rows);
        expect(okValue(await stage.registry.revisions([two, one]))).toEqual([null, 5]);
      });

      it('shows the fields of the contract', async () => {
        const failure = { code: 's3_access_denied', detail: 'no s3:PutObject' } as const;
        const record = sampleRecord(one, { memory: sampleMemory({ failure, generation: 3 }) });
        const stored = { record, rev: 5, fence: stage.lease.fence };
        await stage.save(one, 5, {
          ...inStatus('failed_finalization'),
          stored,
          sentBytes: 77,
          dueAtMs: 1_793_534_460_000,
        });
        const look = await stage.bench.look(one);
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
        const { at, ...event } = await stage.bench.lastEvent();
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
        await stage.save(one, 1, { stored: { record, rev: 1, fence: stage.lease.fence } });
        expect(okValue(await stage.registry.load()).records[0]?.record).toEqual(record);
      });

      it('merges rows, drops those of another upload in the same step, and replaces all when told so', async () => {
        const parts = async () => (await stage.bench.look(one)).parts;
        await stage.save(one, 1, { rows: [sampleRow(1), sampleRow(4)] });
        await stage.save(one, 2, { rows: [sampleRow(2)] });
        await stage.save(one, 3);
        expect(await parts()).toEqual([1, 2, 4]);
        await stage.save(one, 4, { uploadId: secondUpload, rows: [sampleRow(7, 'b')] });
        expect(okValue(await stage.registry.rows(one))).toEqual([sampleRow(7, 'b')]);
        await stage.save(one, 5, { uploadId: secondUpload, replaceRows: true, rows: [sampleRow(3), sampleRow(5)] });
        expect(await parts()).toEqual([3, 5]);
        await stage.save(one, 6, { uploadId: null, rows: [sampleRow(6)] });
        expect(await parts()).toEqual([]);
      });

      it('adds rows only to the ledger that they continue', async () => {
        const parts = async () => (await stage.bench.look(one)).parts;
        expect(await stage.save(one, 7, { rows: [sampleRow(7)], baseRev: 6 })).toEqual({ answer: 'gap' });
        expect(await stage.bench.look(one)).toMatchObject({ sets: [], meta: null, parts: [], events: [] });
        expect(await stage.save(one, 7, { rows: sampleRows(1, 7), replaceRows: true, baseRev: 6 })).toEqual({
          answer: 'saved',
        });
        expect(await stage.save(one, 9, { rows: [sampleRow(9)], baseRev: 8 })).toEqual({ answer: 'gap' });
        expect(await stage.save(one, 9, { rows: [sampleRow(8)], baseRev: 7 })).toEqual({ answer: 'saved' });
        expect(await parts()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      });

      it('needs no ledger to continue where no rows are kept', async () => {
        expect(await stage.save(one, 7, { uploadId: null, baseRev: 6 })).toEqual({ answer: 'saved' });
        const final = { ...inStatus('completed'), final: true, baseRev: 6 };
        expect(await stage.save(two, 7, final)).toEqual({ answer: 'saved' });
      });

      it('takes a ledger of 10,000 rows in one step', async () => {
        await stage.save(one, 1, { replaceRows: true, rows: sampleRows(1, 10_000) });
        expect(okValue(await stage.registry.rows(one))).toEqual(sampleRows(1, 10_000));
      });

      it('accepts a higher revision and answers a lower one with what is stored', async () => {
        await stage.save(one, 5);
        expect(await stage.save(one, 4, inStatus('finalizing'))).toEqual({ answer: 'stale', rev: 5, fence: 1 });
        expect(await stage.bench.look(one)).toMatchObject({ sets: ['streams:active'], events: [] });
        expect(await stage.save(one, 7)).toEqual({ answer: 'saved' });
        expect(okValue(await stage.registry.revisions([one]))).toEqual([7]);
      });

      it('answers the same revision of a former owner as stale', async () => {
        await stage.save(one, 5);
        await stage.bench.endLease(FOLDER);
        stage.lease = await stage.acquire('daemon-b');
        expect(await stage.save(one, 5)).toEqual({ answer: 'stale', rev: 5, fence: 1 });
        expect(await stage.save(one, 6)).toEqual({ answer: 'saved' });
      });

      it('answers its own revision again as saved, without a second event', async () => {
        await stage.save(one, 5, { ...inStatus('finalizing'), rows: [sampleRow(1)] });
        expect(await stage.save(one, 5, { ...inStatus('finalizing'), rows: [sampleRow(1)] })).toEqual({
          answer: 'saved',
        });
        expect((await stage.bench.look(one)).events).toEqual(['finalizing']);
      });

      it('tells of each change of status, and of nothing else', async () => {
        await stage.save(one, 1, inStatus('active'));
        await stage.save(one, 2);
        await stage.save(one, 3, inStatus('pending_completion'));
        await stage.save(two, 1, inStatus('active'));
        expect((await stage.bench.look(one)).events).toEqual(['active', 'pending_completion']);
      });

      it('refuses the saves of a former owner, who changes nothing any more', async () => {
        const former = stage.lease;
        await stage.save(one, 5);
        await stage.bench.endLease(FOLDER);
        stage.lease = await stage.acquire('daemon-b');
        const late = registrySave(one, 9, former, { ...inStatus('finalizing'), rows: [sampleRow(1)] });
        expect(okValue(await stage.registry.save(late))).toEqual({ answer: 'fenced', holder: 'daemon-b' });
        expect(await stage.bench.look(one)).toMatchObject({ sets: ['streams:active'], parts: [], events: [] });
        expect(okValue(await stage.registry.revisions([one]))).toEqual([5]);
        expect(await stage.registry.forget(one, former)).toMatchObject({ ok: false, failure: { code: 'lease_lost' } });
        expect((await stage.bench.look(one)).hasSnapshot).toBe(true);
      });

      it('leaves of a final stream only what people look at', async () => {
        await stage.save(one, 1, { rows: sampleRows(1, 3), dueAtMs: 5 });
        await stage.save(one, 2, { ...inStatus('completed'), final: true, rows: [sampleRow(4)], dueAtMs: 6 });
        const look = await stage.bench.look(one);
        expect(look).toMatchObject({ sets: ['streams:completed'], parts: [], hasSnapshot: false, dueAtMs: null });
        expect(look.meta).toMatchObject({ status: 'completed', rev: '2' });
        expect(okValue(await stage.registry.load())).toEqual({ records: [], unreadable: [] });
      });

      it('takes up a final stream again when its next generation begins', async () => {
        await stage.save(one, 2, { ...inStatus('completed'), final: true });
        const rows = sampleRows(1, 2, 'b');
        await stage.save(one, 3, { ...inStatus('active'), uploadId: secondUpload, rows, dueAtMs: 7 });
        expect(await stage.bench.look(one)).toMatchObject({ sets: ['streams:active'], parts: [1, 2], dueAtMs: 7 });
        expect(okValue(await stage.registry.load()).records).toHaveLength(1);
      });

      it('forgets a stream, and no other', async () => {
        await stage.save(one, 1, { rows: [sampleRow(1)], dueAtMs: 1 });
        await stage.save(two, 1);
        okValue(await stage.registry.forget(one, stage.lease));
        okValue(await stage.registry.forget(one, stage.lease));
        const gone = { sets: [], meta: null, parts: [], hasSnapshot: false, dueAtMs: null };
        expect(await stage.bench.look(one)).toMatchObject(gone);
        expect(okValue(await stage.registry.load()).records.map(({ record }) => record.streamId)).toEqual([two]);
      });
    });
  });
}
