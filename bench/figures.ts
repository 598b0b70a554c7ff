// Figures of a benchmark: medians, and a small table for people or JSON for programs.

import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** A row: what was measured, and its values by column. */
export type Row = Readonly<Record<string, string | number | null>>;

export interface Figures {
  readonly benchmark: string;
  /** What was measured and against what, in one or two sentences. */
  readonly about: string;
  readonly rows: readonly Row[];
  /** Goals, each held or missed; told, never enforced: a shared machine is no judge. */
  readonly goals: readonly Goal[];
}

export interface Goal {
  readonly goal: string;
  readonly figure: number;
  readonly held: boolean;
}

export const atMost = (goal: string, figure: number, most: number): Goal => ({
  goal: `${goal} <= ${most}`,
  figure: rounded(figure),
  held: figure <= most,
});

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Three digits that mean something. */
export const rounded = (value: number): number =>
  Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));

const shown = (value: string | number | null | undefined): string => {
  if (value === null || value === undefined) return '-';
  return typeof value === 'number' ? String(rounded(value)) : value;
};

/** The machine, in one line: processors, memory, Node, and how busy it was by others. */
export function machine(): string {
  const memoryKb = Number(/^MemTotal:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'latin1'))?.[1]);
  const [load] = readFileSync('/proc/loadavg', 'latin1').split(' ');
  const model = cpus()[0]?.model ?? 'unknown processor';
  return `${cpus().length} x ${model}, ${Math.round(memoryKb / 1e6)} GB, Node ${process.version}, load ${load}`;
}

export function asText({ benchmark, about, rows, goals }: Figures): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = [columns, ...rows.map((row) => columns.map((column) => shown(row[column])))];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]?.length ?? 0)));
  const lines = cells.map((line) => line.map((cell, i) => pad(cell, widths[i] ?? 0, i)).join('  '));
  const judged = goals.map(({ goal, figure, held }) => `${held ? 'held  ' : 'MISSED'} ${goal}: ${figure}`);
  return [`${benchmark}: ${about}`, '', ...lines, '', ...judged, ''].join('\n');
}

const pad = (cell: string, width: number, column: number): string =>
  column === 0 ? cell.padEnd(width) : cell.padStart(width);
