// The write-ahead against a journal that is slow, refuses, or is at work while more comes.

import { describe, expect, it } from 'vitest';
import { firstUpload, sampleRow } from '../fixtures/records/sample-record.ts';
import { settle } from './stage.ts';
import { FULL, isSettled, one, recordOfUpload, stage, two } from './write-ahead-stage.ts';

describe('W1: per stream the newest record wins and rows are merged', () => {
  it('a burst of facts in one turn is one save, with the newest record', async () => {
    const { writeAhead, journal, disk } = await stage();
    for (const generation of [1, 2, 3]) writeAhead.offer(recordOfUpload(one, { generation }), null);
    await writeAhead.settled(one);
    expect(journal.batches).toHaveLength(1);
    expect(JSON.parse(disk.streams.get(one)?.text ?? '').record.memory.generation).toBe(3);
  });

  it('F80 what comes while the journal is at work goes in one further save, rows merged', async () => {
    const { writeAhead, journal, disk } = await stage();
    journal.hold();
    writeAhead.addRow(one, firstUpload, sampleRow(1));
    writeAhead.offer(recordOfUpload(), null);
    await settle();
    for (const n of [2, 3, 4]) {
      writeAhead.addRow(one, firstUpload, sampleRow(n));
      writeAhead.offer(recordOfUpload(), null);
    }
    journal.go();
    await writeAhead.settled(one);
    expect(journal.batches.map((batch) => batch.map((save) => save.rows.map((row) => row.partNumber)))).toEqual([
      [[1]],
      [[2, 3, 4]],
    ]);
    expect([...(disk.streams.get(one)?.rows.keys() ?? [])]).toEqual([1, 2, 3, 4]);
  });

  it('many streams share a transaction', async () => {
    const { writeAhead, journal } = await stage();
    writeAhead.offer(recordOfUpload(one), null);
    writeAhead.offer(recordOfUpload(two), null);
    await writeAhead.drain();
    expect(journal.batches.map((batch) => batch.length)).toEqual([2]);
  });

  it('revisions rise with every offer, also across a restart', async () => {
    const { writeAhead, saved } = await stage();
    writeAhead.startFrom(one, 41);
    writeAhead.offer(recordOfUpload(), null);
    await writeAhead.settled(one);
    writeAhead.offer(recordOfUpload(), null);
    await writeAhead.settled(one);
    expect(saved.map((each) => each.save.stored.rev)).toEqual([42, 43]);
  });
});

describe('W2: settled resolves only when the journal holds everything offered before the call', () => {
  it('not while the save is under way', async () => {
    const { writeAhead, journal } = await stage();
    journal.hold();
    writeAhead.offer(recordOfUpload(), null);
    const settled = writeAhead.settled(one);
    expect(await isSettled(settled)).toBe(false);
    journal.go();
    expect(await isSettled(settled)).toBe(true);
  });

  it('not when an older save of the stream ends, but when its own does', async () => {
    const { writeAhead, journal, disk } = await stage();
    journal.hold();
    writeAhead.offer(recordOfUpload(one, { generation: 1 }), null);
    await settle();
    writeAhead.offer(recordOfUpload(one, { generation: 2 }), null);
    const settled = writeAhead.settled(one);
    journal.go();
    journal.hold();
    expect(await isSettled(settled)).toBe(false);
    journal.go();
    await settled;
    expect(JSON.parse(disk.streams.get(one)?.text ?? '').record.memory.generation).toBe(2);
  });

  it('at once for a stream of which nothing waits', async () => {
    const { writeAhead, journal } = await stage();
    journal.hold();
    writeAhead.offer(recordOfUpload(one), null);
    expect(await isSettled(writeAhead.settled(two))).toBe(true);
  });

  it('also when a higher revision was found elsewhere meanwhile', async () => {
    const { writeAhead, journal, saved } = await stage();
    journal.hold();
    writeAhead.offer(recordOfUpload(), null);
    await settle();
    writeAhead.startFrom(one, 70);
    const settled = writeAhead.settled(one);
    expect(await isSettled(settled), 'the journal does not hold the record yet').toBe(false);
    journal.go();
    expect(await isSettled(settled), 'it does now, though under a lower revision').toBe(true);
    writeAhead.offer(recordOfUpload(), null);
    await writeAhead.settled(one);
    expect(saved.at(-1)?.save.stored.rev).toBe(71);
  });

  it('drain waits for the save that is under way, not only for those that wait', async () => {
    const { writeAhead, journal } = await stage();
    journal.hold();
    writeAhead.offer(recordOfUpload(), null);
    await settle();
    const drained = writeAhead.drain();
    expect(await isSettled(drained)).toBe(false);
    journal.go();
    await drained;
  });

  it('stop lets go of everybody who waits', async () => {
    const { writeAhead, journal } = await stage();
    journal.hold();
    writeAhead.offer(recordOfUpload(), null);
    const settled = writeAhead.settled(one);
    writeAhead.stop();
    await settled;
  });
});

