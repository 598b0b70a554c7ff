// The slice of the simulation that every CI run plays: no run breaks a promise, and together they met every kind of fault.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import type { Tried } from './campaign.ts';

/** Two quiet cores need less than two minutes for all of them. Where they take longer, it stays at as many as fit. */
const SLICE_RUNS = 20_000;
const SLICE_MINUTES = 4;
/** Enough to meet every kind of fault. */
const LEAST_RUNS = 2_000;
const LEAST_STEPS = 50;
const WORKERS = 2;
const LONG_MS = 1_200_000;

/** What a slice of this size must have met, so that "no promise was broken" says something. */
const MET: readonly RegExp[] = [
  ...['createUpload', 'uploadPart', 'listParts', 'listUploads', 'completeUpload', 'headObject', 'putObject'].flatMap(
    (operation) =>
      ['refused', 'dropped', 'reply_lost', 'garbled', 'late', 's3_access_denied'].map(
        (fate) => new RegExp(`^S3 ${operation}: ${fate}$`),
      ),
  ),
  /^S3 abortUpload: (dropped|reply_lost|late)$/,
  /^S3 uploadPart: forgotten$/,
  ...['append', 'patch_head', 'patch_record', 'patch_clusters', 'rewrite', 'truncate', 'rename', 'unlink', 'fill'].map(
    (how) => new RegExp(`^writer: ${how}$`),
  ),
  ...['killed', 'stopped', 'paused'].map((how) => new RegExp(`^daemon: ${how}$`)),
  ...['state_dir_lost', 'state_dir_rolled_back', 'record_damaged', 'clock_jumped', 'files_unreadable'].map(
    (what) => new RegExp(`^world: ${what}$`),
  ),
  ...['refuses', 'slow', 'shut'].map((how) => new RegExp(`^world: journal_${how}$`)),
  ...['emptied', 'rolled_back', 'away', 'refuses', 'slow', 'replies_lost'].map(
    (how) => new RegExp(`^world: registry_${how}$`),
  ),
  ...['upload_aborted_outside', 'object_deleted', 'foreign_put'].map((what) => new RegExp(`^world: ${what}$`)),
  ...['finalize', 'retry', 'abort'].map((wish) => new RegExp(`^operator: ${wish}$`)),
];

/** In a process of its own: on XState's production build, on both cores, beside what else is tested. */
async function simulate(): Promise<{ readonly code: unknown; readonly tried: Tried }> {
  const program = new URL('simulate.ts', import.meta.url).pathname;
  const asked = { runs: SLICE_RUNS, minutes: SLICE_MINUTES, least: LEAST_RUNS, workers: WORKERS };
  const flags = Object.entries(asked).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(process.execPath, [program, ...flags, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return { code, tried: JSON.parse(said) as Tried };
}

it(
  `the simulation breaks no promise in up to ${SLICE_RUNS} runs of at least ${LEAST_STEPS} steps, which met every kind of fault`,
  async () => {
    const { code, tried } = await simulate();
    expect(tried.failed, 'again: npm run simulate -- --seed <seed> --verbose').toEqual([]);
    expect(code).toBe(0);
    expect(tried.runs).toBeGreaterThanOrEqual(LEAST_RUNS);
    process.stderr.write(`${tried.runs} runs were played\n`);
    expect(tried.fewestSteps).toBeGreaterThanOrEqual(LEAST_STEPS);
    const met = Object.keys(tried.faults);
    expect(MET.filter((kind) => !met.some((name) => kind.test(name)))).toEqual([]);
  },
  LONG_MS,
);
