// `npm run standby-campaign -- --runs 50 [--seed N] [--pairs P]`: rounds of SIGSTOP past the lease and SIGCONT on real processes, a real
// Redis and dev-s3, several pairs of hosts side by side. Each round is as in standby.test.ts.

import { parseArgs } from 'node:util';
import { createRandom } from '../../simulation/random.ts';
import type { OwnerTest } from '../harness/owned-processes.ts';
import { openTwoHosts, playRound, type Round } from './two-hosts.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    pairs: { type: 'string', default: '3' },
  },
});
const [runs, seed, pairs] = [values.runs, values.seed, values.pairs].map(Number) as [number, number, number];
/** A fresh scene after so many rounds: a folder of thousands of files tells nothing more. */
const ROUNDS_PER_SCENE = 5;

const endings: (() => unknown)[] = [];
const failings: (() => unknown)[] = [];
const owner = {
  onTestFinished: (end: () => unknown) => void endings.unshift(end),
  onTestFailed: (tell: () => unknown) => void failings.push(tell),
} as unknown as OwnerTest;

const rounds: Round[] = [];
let begun = 0;

async function pair(n: number): Promise<void> {
  while (begun < runs) {
    const hosts = await openTwoHosts(owner);
    const random = createRandom(seed * 1_000 + n + 10 * begun);
    for (let round = 1; round <= ROUNDS_PER_SCENE && begun < runs; round += 1) {
      begun += 1;
      rounds.push(await playRound(owner, hosts, random, round));
      process.stderr.write(`${rounds.length} of ${runs}\n`);
    }
    await Promise.all([hosts.carrier.kill(), hosts.standby.kill()]);
  }
}

const startedMs = performance.now();
try {
  await Promise.all(Array.from({ length: pairs }, (_, n) => pair(n)));
  const seconds = Math.round((performance.now() - startedMs) / 1_000);
  const takeovers = rounds.map(({ takeoverMs }) => takeoverMs / 1_000).sort((a, b) => a - b);
  const files = rounds.reduce((sum, round) => sum + round.files, 0);
  const states = new Set(rounds.flatMap((round) => round.states));
  console.log(
    `${rounds.length} rounds in ${seconds} s: ${files} files right, none doubled; takeover after ${takeovers[0]?.toFixed(1)} to ` +
      `${takeovers.at(-1)?.toFixed(1)} s; stopped while streams were ${[...states].sort().join(', ')}`,
  );
} catch (error) {
  for (const tell of failings) tell();
  console.error(error);
  process.exitCode = 1;
} finally {
  for (const end of endings) await end();
}
