// The journal's rows of records, read: on the caller's side of the thread, because what checks a record's shape takes 7 MB, and the
// journal's thread would hold all of it a second time.

import { type StreamId, streamId } from '../machines/ids.ts';
import type { StoredRecord } from '../machines/stream-record.ts';
import type { RecordRow } from './sqlite-journal-messages.ts';
import { readRecord } from './stored-record.ts';

/** Null when this version cannot read it. */
export function storedOf({ id, rev, fence, record: text }: RecordRow): StoredRecord | null {
  const record = readRecord(text);
  return record?.streamId === id ? { record, rev, fence } : null;
}

export function recordsOf(rows: readonly RecordRow[]): { records: StoredRecord[]; unreadable: StreamId[] } {
  const records: StoredRecord[] = [];
  const unreadable: StreamId[] = [];
  for (const row of rows) {
    const stored = storedOf(row);
    if (stored) records.push(stored);
    else unreadable.push(streamId(row.id));
  }
  return { records, unreadable };
}
