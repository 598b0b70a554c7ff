// A write-ahead with a journal in memory that can be slow and refuse; what it tells is collected.

import { afterEach } from 'vitest';
import { type Saved, WriteAhead } from '../../src/actors/write-ahead.ts';
import { failureOf } from '../../src/machines/failure.ts';
import { createHandClock } from '../fakes/hand-clock.ts';
import { MemoryJournalDisk } from '../fakes/memory-journal.ts';
import { sampleId, sampleMemory, sampleRecord } from '../fixtures/records/sample-record.ts';
import { slowJournal } from './slow-journal.ts';
import { settle } from './stage.ts';

export const one = sampleId(1);
export const two = sampleId(2);
export const FULL = failureOf('journal_unavailable', 'database or disk is full');

export const recordOfUpload = (id = one, more: Parameters<typeof sampleMemory>[0] = {}) =>
  sampleRecord(id, { memory: sampleMemory(more) });

export async function stage() {
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
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  void promise.then(() => {
    done = true;
  });
  await settle();
  return done;
}
