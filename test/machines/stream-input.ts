// The file, settings and times that tests of the stream's chart begin with. Small numbers: parts of 8 MiB, a file of 20 MiB.

import type { FileRef, FileStat, Freeze } from '../../src/machines/file-identity.ts';
import { streamId } from '../../src/machines/ids.ts';
import { uniformPlan } from '../../src/machines/part-plan.ts';
import type { StreamInput } from '../../src/machines/stream.context.ts';
import type { StreamRecord } from '../../src/machines/stream-record.ts';
import type { StreamSettings } from '../../src/machines/stream-settings.ts';

export const MIB = 1024 * 1024;
export const PART_BYTES = 8 * MIB;
export const START_MS = 1_700_000_000_000;
export const DAY_MS = 86_400_000;
export const FOLDER = '/recordings';
export const ID = streamId('0123456789abcdef0123456789abcdef');
export const IDENTITY = { inode: '42', birthNs: '1700000000000000000' };

export const SETTINGS: StreamSettings = {
  bucket: 'takes',
  keyPrefix: '',
  keyTemplate: '{path}',
  onExisting: 'rename',
  plan: uniformPlan(PART_BYTES),
  maxParts: 10_000,
  maxUploadAgeMs: null,
  afterComplete: { kind: 'keep' },
  verifySource: 'full',
  streamTimeoutMs: 30_000,
  writerCloseGraceMs: 3_000,
  streamTimeoutUnknownMs: 120_000,
  parkedRetryMs: 60_000,
  completeDoubtMs: 600_000,
  lateArrivalMs: 300_000,
};

export const FILE: FileRef = { streamId: ID, folder: FOLDER, path: `${FOLDER}/take.mp4`, identity: IDENTITY };

/** `changedMs`: when it was last written. */
export const statOf = (sizeBytes: number, changedMs: number, allocatedBytes = sizeBytes): FileStat => ({
  identity: IDENTITY,
  sizeBytes,
  mtimeNs: `${changedMs}000000`,
  ctimeNs: `${changedMs}000000`,
  allocatedBytes,
  linkCount: 1,
});

/** The stat of a file as it was last seen. */
export const statAsSeen = (seen: Freeze): FileStat => ({ ...seen, allocatedBytes: seen.sizeBytes, linkCount: 1 });

export const freshInput = (more: Partial<StreamInput> = {}): StreamInput => ({
  file: FILE,
  settings: SETTINGS,
  record: null,
  mustRecall: false,
  stat: statOf(0, START_MS),
  atMs: START_MS,
  ...more,
});

export const restoredInput = (record: StreamRecord, atMs: number, settings = SETTINGS): StreamInput => ({
  file: { ...FILE, path: record.memory.path },
  settings,
  record: JSON.parse(JSON.stringify(record)) as StreamRecord,
  mustRecall: false,
  stat: null,
  atMs,
});
