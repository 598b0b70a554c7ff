// The write-ahead's ledger rows and fences: what belongs to which upload and folder.

import { describe, expect, it } from 'vitest';
import { firstUpload, sampleMemory, sampleRow, secondUpload } from '../fixtures/records/sample-record.ts';
import { FULL, one, recordOfUpload, stage } from './write-ahead-stage.ts';

describe("W4: rows of another upload than the record's never reach the journal", () => {
  it('they wait for the record of their own upload', async () => {
    const { writeAhead, disk } = await stage();
    writeAhead.replaceRows(one, secondUpload, [sampleRow(1), sampleRow(2)]);
    writeAhead.offer(recordOfUpload(), null);
    await writeAhead.settled(one);
    expect(disk.streams.get(one)).toMatchObject({ uploadId: firstUpload, rows: new Map() });
    const upload = sampleMemory().upload;
    writeAhead.offer(recordOfUpload(one, { upload: upload && { ...upload, uploadId: secondUpload } }), null);
    await writeAhead.settled(one);
    expect(disk.streams.get(one)?.uploadId).toBe(secondUpload);
    expect([...(disk.streams.get(one)?.rows.keys() ?? [])]).toEqual([1, 2]);
  });

  it('a record without an upload drops the ledger', async () => {
    const { writeAhead, disk } = await stage();
    writeAhead.addRow(one, firstUpload, sampleRow(1));
    writeAhead.offer(recordOfUpload(), null);
    await writeAhead.settled(one);
    writeAhead.offer(recordOfUpload(one, { upload: null }), null);
    await writeAhead.settled(one);
    expect(disk.streams.get(one)?.rows.size).toBe(0);
  });
});

describe('the ledger as its readers see it', () => {
  it('holds rows that the journal has and those still on their way', async () => {
    const { writeAhead } = await stage();
    writeAhead.addRow(one, firstUpload, sampleRow(1));
    writeAhead.offer(recordOfUpload(), null);
    await writeAhead.settled(one);
    writeAhead.addRow(one, firstUpload, sampleRow(2));
    const rows = await writeAhead.rows(one, firstUpload);
    expect(rows.ok && [...rows.value.keys()]).toEqual([1, 2]);
  });

  it('a whole ledger on its way hides what the journal has', async () => {
    const { writeAhead } = await stage();
    writeAhead.addRow(one, firstUpload, sampleRow(1));
    writeAhead.offer(recordOfUpload(), null);
    await writeAhead.settled(one);
    writeAhead.replaceRows(one, firstUpload, [sampleRow(3)]);
    const rows = await writeAhead.rows(one, firstUpload);
    expect(rows.ok && [...rows.value.keys()]).toEqual([3]);
  });

  it('fails as the journal does', async () => {
    const { writeAhead, disk } = await stage();
    disk.failure = FULL;
    expect(await writeAhead.rows(one, firstUpload)).toEqual({ ok: false, failure: FULL });
  });
});

describe('fences', () => {
  it('a record carries the highest fence known of its folder, and never a lower one than before', async () => {
    const { writeAhead, saved } = await stage();
    writeAhead.raiseFence('/recordings', 5);
    writeAhead.raiseFence('/recordings', 3);
    writeAhead.raiseFence('/elsewhere', 9);
    writeAhead.offer(recordOfUpload(), null);
    await writeAhead.settled(one);
    writeAhead.raiseFence('/recordings', 6);
    writeAhead.offer(recordOfUpload(), null);
    await writeAhead.settled(one);
    expect(saved.map((each) => each.save.stored.fence)).toEqual([5, 6]);
  });
});