describe('W3: a journal that refuses is tried again for ever', () => {
  it('F69 nothing is lost: the newest record and all rows arrive when it can be written again', async () => {
    const { writeAhead, disk, clock } = await stage();
    disk.failure = FULL;
    writeAhead.addRow(one, firstUpload, sampleRow(1));
    writeAhead.offer(recordOfUpload(one, { generation: 1 }), null);
    for (let minute = 0; minute < 60; minute += 1) {
      await settle();
      clock.advanceMs(60_000);
    }
    writeAhead.addRow(one, firstUpload, sampleRow(2));
    writeAhead.offer(recordOfUpload(one, { generation: 2 }), null);
    await settle();
    clock.advanceMs(60_000);
    await settle();
    expect(disk.streams.size).toBe(0);
    disk.failure = null;
    clock.advanceMs(1_000);
    await writeAhead.settled(one);
    expect([...(disk.streams.get(one)?.rows.keys() ?? [])]).toEqual([1, 2]);
    expect(JSON.parse(disk.streams.get(one)?.text ?? '').record.memory.generation).toBe(2);
  });

  it('rows of a refused save do not overwrite newer ones of the same number', async () => {
    const { writeAhead, disk, clock } = await stage();
    disk.failure = FULL;
    writeAhead.addRow(one, firstUpload, sampleRow(1, 'a'));
    writeAhead.offer(recordOfUpload(), null);
    await settle();
    writeAhead.addRow(one, firstUpload, sampleRow(1, 'b'));
    writeAhead.offer(recordOfUpload(), null);
    await settle();
    disk.failure = null;
    clock.advanceMs(1_000);
    await writeAhead.settled(one);
    expect(disk.streams.get(one)?.rows.get(1)?.etag).toBe(sampleRow(1, 'b').etag);
  });

  it('a refused record does not come back over a newer one', async () => {
    const { writeAhead, journal, disk, clock } = await stage();
    journal.hold();
    writeAhead.offer(recordOfUpload(one, { generation: 1 }), null);
    await settle();
    disk.failure = FULL;
    writeAhead.offer(recordOfUpload(one, { generation: 2 }), null);
    journal.go();
    await settle();
    disk.failure = null;
    clock.advanceMs(1_000);
    await writeAhead.settled(one);
    expect(JSON.parse(disk.streams.get(one)?.text ?? '').record.memory.generation).toBe(2);
  });

  it('a whole ledger that was refused stays whole', async () => {
    const { writeAhead, disk, clock } = await stage();
    writeAhead.addRow(one, firstUpload, sampleRow(9));
    writeAhead.offer(recordOfUpload(), null);
    await writeAhead.settled(one);
    disk.failure = FULL;
    writeAhead.replaceRows(one, firstUpload, [sampleRow(1)]);
    writeAhead.offer(recordOfUpload(), null);
    await settle();
    writeAhead.addRow(one, firstUpload, sampleRow(2));
    writeAhead.offer(recordOfUpload(), null);
    disk.failure = null;
    clock.advanceMs(1_000);
    await writeAhead.settled(one);
    expect([...(disk.streams.get(one)?.rows.keys() ?? [])]).toEqual([1, 2]);
  });

  it('is told once when it begins and once when it ends', async () => {
    const { writeAhead, disk, clock, writable, errors } = await stage();
    disk.failure = FULL;
    writeAhead.offer(recordOfUpload(), null);
    for (let second = 0; second < 5; second += 1) {
      await settle();
      clock.advanceMs(1_000);
    }
    disk.failure = null;
    clock.advanceMs(1_000);
    await writeAhead.settled(one);
    expect(writable).toEqual([false, true]);
    expect(errors).toHaveLength(1);
  });
});
