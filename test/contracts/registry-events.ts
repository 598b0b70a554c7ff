// `streams:events`: each change of status is told, in order, and once.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StreamStatus } from '../../src/machines/stream-status.ts';
import type { StatusChange } from '../../src/ports/registry.ts';
import { sampleId } from '../fixtures/records/sample-record.ts';
import { okValue } from './journal-contract.ts';
import { changeTo, FOLDER, inStatus, type RegistryBench, RegistryStage, registrySave } from './registry-bench.ts';

const LIFE: readonly StreamStatus[] = ['active', 'pending_completion', 'finalizing', 's3_completed', 'completed'];

/** The first `count` changes of a life, numbered from 1. */
const lifeUpTo = (count: number): StatusChange[] => LIFE.slice(0, count).map((status, at) => changeTo(status, at + 1));

export function registryEventContract(name: string, start: () => Promise<RegistryBench>): void {
  describe(`registry contract, events: ${name}`, () => {
    const stage = new RegistryStage(start);
    const one = sampleId(1);
    const two = sampleId(2);
    const told = async () => (await stage.bench.look(one)).events;

    it('tells of each change of status, and of nothing else', async () => {
      await stage.save(one, 1, inStatus('active'));
      await stage.save(one, 2);
      await stage.save(one, 3, inStatus('pending_completion'));
      await stage.save(one, 4, inStatus('pending_completion'));
      await stage.save(two, 1, inStatus('active'));
      expect(await told()).toEqual(['active', 'pending_completion']);
    });

    it('tells the changes that one save brings in their order, each with what was so then', async () => {
      const last = changeTo('completed', 5, { key: 'other.mkv', sizeBytes: 7, atMs: 1_793_534_409_000 });
      await stage.save(one, 5, inStatus('completed', [...lifeUpTo(4), last]));
      expect(await told()).toEqual(LIFE);
      expect(await stage.bench.lastEvent()).toEqual({
        ...{ stream_id: one, status: 'completed', bucket: 'lectures', key: 'other.mkv', size: '7' },
        at: '2026-11-01T12:00:09.000Z',
      });
    });

    it('tells none twice when an answer got lost and what it answered comes again inside a later save', async () => {
      await stage.save(one, 1, inStatus('active', lifeUpTo(1)));
      stage.bench.loseNextReply();
      const lost = registrySave(one, 3, stage.lease, { ...inStatus('finalizing', lifeUpTo(3)), baseRev: 1 });
      expect((await stage.registry.save(lost)).ok).toBe(false);
      await stage.bench.reachable();
      await stage.save(one, 5, inStatus('completed', lifeUpTo(5).slice(1)));
      expect(await told()).toEqual(LIFE);
    });

    it('nor when the lease was taken anew meanwhile, so that the same save counts as stale', async () => {
      const lost = registrySave(one, 3, stage.lease, { ...inStatus('finalizing', lifeUpTo(3)), baseRev: null });
      stage.bench.loseNextReply();
      await stage.registry.save(lost);
      await stage.bench.reachable();
      stage.lease = await stage.acquire();
      const again = registrySave(one, 3, stage.lease, { ...inStatus('finalizing', lifeUpTo(3)), baseRev: null });
      expect(okValue(await stage.registry.save(again))).toMatchObject({ answer: 'stale', rev: 3 });
      await stage.save(one, 4, inStatus('finalizing', lifeUpTo(3)));
      expect(await told()).toEqual(['active', 'pending_completion', 'finalizing']);
    });

    it('hears a new run of the daemon, which counts from one again', async () => {
      await stage.save(one, 3, inStatus('finalizing', lifeUpTo(3)));
      const changes = [changeTo('finalizing', 1), changeTo('s3_completed', 2)];
      await stage.save(one, 5, { ...inStatus('s3_completed', changes), run: 'run-2' });
      expect(await told()).toEqual(['active', 'pending_completion', 'finalizing', 's3_completed']);
    });

    it('is told the present status again after it lost everything, and nothing by a save that was refused', async () => {
      await stage.save(one, 2, inStatus('finalizing', lifeUpTo(3)));
      await stage.bench.empty();
      await stage.save(one, 3, { ...inStatus('finalizing'), replaceRows: true });
      expect(await told()).toEqual(['finalizing']);
      expect(await stage.save(one, 2, inStatus('active', [changeTo('active', 9)]))).toMatchObject({ answer: 'stale' });
      await stage.bench.endLease(FOLDER);
      const former = stage.lease;
      stage.lease = await stage.acquire('daemon-b');
      const late = registrySave(one, 9, former, inStatus('active', [changeTo('active', 9)]));
      expect(okValue(await stage.registry.save(late))).toMatchObject({ answer: 'fenced' });
      expect(await told()).toEqual(['finalizing']);
    });

    it('tells every change once, whatever is merged, lost and sent again', async () => {
      const moves = fc.array(fc.record({ changes: fc.integer({ min: 0, max: 3 }), isLost: fc.boolean() }), {
        maxLength: 8,
      });
      await fc.assert(
        fc.asyncProperty(moves, async (steps) => {
          await stage.bench.empty();
          stage.lease = await stage.acquire();
          const all: StatusChange[] = [];
          let owed: StatusChange[] = [];
          let rev = 0;
          for (const { changes, isLost } of [...steps, { changes: 1, isLost: false }]) {
            // A stream is in some status from its first save on.
            for (let n = rev === 0 ? -1 : 0; n < changes; n += 1) {
              const change = changeTo(LIFE[all.length % LIFE.length] ?? 'active', all.length + 1);
              all.push(change);
              owed.push(change);
            }
            rev += 1;
            if (isLost) stage.bench.loseNextReply();
            const status = (all.at(-1)?.status ?? 'active') as StreamStatus;
            const save = { ...inStatus(status, owed), replaceRows: true };
            const answer = await stage.registry.save(registrySave(one, rev, stage.lease, save));
            if (answer.ok) owed = [];
            else await stage.bench.reachable();
          }
          expect(await told()).toEqual(all.map(({ status }) => status));
        }),
        { numRuns: 12, seed: 20_261_122 },
      );
    });
  });
}
