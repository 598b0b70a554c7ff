// One stream as text for people. Everything from outside is made plain.

import { formatSize } from '../config/values.ts';
import { plainText } from '../plain-text.ts';
import type { HistoryEntry, PartView, StreamView } from '../ports/stream-view.ts';
import type { ShownStream } from './show.ts';
import { formatAge } from './status-table.ts';
import { textTable } from './text-table.ts';

/** What fits on a screen below the rest; `--json` has all. */
const HISTORY_SHOWN = 20;
const LABEL_CHARS = 10;

export function streamText({ stream, parts, history }: ShownStream, nowMs: number): string {
  const lines = [...facts(stream, nowMs), ...partsOf(parts)];
  const left = stream.leftUploads.map(
    ({ target, uploadId, parts: count, why }) =>
      `s3://${target.bucket}/${target.key}, ${count} parts, upload ${uploadId} (${why})`,
  );
  lines.push(...left.map((line) => labelled('left in S3', line)), ...failure(stream));
  return `${lines.join('\n')}\n${history === null || history.length === 0 ? '' : `\n${happened(history)}`}`;
}

const labelled = (label: string, text: string): string => `${label.padEnd(LABEL_CHARS)}  ${plainText(text)}`;
const time = (atMs: number): string => new Date(atMs).toISOString().replace(/\.\d+Z$/, 'Z');

function facts(stream: StreamView, nowMs: number): readonly string[] {
  const { bucket, key, uploadId, completion } = stream;
  const ago = formatAge(nowMs - stream.lastActivityMs);
  return [
    labelled('stream', stream.id),
    labelled('path', stream.path),
    labelled('state', `${stream.state} (${stream.status})`),
    labelled('object', bucket === null || key === null ? 'none yet' : `s3://${bucket}/${key}`),
    labelled('upload', `${uploadId ?? 'none'}, generation ${stream.generation}`),
    labelled(
      'bytes',
      `${formatSize(stream.sizeBytes)} written, ${formatSize(stream.sentBytes)} uploaded, ${formatSize(stream.atRiskBytes)} at risk`,
    ),
    labelled('writer', stream.writer),
    labelled('since', `${time(stream.startedAtMs)}, last change ${ago} ago`),
    ...(stream.finalizeReason ? [labelled('finalized', stream.finalizeReason)] : []),
    ...(completion
      ? [
          labelled(
            'proven',
            `${completion.sizeBytes} bytes, crc32 ${completion.crc32}, etag ${completion.etag}, ${time(completion.completedAtMs)}`,
          ),
        ]
      : []),
  ];
}

function failure({ failure: found, attempt, notBeforeMs }: StreamView): readonly string[] {
  if (!found) return [];
  const again = attempt > 0 ? `, attempt ${attempt}, next not before ${time(notBeforeMs)}` : '';
  return [
    labelled('failure', `${found.code}: ${found.detail}${again}`),
    labelled('cure', `${found.hint} (${found.cure})`),
  ];
}

/** Of the upload that is under way; without one there are none to tell of. */
function partsOf(parts: readonly PartView[] | null): readonly string[] {
  if (parts === null || parts.length === 0) return [];
  const counts = new Map<string, number>();
  for (const { state } of parts) counts.set(state, (counts.get(state) ?? 0) + 1);
  const listed = [...counts].map(([state, count]) => `${count} ${state}`).join(', ');
  return [labelled('parts', `${parts.length}: ${listed}`)];
}

function happened(history: readonly HistoryEntry[]): string {
  const rows = history
    .slice(-HISTORY_SHOWN)
    .map(({ atMs, kind, name, detail }) => [time(atMs), kind, name, detail].map((cell) => plainText(cell)));
  return textTable(['AT', 'KIND', 'WHAT', ''], rows);
}
