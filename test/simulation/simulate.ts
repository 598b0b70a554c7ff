// `npm run simulate -- --seed N --runs M [--workers W] [--minutes T [--least L]] [--all] [--json] [--verbose]`: plays M seeds from N on,
// or as many as T minutes allow, but L, and names those that break a promise, with the one command that plays each again. `--verbose`
// shows all that happened.

import { parseArgs } from 'node:util';
import { campaign, type FailedRun, type Tried } from './campaign.ts';
import { run } from './run.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: '1' },
    workers: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '0' },
    least: { type: 'string', default: '0' },
    verbose: { type: 'boolean', default: false },
    /** Goes on after a failing seed. */
    all: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

const VIOLATIONS_SHOWN = 5;
const BAR_CELLS = 30;
const first = Number(values.seed);
const runs = Number(values.runs);
const startedMs = performance.now();
const seconds = (): number => (performance.now() - startedMs) / 1_000;

function tell({ seed, violations }: FailedRun): void {
  const again = `npm run simulate -- --seed ${seed} --verbose`;
  console.log(`seed ${seed} breaks ${violations.length} promises; again: ${again}`);
  for (const { invariant, sentence } of violations.slice(0, VIOLATIONS_SHOWN))
    console.log(`  ${invariant}: ${sentence}`);
}

/** A line that is written over and over, for whoever looks at a terminal. */
function showProgress({ runs: done, failed }: Tried): void {
  const filled = Math.floor((done / runs) * BAR_CELLS);
  const bar = '#'.repeat(filled).padEnd(BAR_CELLS, '.');
  const leftSeconds = Math.round((seconds() / done) * (runs - done));
  process.stderr.write(`\r[${bar}] ${done}/${runs}, ${failed.length} failed, ${leftSeconds} s left   `);
}

function summaryOf(tried: Tried): string {
  const { steps, events, crashes, virtualMs, faults, failed } = tried;
  const hours = (virtualMs / 3_600_000).toFixed(1);
  return [
    `${tried.runs} runs from seed ${first}, ${steps} steps (${tried.fewestSteps} at least), ${events} events, ${crashes} crashes, ` +
      `${hours} hours of their time, in ${seconds().toFixed(1)} s`,
    ...Object.entries(faults).map(([what, times]) => `  ${String(times).padStart(9)}  ${what}`),
    failed.length === 0 ? 'no promise was broken' : `broken by seeds ${failed.map(({ seed }) => seed).join(', ')}`,
  ].join('\n');
}

async function showOne(seed: number): Promise<boolean> {
  const { world, violations } = await run(seed);
  console.log(JSON.stringify(world.scenario));
  for (const [at, line] of world.log.lines().entries()) console.log(at, line);
  if (violations.length > 0) tell({ seed, violations });
  return violations.length > 0;
}

async function showAll(): Promise<boolean> {
  const onProgress = process.stderr.isTTY ? { onProgress: showProgress } : {};
  const [workers, minutes, least] = [Number(values.workers), Number(values.minutes), Number(values.least)];
  const tried = await campaign({ first, runs, workers, minutes, least, all: values.all, ...onProgress });
  if (process.stderr.isTTY) process.stderr.write('\n');
  if (values.json) console.log(JSON.stringify({ ...tried, first, workers, seconds: seconds() }));
  else {
    for (const failed of tried.failed) tell(failed);
    console.log(summaryOf(tried));
  }
  return tried.failed.length > 0;
}

const isBroken = values.verbose ? await showOne(first) : await showAll();
process.exitCode = isBroken ? 1 : 0;
