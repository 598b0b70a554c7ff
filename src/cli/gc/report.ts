// What `gc` found, as a table for people and as data for programs.

import { formatDuration, formatSize } from '../../config/values.ts';
import { plainText } from '../../plain-text.ts';
import { textTable } from '../text-table.ts';
import type { AbortResult } from './abort.ts';
import type { Owners } from './owners.ts';
import type { Sorted, UploadView } from './unowned.ts';

const HEADINGS = ['INITIATED', 'LAST PART', 'PARTS', 'BYTES', 'UPLOAD', 'KEY'];
const NUMBERS = ['PARTS', 'BYTES'];
/** Enough to recognize one; `--json` has it whole. */
const SHORT_UPLOAD_ID_CHARS = 12;

export const listingText = (uploads: readonly UploadView[], nowMs: number): string =>
  uploads.length === 0
    ? ''
    : textTable(
        HEADINGS,
        uploads.map((upload) => cellsOf(upload, nowMs)),
        NUMBERS,
      );

const cellsOf = (upload: UploadView, nowMs: number): readonly string[] => [
  `${ageOf(nowMs - upload.initiatedAtMs)} ago`,
  upload.parts === 0 ? 'none' : `${ageOf(nowMs - upload.lastActivityMs)} ago`,
  String(upload.parts),
  formatSize(upload.sizeBytes),
  plainText(upload.uploadId).slice(0, SHORT_UPLOAD_ID_CHARS),
  plainText(upload.key),
];

/** The two largest units are enough. */
function ageOf(ms: number): string {
  const text = formatDuration(Math.max(1_000, Math.floor(ms / 1_000) * 1_000));
  return /^(\d+[a-z]+){1,2}/.exec(text)?.[0] ?? text;
}

export const sumOf = (uploads: readonly UploadView[]): string => {
  const sizeBytes = uploads.reduce((sum, upload) => sum + upload.sizeBytes, 0);
  return `${uploads.length === 1 ? '1 upload' : `${uploads.length} uploads`} (${formatSize(sizeBytes)})`;
};

const iso = (epochMs: number): string => new Date(epochMs).toISOString();

/** The written contract of `gc --json`. `aborted` is null when nothing was asked to be. */
export const replyOf = (
  place: { readonly bucket: string; readonly prefix: string },
  owners: Owners,
  { owned }: Sorted,
  unowned: readonly UploadView[],
  aborted: readonly AbortResult[] | null,
) => ({
  ...place,
  source: owners.source,
  doubts: owners.doubts,
  unowned: unowned.map(({ key, uploadId, initiatedAtMs, lastActivityMs, parts, sizeBytes }) => ({
    ...{ key, uploadId, initiatedAt: iso(initiatedAtMs), lastActivityAt: iso(lastActivityMs), parts, sizeBytes },
  })),
  owned: owned.map(({ upload, owner }) => ({ key: upload.key, uploadId: upload.uploadId, owner })),
  aborted,
});
