// What the journal writes for one more part of a stream: bytes given to write(2) by the real SQLite journal behind the real
// write-ahead, one save per part. The same at part 10 and at part 1,000: a row per part, nothing that grows in the record.

import { WriteAhead } from '../src/actors/write-ahead.ts';
import { createMonotonicClock } from '../src/adapters/monotonic-clock.ts';
import { openSqliteJournal } from '../src/adapters/sqlite-journal.ts';
import { byteOffset, partNumber, type StreamId, streamId, type UploadId, uploadId } from '../src/machines/ids.ts';
import type { LedgerRow } from '../src/machines/part-ledger.ts';
import { growingPlan } from '../src/machines/part-plan.ts';
import { freshMemory } from '../src/machines/stream.context.ts';
import { RECORD_SCHEMA_VERSION, type StreamRecord } from '../src/machines/stream-record.ts';
import type { Telemetry } from '../src/ports/telemetry.ts';
import { atMost, type Figures, median, type Row } from './figures.ts';
import { writtenBytes } from './processes.ts';
import { MIB, WorkFolder } from './work-folder.ts';

const WINDOWS = [10, 100, 1000, 5000];
const WINDOW_PARTS = 40;
const PART_BYTES = 8 * MIB;
const ID: StreamId = streamId('0123456789abcdef0123456789abcdef');
const UPLOAD: UploadId = uploadId('2~BenchUploadIdOfAnOrdinaryLengthAsCephGivesThem');
const FILE = {
  streamId: ID,
  folder: '/var/recordings',
  path: '/var/recordings/room-12/lecture.mkv',
  identity: { inode: '123456789', birthNs: '1800000000000000000' },
};
const silent: Telemetry = { debug() {}, info() {}, warn() {}, error() {}, count() {}, observe() {} };

function recordAt(parts: number): StreamRecord {
  const memory = freshMemory(FILE, 1_800_000_000_000);
  return {
    schemaVersion: RECORD_SCHEMA_VERSION,
    streamId: ID,
    state: 'active.uploading',
    seen: null,
    lastActivityMs: 1_800_000_000_000 + parts,
    memory: {
      ...memory,
      target: { bucket: 'recordings', key: 'room-12/lecture.mkv' },
      upload: {
        uploadId: UPLOAD,
        plan: growingPlan(PART_BYTES),
        condition: { kind: 'absent' },
        openedAtMs: memory.startedAtMs,
        expiresAtMs: null,
      },
      parts: { contiguous: parts, ahead: [] },
      sentEndBytes: parts * PART_BYTES,
    },
  };
}

const rowAt = (n: number): LedgerRow => ({
  partNumber: partNumber(n),
  offset: byteOffset((n - 1) * PART_BYTES),
  sizeBytes: PART_BYTES,
  etag: 'd41d8cd98f00b204e9800998ecf8427e',
  crc32: '89abcdef',
  xxh64: '0123456789abcdef',
  uploadedAtMs: 1_800_000_000_000 + n,
});

interface Save {
  readonly bytes: number;
  readonly ms: number;
}

/** One part after another, each on the disk before the next. */
async function savesOf(work: WorkFolder): Promise<readonly Save[]> {
  const journal = await openSqliteJournal({ stateDir: work.folder('journal') });
  if (!journal.ok) throw new Error(journal.failure.detail);
  const clock = createMonotonicClock();
  const ahead = new WriteAhead({ journal: journal.value, clock, telemetry: silent, onSaved() {}, onWritable() {} });
  const saves: Save[] = [];
  for (let n = 1; n <= Math.max(...WINDOWS); n += 1) {
    const [bytes, startedMs] = [writtenBytes(), performance.now()];
    ahead.addRow(ID, UPLOAD, rowAt(n));
    ahead.offer(recordAt(n), null);
    await ahead.settled(ID);
    saves.push({ bytes: writtenBytes() - bytes, ms: performance.now() - startedMs });
  }
  await journal.value.close();
  return saves;
}

export async function journalParts(): Promise<Figures> {
  const work = new WorkFolder();
  const saves = await savesOf(work).finally(() => work.remove());
  const windowAt = (end: number): readonly Save[] => saves.slice(Math.max(0, end - WINDOW_PARTS), end);
  const bytesAt = (end: number): number => median(windowAt(end).map(({ bytes }) => bytes));
  const rows: Row[] = WINDOWS.map((end) => ({
    'until part': end,
    'bytes, median': bytesAt(end),
    'ms, median': median(windowAt(end).map(({ ms }) => ms)),
  }));
  const mean = saves.reduce((sum, { bytes }) => sum + bytes, 0) / saves.length;
  rows.push({ 'until part': 'all, checkpoints too', 'bytes, median': mean, 'ms, median': null });
  return {
    benchmark: 'journal-parts',
    about: `Bytes written for one more part (write-ahead log and, in the last line, checkpoints), ${WINDOW_PARTS} parts before each mark.`,
    rows,
    goals: [atMost('bytes at part 1,000 to bytes at part 10', bytesAt(1000) / bytesAt(10), 1.05)],
  };
}
