// `npm run simulate -- --seed N --runs M [--verbose]`: plays M seeds from N on, and names the first that breaks a promise, with the one
// command that plays it again.

import { parseArgs } from 'node:util';
import { run } from './run.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: '1' },
    verbose: { type: 'boolean', default: false },
    /** Goes on after a failing seed. */
    all: { type: 'boolean', default: false },
  },
});

const first = Number(values.seed);
const runs = Number(values.runs);
const startedMs = performance.now();
let failed = 0;
let virtualMs = 0;
for (let seed = first; seed < first + runs; seed += 1) {
  const result = await run(seed);
  virtualMs += result.virtualMs;
  if (values.verbose) {
    console.log(JSON.stringify(result.world.scenario));
    for (const [at, line] of result.world.log.lines().entries()) console.log(at, line);
  }
  if (result.violations.length === 0) continue;
  failed += 1;
  console.log(
    `seed ${seed} breaks ${result.violations.length} promises; again: npm run simulate -- --seed ${seed} --verbose`,
  );
  for (const { invariant, sentence } of result.violations.slice(0, 5)) console.log(`  ${invariant}: ${sentence}`);
  if (!values.all) break;
}
const seconds = (performance.now() - startedMs) / 1_000;
const hours = (virtualMs / 3_600_000).toFixed(1);
console.log(`${runs} runs, ${hours} hours of their time, in ${seconds.toFixed(1)} s; ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
