// What happens to a registry, and what it promises all the same: damage, loss, old dumps, lost answers, any order of saves.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StreamId } from '../../src/machines/ids.ts';
import { STATUS_SETS, type StreamStatus, setOf } from '../../src/machines/stream-status.ts';
import {
  firstUpload,
  sampleId,
  sampleRecord,
  sampleRow,
  sampleRows,
  secondUpload,
} from '../fixtures/records/sample-record.ts';
import { okValue } from './journal-contract.ts';
import { FOLDER, inStatus, type RegistryBench, RegistryStage, registrySave, TTL_MS } from './registry-bench.ts';

export function registryFaultContract(name: string, start: () => Promise<RegistryBench>): void {
  describe(`registry contract, faults: ${name}`, () => {
    const stage = new RegistryStage(start);
    const one = sampleId(1);
    const two = sampleId(2);

    it.each([
      ['none', null],
      ['no JSON', '{"schemaVersion":1'],
      ['one of a later version', JSON.stringify({ schemaVersion: 2, rev: 1, fence: 1, record: {} })],
      ['that of another stream', JSON.stringify({ rev: 1, fence: 1, record: sampleRecord(two) })],
    ])('reports a stream whose snapshot cannot be read (%s) by its id', async (_what, text) => {
      await stage.save(one, 1);
      await stage.save(two, 1);
      await stage.bench.damage(one, text);
      const { records, unreadable } = okValue(await stage.registry.load());
      expect(unreadable).toEqual([one]);
      expect(records.map(({ record }) => record.streamId)).toEqual([two]);
    });

    it('accepts everything again after it lost everything, the lease included', async () => {
      await stage.save(one, 5, { rows: sampleRows(1, 3) });
      await stage.bench.empty();
      expect(okValue(await stage.registry.revisions([one]))).toEqual([null]);
      expect(await stage.save(one, 6, { replaceRows: true, rows: sampleRows(1, 4) })).toEqual({ answer: 'saved' });
      expect(await stage.bench.look(one)).toMatchObject({
        sets: ['streams:active'],
        parts: [1, 2, 3, 4],
        hasSnapshot: true,
      });
      expect(okValue(await stage.registry.renewLease(stage.lease, TTL_MS)).held).toBe(true);
    });

    it('F49 accepts everything again after it was rolled back, the owner of that time notwithstanding', async () => {
      const former = stage.lease;
      await stage.bench.endLease(FOLDER);
      stage.lease = await stage.acquire('daemon-b');
      await stage.save(one, 9);
      await stage.bench.rollBack(one, 4, former);
      expect(okValue(await stage.registry.revisions([one]))).toEqual([4]);
      expect(await stage.save(one, 10, { baseRev: 9 })).toEqual({ answer: 'gap' });
      expect(await stage.save(one, 10, { replaceRows: true })).toEqual({ answer: 'saved' });
      expect(okValue(await stage.registry.save(registrySave(one, 11, former)))).toMatchObject({ answer: 'fenced' });
    });

    it('F51 executes a save once whose answer got lost and which is sent again', async () => {
      const lost = registrySave(one, 1, stage.lease, { ...inStatus('finalizing'), rows: sampleRows(1, 3) });
      stage.bench.loseNextReply();
      expect(await stage.registry.save(lost)).toMatchObject({
        ok: false,
        failure: { code: 'registry_unavailable', answered: false },
      });
      await stage.bench.reachable();
      expect((await stage.bench.look(one)).events).toEqual(['finalizing']);
      expect(okValue(await stage.registry.save(lost))).toEqual({ answer: 'saved' });
      expect(await stage.bench.look(one)).toMatchObject({ events: ['finalizing'], parts: [1, 2, 3] });
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
          await stage.bench.empty();
          const model = new Map<
            StreamId,
            { rev: number; status: StreamStatus; uploadId: string | null; parts: Set<number> }
          >();
          for (const { id, rev, status, uploadId, rows, replaceRows } of steps) {
            const final = status === 'completed' || status === 'aborted_no_parts';
            const ledger = rows.map((n) => sampleRow(n));
            const answer = await stage.save(id, rev, {
              ...inStatus(status),
              uploadId,
              rows: ledger,
              replaceRows,
              final,
            });
            const before = model.get(id);
            expect(answer.answer).toBe(!before || before.rev <= rev ? 'saved' : 'stale');
            if (before && before.rev >= rev) continue;
            const kept = before && before.uploadId === uploadId && !replaceRows ? before.parts : [];
            const parts = final || uploadId === null ? [] : [...kept, ...rows];
            model.set(id, { rev, status, uploadId, parts: new Set(parts) });
          }
          for (const [id, { rev, status, parts }] of model) {
            const look = await stage.bench.look(id);
            expect(look.sets).toEqual([setOf(status)]);
            expect(look.meta).toMatchObject({ rev: String(rev), status });
            expect(look.parts).toEqual([...parts].sort((a, b) => a - b));
          }
        }),
        { numRuns: 60, seed: 20_261_122 },
      );
    });

    it('refuses a set that is not one of the six', async () => {
      const answer = await stage.registry.save(registrySave(one, 1, stage.lease, { set: 'streams:other' }));
      expect(answer).toMatchObject({ ok: false, failure: { code: 'bug' } });
      expect(STATUS_SETS).toHaveLength(6);
    });
  });
}
