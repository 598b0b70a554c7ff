// One run: a seed's scenario is played, faults stop, writers close, time goes on until nothing is left to do, and the checker reads what
// is there. The same seed gives the same run.

import { Actions } from './actions.ts';
import { check } from './checker/check.ts';
import type { Violation } from './checker/evidence.ts';
import type { Swaps } from './daemon.ts';
import { gather } from './gather.ts';
import { createRandom } from './random.ts';
import type { Scenario } from './scenario.ts';
import { SimulatedWorld, settle } from './simulated-world.ts';
import { addedUp, type Counts, injected } from './tally.ts';

/** From the last fault on, everything is final within this time: the longest patience with a writer that comes back is an hour. */
const CALM_AT_MOST_MS = 3_900_000;
/** The registry's mirror compares every ten seconds. */
const AFTERWARDS_MS = 12_000;
const LOOK_EVERY_MS = 1_000;
/** When writers are done, streams are finalized while faults go on. */
const LAST_STEP_MS = 400;

export interface RunResult {
  readonly seed: number;
  /** That were really done. */
  readonly steps: number;
  /** What was done to the world, by kind. */
  readonly faults: Counts;
  readonly violations: readonly Violation[];
  readonly virtualMs: number;
  readonly world: SimulatedWorld;
}

export interface RunOptions {
  readonly swaps?: Swaps;
  /** Makes another scenario of the seed's: for bugs that need rare company. */
  readonly adapt?: (scenario: Scenario) => Scenario;
  /** Without the checker, nothing is ever wrong: what the tests of the checker turn off. */
  readonly checks?: boolean;
}

export async function run(seed: number, { swaps, adapt, checks = true }: RunOptions = {}): Promise<RunResult> {
  const world = new SimulatedWorld(seed, swaps, adapt);
  const startedMs = world.clock.nowMs;
  const actions = new Actions(world);
  const random = createRandom(seed).fork('steps');
  const { scenario } = world;
  world.log.add({ kind: 'phase', phase: 'faults' });
  for (const host of world.hosts) await host.start();
  actions.lieInWait();
  let steps = 0;
  for (; steps < scenario.steps && !world.ranWild; steps += 1)
    await world.pass(actions.do(random.weighted(scenario.actions)));
  actions.endWriters();
  const faults = scenario.actions.filter(([, action]) => action !== 'write' && action !== 'new_writer');
  for (; steps < scenario.steps + scenario.lastSteps && !world.ranWild; steps += 1)
    await world.pass(LAST_STEP_MS + actions.do(random.weighted(faults)));
  world.log.add({ kind: 'phase', phase: 'calm' });
  actions.calmDown();
  await untilDone(world);
  world.log.add({ kind: 'phase', phase: 'over' });
  const evidence = gather(world);
  for (const { daemon } of world.hosts) daemon?.process.die();
  await settle();
  const violations = checks ? check(evidence) : [];
  const faultsDone = addedUp([world.tally.counts(), injected(world.log.events)]);
  return { seed, steps, faults: faultsDone, violations, virtualMs: world.clock.nowMs - startedMs, world };
}

/** Nothing is left to do, and a while later nothing is either. */
async function untilDone(world: SimulatedWorld): Promise<void> {
  const untilMs = world.clock.nowMs + CALM_AT_MOST_MS;
  while (world.clock.nowMs < untilMs && !world.ranWild) {
    await world.pass(LOOK_EVERY_MS);
    if (!isDone(world)) continue;
    await world.pass(AFTERWARDS_MS);
    if (isDone(world)) return;
  }
}

const isDone = (world: SimulatedWorld): boolean =>
  world.carrier !== null && world.network.pending === 0 && world.unfinished().size === 0;
