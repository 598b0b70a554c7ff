// One core of a campaign: plays the seeds that it is handed, and tells what came of them.

import { parentPort } from 'node:worker_threads';
import { type Chunk, NOTHING_TRIED, type Tried, together } from './campaign.ts';
import { run } from './run.ts';

async function tryAll({ first, runs }: Chunk): Promise<Tried> {
  let tried = NOTHING_TRIED;
  for (let seed = first; seed < first + runs; seed += 1) {
    const { world, violations, steps, virtualMs, faults } = await run(seed);
    const { events } = world.log;
    tried = together(tried, {
      runs: 1,
      steps,
      fewestSteps: steps,
      virtualMs,
      events: events.length,
      crashes: events.filter((event) => event.kind === 'daemon.ended' && event.how === 'killed').length,
      faults,
      failed: violations.length > 0 ? [{ seed, violations }] : [],
    });
  }
  return tried;
}

parentPort?.on('message', async (chunk: Chunk) => parentPort?.postMessage(await tryAll(chunk)));
