// The sweep's thread: waits for the file system, which may hang, so that the event loop does not. Ten thousand stats that wait here cost
// a tenth of what they cost as promises.

import { parentPort, workerData } from 'node:worker_threads';
import { type FolderReport, FolderSweep } from './folder-sweep.ts';
import type { SweepBatch, SweepRequest, SweepThreadData } from './folder-sweep-messages.ts';
import { createGlobs } from './fs-globs.ts';

type Walk = Generator<FolderReport, void, undefined>;

/** Names looked at for one batch: some five milliseconds. */
const NAMES_PER_BATCH = 1_000;

const { folders, include, exclude } = workerData as SweepThreadData;
const globs = createGlobs(include, exclude);
const sweeps = new Map(folders.map((folder) => [folder, new FolderSweep(folder, globs)]));
const walks = new Map<number, Walk>();

function batchOf(walk: number, folder: string, reported: Walk): SweepBatch {
  const reports: FolderReport[] = [];
  for (let names = 0; names < NAMES_PER_BATCH; ) {
    const { value, done } = reported.next();
    if (done) return { walk, folder, reports, isLast: true };
    reports.push(value);
    names += value.names;
    // What is new is told before the next folder is looked at: that one may hang for ever.
    if (value.news.length > 0) break;
  }
  return { walk, folder, reports, isLast: false };
}

parentPort?.on('message', ({ walk, folder, wish }: SweepRequest) => {
  const reported = walks.get(walk) ?? sweeps.get(folder)?.walk();
  if (!reported || wish === 'drop') {
    walks.delete(walk);
    return;
  }
  const batch = batchOf(walk, folder, reported);
  if (batch.isLast) walks.delete(walk);
  else walks.set(walk, reported);
  parentPort?.postMessage(batch);
});
