// The write-ahead against a journal that is slow, refuses, or is at work while more comes.

import { afterEach, describe, expect, it } from 'vitest';
import { type Saved, WriteAhead } from '../../src/actors/write-ahead.ts';
import { failureOf } from '../../src/machines/failure.ts';
import type { Journal, StreamSave } from '../../src/ports/journal.ts';
import { createHandClock } from '../fakes/hand-clock.ts';
import { MemoryJournalDisk, openMemoryJournal } from '../fakes/memory-journal.ts';
import {
  firstUpload,
  sampleId,
  sampleMemory,
  sampleRecord,
  sampleRow,
  secondUpload,
} from '../fixtures/records/sample-record.ts';
import { settle } from './stage.ts';

const one = sampleId(1);
const two = sampleId(2);
const FULL = failureOf('journal_unavailable', 'database or disk is full');

const recordOfUpload = (id = one, more: Parameters<typeof sampleMemory>[0] = {}) =>
  sampleRecord(id, { memory: sampleMemory(more) });

interface SlowJournal extends Journal {
  /** Saves wait until `go`. */
  hold(): void;
  go(): void;
  readonly batches: (readonly StreamSave[])[];
}

async function slowJournal(disk: MemoryJournalDisk): Promise<SlowJournal> {
  const opened = await openMemoryJournal(disk);
  if (!opened.ok) throw new Error(opened.failure.detail);
  const journal = opened.value;
  const batches: (readonly StreamSave[])[] = [];
  let waiting: (() => void)[] = [];
  let isHeld = false;
  return Object.assign(Object.create(journal), {
    batches,
    hold: () => {
      isHeld = true;
    },
    go: () => {
      isHeld = false;
      for (const wake of waiting.splice(0)) wake();
      waiting = [];
    },
    async save(saves: readonly StreamSave[]) {
      batches.push(saves);
      if (isHeld) await new Promise<void>((resolve) => waiting.push(resolve));
      return await journal.save(saves);
    },
  }) as SlowJournal;
}

async function stage() {
  const disk = new MemoryJournalDisk();
  const journal = await slowJournal(disk);
  const clock = createHandClock();
  const saved: Saved[] = [];
  const writable: boolean[] = [];
  const errors: string[] = [];
  const telemetry = {
    ...{ debug() {}, info() {}, warn() {}, count() {}, observe() {} },
    error: (message: string) => void errors.push(message),
  };
  const writeAhead = new WriteAhead({
    ...{ journal, clock, telemetry },
    onSaved: (batch) => void saved.push(...batch),
    onWritable: (each) => void writable.push(each),
  });
  open.push(writeAhead);
  return { disk, journal, clock, saved, writable, errors, writeAhead };
}

const open: WriteAhead[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.stop();
});

/** Whether a promise is settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  void promise.then(() => {
    done = true;
  });
  await settle();
  return done;
}

describe('W1: per stream the newest record wins and rows are merged', () => {
  it('a burst of facts in one turn is one save, with the newest record', async () => {
    const { writeAhead, journal, disk } = await stage();
    for (const generation of [1, 2, 3]) writeAhead.offer(recordOfUpload(one, { generation }), null);
    await writeAhead.settled(one);
    expect(journal.batches).toHaveLength(1);
    expect(JSON.parse(disk.streams.get(one)?.text ?? '').record.memory.generation).toBe(3);
  });

  it('what comes while the journal is at work goes in one further save, rows merged', async () => {
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
  it('nothing is lost: the newest record and all rows arrive when it can be written again', async () => {
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
