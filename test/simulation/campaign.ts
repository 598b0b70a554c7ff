// Many runs on several cores: seeds are handed out in small chunks to worker threads, what they found is added up. A chunk that does
// not end is a finding too: the program or the bed goes round without end in one of its seeds.

import { Worker } from 'node:worker_threads';
import type { Violation } from './checker/evidence.ts';
import { addedUp, type Counts } from './tally.ts';

/** Small enough that a failing seed is told soon and both cores end together; large enough that handing out costs nothing. */
const CHUNK_RUNS = 25;
/** A run takes some milliseconds; a chunk this long hangs. */
const CHUNK_AT_MOST_MS = 120_000;
/** A run leaves nothing behind: it is collected for less where there is room for several. */
const YOUNG_MB = 96;
const FAILED_SEEDS_KEPT = 100;

export interface Chunk {
  readonly first: number;
  readonly runs: number;
}

export interface FailedRun {
  readonly seed: number;
  readonly violations: readonly Violation[];
}

/** What a number of runs came to. */
export interface Tried {
  readonly runs: number;
  readonly steps: number;
  readonly fewestSteps: number;
  readonly virtualMs: number;
  readonly events: number;
  readonly crashes: number;
  /** By kind. */
  readonly faults: Counts;
  readonly failed: readonly FailedRun[];
}

export const NOTHING_TRIED: Tried = {
  runs: 0,
  steps: 0,
  fewestSteps: Number.POSITIVE_INFINITY,
  virtualMs: 0,
  events: 0,
  crashes: 0,
  faults: {},
  failed: [],
};

export const together = (a: Tried, b: Tried): Tried => ({
  runs: a.runs + b.runs,
  steps: a.steps + b.steps,
  fewestSteps: Math.min(a.fewestSteps, b.fewestSteps),
  virtualMs: a.virtualMs + b.virtualMs,
  events: a.events + b.events,
  crashes: a.crashes + b.crashes,
  faults: addedUp([a.faults, b.faults]),
  failed: [...a.failed, ...b.failed].sort((one, other) => one.seed - other.seed).slice(0, FAILED_SEEDS_KEPT),
});

export interface CampaignOptions extends Chunk {
  readonly workers: number;
  /** Goes on after a failing seed. */
  readonly all: boolean;
  /** After this time only what is missing from `least` is played; 0: all of it. */
  readonly minutes?: number;
  readonly least?: number;
  readonly onProgress?: (so_far: Tried) => void;
}

export async function campaign(options: CampaignOptions): Promise<Tried> {
  const { first, runs, workers, all, minutes = 0, least = 0, onProgress } = options;
  let tried = NOTHING_TRIED;
  let next = first;
  const end = first + runs;
  const endMs = minutes > 0 ? performance.now() + minutes * 60_000 : Number.POSITIVE_INFINITY;
  const takeChunk = (): Chunk | null => {
    if (performance.now() > endMs && next >= first + least) return null;
    if (next >= end || (!all && tried.failed.length > 0)) return null;
    const chunk = { first: next, runs: Math.min(CHUNK_RUNS, end - next) };
    next += chunk.runs;
    return chunk;
  };
  const work = async (): Promise<void> => {
    const worker = new Worker(new URL('campaign-worker.ts', import.meta.url), {
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    try {
      for (let chunk = takeChunk(); chunk; chunk = takeChunk()) {
        // In two steps: the other workers add to the sum meanwhile.
        const found = await triedBy(worker, chunk);
        tried = together(tried, found);
        onProgress?.(tried);
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(workers, Math.ceil(runs / CHUNK_RUNS))) }, work));
  return tried;
}

function triedBy(worker: Worker, chunk: Chunk): Promise<Tried> {
  return new Promise((resolve, reject) => {
    const last = chunk.first + chunk.runs - 1;
    const end = (work: () => void): void => {
      clearTimeout(timer);
      worker.off('message', answer).off('error', fail);
      work();
    };
    const hangs = new Error(`one of the seeds ${chunk.first} to ${last} does not end`);
    const timer = setTimeout(() => end(() => reject(hangs)), CHUNK_AT_MOST_MS);
    const answer = (tried: Tried): void => end(() => resolve(tried));
    const fail = (cause: unknown): void => end(() => reject(new Error(`seeds ${chunk.first} to ${last}`, { cause })));
    worker.on('message', answer).on('error', fail);
    worker.postMessage(chunk);
  });
}
