// What every journal promises, run against the fake and the real one alike.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StreamId, UploadId } from '../../src/machines/ids.ts';
import type { Journal } from '../../src/ports/journal.ts';
import type { Outcome } from '../../src/ports/outcome.ts';
import {
  firstUpload,
  sampleId,
  sampleMemory,
  sampleRecord,
  sampleRow,
  sampleRows,
  sampleSave,
  sampleStored,
  secondUpload,
} from '../fixtures/records/sample-record.ts';

/** A journal and the place where it keeps things. */
export interface JournalBench {
  readonly journal: Journal;
  /** Opens the same place once more, beside the open one. */
  openSecond(): Promise<Outcome<Journal>>;
  /** Closes the journal and opens it again: what the next process sees. */
  reopen(): Promise<Journal>;
  /** The same; in between the stored text of a record is replaced. */
  damage(id: StreamId, text: string): Promise<Journal>;
  end(): Promise<void>;
}

/** The value of an answer that must be ok. */
export function okValue<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.failure.code}: ${outcome.failure.detail}`);
  return outcome.value;
}

export function journalContract(name: string, start: () => Promise<JournalBench>): void {
  describe(`journal contract: ${name}`, () => {
    let bench: JournalBench;
    let journal: Journal;
    const one = sampleId(1);
    const two = sampleId(2);
    const numbers = async (id: StreamId, uploadId: UploadId = firstUpload) =>
      okValue(await journal.rows(id, uploadId)).map((row) => row.partNumber as number);

    beforeEach(async () => {
      bench = await start();
      ({ journal } = bench);
    });
    afterEach(() => bench.end());

    it('begins empty', async () => {
      expect(okValue(await journal.load())).toEqual({ records: [], unreadable: [] });
      expect(okValue(await journal.record(one))).toBeNull();
      expect(await numbers(one)).toEqual([]);
      expect(okValue(await journal.reservedKeys(one))).toEqual([]);
    });

    it('gives back what was saved, to this process and to the next', async () => {
      const save = sampleSave(one, 3, { rows: sampleRows(1, 3) });
      expect(await journal.save([save])).toEqual({ ok: true, value: null });
      expect(okValue(await journal.record(one))).toEqual(save.stored);
      journal = await bench.reopen();
      expect(okValue(await journal.load())).toEqual({ records: [save.stored], unreadable: [] });
      expect(okValue(await journal.rows(one, firstUpload))).toEqual(save.rows);
    });

    it('keeps every field of a record that went through everything', async () => {
      const memory = sampleMemory();
      const freeze = memory.freeze;
      if (!freeze || !memory.upload) throw new Error('the sample has both');
      const full = sampleRecord(one, {
        state: 'failed.parked',
        memory: {
          ...memory,
          generation: 2,
          finalizeReason: 'operator',
          completeDoubtUntilMs: 1_793_534_400_000.5,
          completion: {
            target: { bucket: 'lectures', key: 'lecture.mkv' },
            generation: 1,
            etag: 'abc-2',
            sizeBytes: 9,
            crc32: '0badcafe',
            plan: memory.upload.plan,
            digest: '0123456789abcdef',
            freeze,
            completedAtMs: 1,
            provenBy: ['etag', 'size'],
          },
          failure: { code: 's3_access_denied', detail: 'no', retryAfterMs: 5, answered: true, during: 'opening' },
          leftUploads: [
            { target: { bucket: 'b', key: 'k' }, uploadId: secondUpload, parts: 2, sentEndBytes: 9, why: 'truncated' },
          ],
        },
      });
      const save = sampleSave(one, 1, { stored: { record: full, rev: 1, fence: 7 } });
      okValue(await journal.save([save]));
      journal = await bench.reopen();
      expect(okValue(await journal.record(one))).toEqual(save.stored);
    });

    it('keeps paths and keys apart that are no UTF-8', async () => {
      const path = '/recordings/\udcff\udc80.ts';
      const record = sampleRecord(one, { memory: sampleMemory({ path }) });
      okValue(await journal.save([sampleSave(one, 1, { stored: { record, rev: 1, fence: 1 } })]));
      expect(okValue(await journal.reserveKey({ bucket: 'b', key: '\udcff' }, one)).granted).toBe(true);
      expect(okValue(await journal.reserveKey({ bucket: 'b', key: '\udcfe' }, two)).granted).toBe(true);
      journal = await bench.reopen();
      expect(okValue(await journal.record(one))?.record.memory.path).toBe(path);
      expect(okValue(await journal.reservedKeys(one))).toEqual([{ bucket: 'b', key: '\udcff' }]);
    });

    it('keeps the newest record of a stream, also within one save', async () => {
      okValue(await journal.save([sampleSave(one, 1), sampleSave(two, 1)]));
      okValue(await journal.save([sampleSave(one, 2), sampleSave(two, 2), sampleSave(one, 3)]));
      const { records } = okValue(await journal.load());
      expect(records.map(({ record, rev }) => [record.streamId, rev])).toEqual([
        [one, 3],
        [two, 2],
      ]);
    });

    it('performs requests in the order in which they were made', async () => {
      const answers = [journal.save([sampleSave(one, 1)]), journal.save([sampleSave(one, 2)]), journal.record(one)];
      expect((await Promise.all(answers)).at(-1)).toEqual({ ok: true, value: sampleStored(one, 2) });
    });

    it('merges rows by part number and gives them in ascending order', async () => {
      okValue(await journal.save([sampleSave(one, 1, { rows: [sampleRow(4), sampleRow(1)] })]));
      okValue(await journal.save([sampleSave(one, 2, { rows: [sampleRow(2), sampleRow(1, 'b')] })]));
      expect(await numbers(one)).toEqual([1, 2, 4]);
      expect(okValue(await journal.rows(one, firstUpload))[0]).toEqual(sampleRow(1, 'b'));
    });

    it('keeps the rows of a save that brings none', async () => {
      okValue(await journal.save([sampleSave(one, 1, { rows: sampleRows(1, 2) })]));
      okValue(await journal.save([sampleSave(one, 2)]));
      expect(await numbers(one)).toEqual([1, 2]);
    });

    it('drops the rows of another upload in the same step', async () => {
      okValue(await journal.save([sampleSave(one, 1, { rows: sampleRows(1, 5) })]));
      okValue(await journal.save([sampleSave(two, 1, { rows: sampleRows(1, 2) })]));
      okValue(await journal.save([sampleSave(one, 2, { uploadId: secondUpload, rows: sampleRows(1, 2, 'b') })]));
      expect(okValue(await journal.rows(one, secondUpload))).toEqual(sampleRows(1, 2, 'b'));
      expect(await numbers(one)).toEqual([]);
      expect(await numbers(two)).toEqual([1, 2]);
    });

    it('drops all rows when there is no upload any more, and they do not come back', async () => {
      okValue(await journal.save([sampleSave(one, 1, { rows: sampleRows(1, 5) })]));
      okValue(await journal.save([sampleSave(one, 2, { uploadId: null, rows: [sampleRow(6)] })]));
      expect(await numbers(one)).toEqual([]);
      okValue(await journal.save([sampleSave(one, 3, { rows: [sampleRow(9)] })]));
      expect(await numbers(one)).toEqual([9]);
    });

    it('replaces the whole ledger when told so', async () => {
      okValue(await journal.save([sampleSave(one, 1, { rows: sampleRows(1, 5) })]));
      okValue(await journal.save([sampleSave(one, 2, { replaceRows: true, rows: [sampleRow(1), sampleRow(3)] })]));
      expect(await numbers(one)).toEqual([1, 3]);
    });

    it('takes a ledger of 10,000 rows', async () => {
      okValue(await journal.save([sampleSave(one, 1, { replaceRows: true, rows: sampleRows(1, 10_000) })]));
      expect(okValue(await journal.rows(one, firstUpload))).toEqual(sampleRows(1, 10_000));
    });

    it('reserves a key for one stream only, and tells it when it had the key already', async () => {
      const target = { bucket: 'lectures', key: 'a.mkv' };
      expect(okValue(await journal.reserveKey(target, one))).toEqual({ granted: true, existed: false });
      expect(okValue(await journal.reserveKey(target, one))).toEqual({ granted: true, existed: true });
      expect(okValue(await journal.reserveKey(target, two))).toEqual({ granted: false, existed: false });
      expect(okValue(await journal.reserveKey({ ...target, bucket: 'other' }, two)).granted).toBe(true);
      journal = await bench.reopen();
      expect(okValue(await journal.reserveKey(target, two)).granted).toBe(false);
      expect(okValue(await journal.reserveKey(target, one))).toEqual({ granted: true, existed: true });
      expect(okValue(await journal.reservedKeys(one))).toEqual([target]);
    });

    it('forgets a stream with its rows and keys, and no other', async () => {
      const target = { bucket: 'lectures', key: 'a.mkv' };
      okValue(await journal.save([one, two].map((id) => sampleSave(id, 1, { rows: sampleRows(1, 2) }))));
      okValue(await journal.reserveKey(target, one));
      okValue(await journal.reserveKey({ ...target, key: 'b.mkv' }, two));
      okValue(await journal.forget(one));
      okValue(await journal.forget(one));
      journal = await bench.reopen();
      expect(okValue(await journal.load()).records.map(({ record }) => record.streamId)).toEqual([two]);
      expect(await numbers(one)).toEqual([]);
      expect(await numbers(two)).toEqual([1, 2]);
      expect(okValue(await journal.reservedKeys(one))).toEqual([]);
      expect(okValue(await journal.reserveKey(target, two))).toEqual({ granted: true, existed: false });
    });

    it.each([
      ['no JSON', '{"schemaVersion":1'],
      ['a later schema version', JSON.stringify({ ...sampleRecord(one), schemaVersion: 2 })],
      ['another shape', JSON.stringify({ ...sampleRecord(one), memory: { path: 7 } })],
      ['the record of another stream', JSON.stringify(sampleRecord(two))],
    ])('reports a record that cannot be read (%s) by its id, and keeps its rows', async (_what, text) => {
      okValue(await journal.save([one, two].map((id) => sampleSave(id, 1, { rows: [sampleRow(1)] }))));
      journal = await bench.damage(one, text);
      const { records, unreadable } = okValue(await journal.load());
      expect(unreadable).toEqual([one]);
      expect(records).toEqual([sampleStored(two)]);
      expect(await numbers(one)).toEqual([1]);
      okValue(await journal.save([sampleSave(one, 2)]));
      expect(okValue(await journal.load()).unreadable).toEqual([]);
    });

    it('refuses to be opened twice', async () => {
      const second = await bench.openSecond();
      expect(second).toMatchObject({ ok: false, failure: { code: 'journal_unavailable' } });
      if (!second.ok) expect(second.failure.detail).toContain('another process');
      expect(await journal.save([sampleSave(one, 1)])).toEqual({ ok: true, value: null });
    });

    it('answers after closing with a failure, and closes twice', async () => {
      await journal.close();
      await journal.close();
      expect(await journal.load()).toMatchObject({ ok: false, failure: { code: 'journal_unavailable' } });
    });
  });
}
