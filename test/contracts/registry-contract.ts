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
import { FOLDER, inStatus, type RegistryBench, RegistryStage, registrySave } from './registry-bench.ts';
import { registryEventContract } from './registry-events.ts';
import { registryFaultContract } from './registry-faults.ts';
import { registryLeaseContract } from './registry-leases.ts';

export function registryContract(name: string, start: () => Promise<RegistryBench>): void {
  registryFaultContract(name, start);
  registryEventContract(name, start);
  registryLeaseContract(name, start);

  describe(`registry contract: ${name}`, () => {
    const stage = new RegistryStage(start);
    const one = sampleId(1);
    const two = sampleId(2);

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
          reserved: '',
          rev: '5',
          told: 'run-1:0',
        });
        expect(look).toMatchObject({ sets: ['streams:failed'], dueAtMs: 1_793_534_460_000, hasSnapshot: true });
        expect(await stage.bench.lastEvent()).toEqual({
          stream_id: one,
          status: 'failed_finalization',
          bucket: 'lectures',
          key: 'lecture.mkv',
          size: String(20 * 1024 * 1024),
          at: '2026-11-01T12:00:00.000Z',
        });
      });

      it('keeps paths that are no UTF-8', async () => {
        const record = sampleRecord(one, { memory: sampleMemory({ path: '/recordings/\udcff\udc80.ts' }) });
        await stage.save(one, 1, { stored: { record, rev: 1, fence: stage.lease.fence } });
        expect(okValue(await stage.registry.load()).records[0]?.record).toEqual(record);
      });

      it('F80 merges rows, drops those of another upload in the same step, and replaces all when told so', async () => {
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

      it('counts a stream that its set has lost as absent, and writes it again under its own revision, without a second event', async () => {
        await stage.save(one, 5, { ...inStatus('finalizing'), rows: [sampleRow(1)], replaceRows: true });
        await stage.bench.dropFromSets(one);
        expect(okValue(await stage.registry.revisions([one]))).toEqual([null]);
        await stage.save(one, 5, { ...inStatus('finalizing'), rows: [sampleRow(1)], replaceRows: true });
        expect(okValue(await stage.registry.revisions([one]))).toEqual([5]);
        expect(await stage.bench.look(one)).toMatchObject({
          ...{ sets: ['streams:pending_completion'], parts: [1], events: ['finalizing'] },
        });
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
      });

      it('names the streams that are over and that the asker does not know, of one folder', async () => {
        const { folder } = sampleMemory();
        await stage.save(one, 1);
        await stage.save(two, 1, { ...inStatus('completed'), final: true });
        expect(okValue(await stage.registry.strays(folder, () => false))).toEqual([two]);
        expect(okValue(await stage.registry.strays(folder, (id) => id === two))).toEqual([]);
        expect(okValue(await stage.registry.strays(folder.slice(0, -1), () => false))).toEqual([]);
      });

      it('keeps the record of a final stream, for whoever does not have it', async () => {
        const final = registrySave(one, 2, stage.lease, { ...inStatus('completed'), final: true });
        okValue(await stage.registry.save(final));
        expect(okValue(await stage.registry.load())).toEqual({ records: [final.stored], unreadable: [] });
        const asked: unknown[] = [];
        const none = await stage.registry.load((id, { rev, fence }) => {
          asked.push([id, rev, fence]);
          return false;
        });
        expect(okValue(none)).toEqual({ records: [], unreadable: [] });
        expect(asked).toEqual([[one, 2, 1]]);
      });

      it('names the keys that a stream reserved, as of its last save', async () => {
        const reserved = [
          { bucket: 'lectures', key: 'a, "b" and c.mkv' },
          { bucket: 'lectures', key: 'd.mkv' },
        ];
        await stage.save(one, 1, { reserved });
        expect(okValue(await stage.registry.reservedKeys(one))).toEqual(reserved);
        await stage.save(one, 2);
        expect(okValue(await stage.registry.reservedKeys(one))).toEqual([]);
        expect(okValue(await stage.registry.reservedKeys(two))).toEqual([]);
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
