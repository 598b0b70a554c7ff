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

/** From the last fault on, everything is final within this time: the longest back-off is a minute, a refused S3 is asked every five seconds. */
const CALM_AT_MOST_MS = 300_000;
/** The registry's mirror compares every ten seconds. */
const AFTERWARDS_MS = 12_000;
const LOOK_EVERY_MS = 1_000;
/** When writers are done, streams are finalized while faults go on. */
const LAST_STEP_MS = 400;

export interface RunResult {
  readonly seed: number;
  readonly steps: number;
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
  await world.start();
  actions.lieInWait();
  for (let step = 0; step < scenario.steps && !world.ranWild; step += 1)
    await world.pass(actions.do(random.weighted(scenario.actions)));
  actions.endWriters();
  const faults = scenario.actions.filter(([, action]) => action !== 'write' && action !== 'new_writer');
  for (let step = 0; step < scenario.lastSteps && !world.ranWild; step += 1)
    await world.pass(LAST_STEP_MS + actions.do(random.weighted(faults)));
  world.log.add({ kind: 'phase', phase: 'calm' });
  actions.calmDown();
  await untilDone(world);
  world.log.add({ kind: 'phase', phase: 'over' });
  const evidence = gather(world);
  world.daemon?.process.die();
  await settle();
  const violations = checks ? check(evidence) : [];
  return {
    seed,
    steps: scenario.steps + scenario.lastSteps,
    violations,
    virtualMs: world.clock.nowMs - startedMs,
    world,
  };
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
  world.daemon?.phase() === 'running' && world.network.pending === 0 && world.unfinished().size === 0;
