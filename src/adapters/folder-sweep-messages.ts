// What the sweep's thread is asked and answers. A walk is handed over a batch at a time, whenever it is asked for, so that
// neither side piles up what the other has no time for.

import type { FolderReport } from './folder-sweep.ts';

export interface SweepThreadData {
  readonly folders: readonly string[];
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** `next` of a walk that is new begins it; `drop` forgets one that nobody wants any more. */
export interface SweepRequest {
  readonly walk: number;
  readonly folder: string;
  readonly wish: 'next' | 'drop';
}

export interface SweepBatch {
  readonly walk: number;
  readonly folder: string;
  readonly reports: readonly FolderReport[];
  readonly isLast: boolean;
}
