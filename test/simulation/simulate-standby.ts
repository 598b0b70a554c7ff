// `npm run simulate-standby -- --seed N --runs M [--verbose]`: plays M seeds from N on with two hosts on one folder, and names those
// that break a promise, with the command that plays each again.

import { parseArgs } from 'node:util';
import { runStandby } from './standby.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: '1' },
    verbose: { type: 'boolean', default: false },
  },
});

const VIOLATIONS_SHOWN = 5;
const [first, runs] = [Number(values.seed), Number(values.runs)];
const startedMs = performance.now();
const sum = { takeovers: 0, overslept: 0, completes: 0, failed: 0 };
for (let seed = first; seed < first + runs; seed += 1) {
  const { takeovers, overslept, violations, world } = await runStandby(seed);
  const isComplete = (event: (typeof world.log.events)[number]): boolean =>
    event.kind === 's3.sent' && event.operation === 'completeUpload';
  sum.takeovers += takeovers;
  sum.overslept += overslept;
  sum.completes += world.log.events.filter(isComplete).length;
  if (values.verbose) for (const [at, line] of world.log.lines().entries()) console.log(at, line);
  if (violations.length === 0) continue;
  sum.failed += 1;
  console.log(`seed ${seed} breaks ${violations.length}; again: npm run simulate-standby -- --seed ${seed} --verbose`);
  for (const { invariant, sentence } of violations.slice(0, VIOLATIONS_SHOWN))
    console.log(`  ${invariant}: ${sentence}`);
}
const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
console.log(
  `${runs} runs from seed ${first} in ${seconds} s: ${sum.takeovers} takeovers, ${sum.overslept} daemons stopped past their lease, ` +
    `${sum.completes} Completes, ${sum.failed} runs that broke a promise`,
);
process.exitCode = sum.failed > 0 ? 1 : 0;
