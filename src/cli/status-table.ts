// Streams as a table for people: what needs a person first, then what lives, then what is done.

import { formatDuration, formatSize } from '../config/values.ts';
import { plainText } from '../plain-text.ts';
import type { StreamView } from '../ports/stream-view.ts';
import type { DaemonView } from '../ports/views.ts';
import type { Totals } from '../read-model/read-model.ts';

const HEADINGS = ['ID', 'STATE', 'WRITTEN', 'UPLOADED', 'AT RISK', 'IDLE', 'PATH'] as const;
/** Enough to tell any two streams apart, short enough to type. */
export const SHORT_ID_CHARS = 8;
const GAP = '  ';
/** Columns of numbers end at the same place. */
const TO_THE_RIGHT: ReadonlySet<string> = new Set(['WRITTEN', 'UPLOADED', 'AT RISK', 'IDLE']);

export function statusTable(streams: readonly StreamView[], nowMs: number): string {
  if (streams.length === 0) return 'No streams.\n';
  const sorted = [...streams].sort((a, b) => rank(a) - rank(b) || b.lastActivityMs - a.lastActivityMs);
  const rows = sorted.map((view) => cellsOf(view, nowMs));
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = [aligned(HEADINGS, widths)];
  for (const [index, row] of rows.entries()) {
    lines.push(aligned(row, widths));
    const failure = sorted[index]?.failure;
    if (failure) lines.push(below(`! ${plainText(`${failure.code}: ${failure.detail}`)}`), below(`  ${failure.hint}`));
  }
  return `${lines.join('\n')}\n`;
}

const below = (text: string): string => `${' '.repeat(SHORT_ID_CHARS)}${GAP}${text}`;

function rank({ status }: StreamView): number {
  if (status.startsWith('failed')) return 0;
  return ['completed', 'aborted_no_parts', 'aborted_by_operator'].includes(status) ? 2 : 1;
}

function cellsOf(view: StreamView, nowMs: number): readonly string[] {
  return [
    view.id.slice(0, SHORT_ID_CHARS),
    view.state,
    formatSize(view.sizeBytes),
    formatSize(view.sentBytes),
    formatSize(view.atRiskBytes),
    formatAge(nowMs - view.lastActivityMs),
    plainText(view.path),
  ];
}

function aligned(cells: readonly string[], widths: readonly number[]): string {
  const padded = cells.map((cell, column) => {
    const width = widths[column] ?? 0;
    return TO_THE_RIGHT.has(HEADINGS[column] ?? '') ? cell.padStart(width) : cell.padEnd(width);
  });
  return padded.join(GAP).trimEnd();
}

/** The two largest units are enough for an age. */
export function formatAge(ms: number): string {
  const text = formatDuration(Math.max(0, Math.floor(ms / 1_000)) * 1_000);
  return text === '0ms' ? '0s' : (/^(\d+[a-z]+){1,2}/.exec(text)?.[0] ?? text);
}

/** All in a sentence. */
export function totalsLine(totals: Totals): string {
  const states = Object.entries(totals.byState).filter(([, count]) => count > 0);
  const listed = states.map(([state, count]) => `${count} ${state}`).join(', ');
  const streams = totals.streams === 1 ? '1 stream' : `${totals.streams} streams`;
  return `${streams}${listed === '' ? '' : ` (${listed})`}, ${formatSize(totals.atRiskBytes)} at risk.`;
}

/** What does not answer, each on a line of its own. */
export const troubleLines = (daemon: DaemonView | null): string =>
  (daemon?.troubles ?? []).map((trouble) => `! ${plainText(trouble)}\n`).join('');

export const phaseOf = (daemon: DaemonView | null): string =>
  plainText([daemon?.phase ?? '', ...(daemon?.reasons ?? [])].join('; '));
