// Two hosts with STANDBY on one folder: daemons are stopped (SIGSTOP) past their lease at any moment, most of all while they finalize,
// and go on, or cut off from Redis, which the other one reaches; requests arrive late, leases end, Redis goes away. Beyond the checker's promises: who lost the lease does nothing final
// any more, and no generation is made twice.

import type { Ports } from '../../src/actors/world.ts';
import type { Logged, Violation } from './checker/evidence.ts';
import { cutOffable } from './cut-off.ts';
import type { DaemonParts, Swaps } from './daemon.ts';
import { createRandom, type Random } from './random.ts';
import { type RunResult, run } from './run.ts';
import type { Action, Scenario } from './scenario.ts';

/** From a moment to far beyond a lease (15 s). */
const STOPPED_MS = [200, 40_000] as const;
/** Of a hundred moves of a stream that is finalized, and of those that are about to complete. */
const STOPPED_WHILE_FINALIZING = 15;
const STOPPED_WHILE_COMPLETING = 60;
const STOP_WITHIN_MS = 60;
const LOOK_EVERY_MS = 200;
/** Two looks at the writers come before Complete. */
const COMPLETING_WITHIN_MS = 400;

/** What may also happen: whatever does not make the registry or a STATE_DIR forget. */
const COMPANY: readonly (readonly [Action, number, number])[] = [
  ['pause', 3, 80],
  ['kill', 2, 40],
  ['kill_soon', 2, 40],
  ['stop', 2, 30],
  ['s3_weather', 3, 40],
  ['registry_weather', 3, 40],
];

/** The seed's scenario, with two hosts. */
export function withStandby(scenario: Scenario): Scenario {
  const random = createRandom(scenario.seed).fork('company');
  const company = COMPANY.filter(([, , percent]) => random.chance(percent / 100));
  return {
    ...scenario,
    hosts: 2,
    standby: true,
    withRegistry: true,
    actions: [[40, 'write'], [4, 'long_pause'], ...company.map(([action, weight]) => [weight, action] as const)],
  };
}

/** Stops daemons while they finalize, or cuts them off from Redis. */
function stopping(random: Random): Swaps {
  return {
    ports(ports: Ports, { process, network, log }: DaemonParts): Ports {
      const { clock } = network;
      const cutOff = ports.registry && cutOffable(ports.registry);
      const stop = (ms: number): void => {
        log.add({ kind: 'paused', daemon: process.name, ms });
        process.pause();
        clock.after(ms, () => process.resume());
      };
      const cut = (ms: number): void => {
        log.add({ kind: 'cut_off', daemon: process.name, ms });
        cutOff?.set(true);
        const untilMs = clock.nowMs + ms;
        const mend = (): void => {
          if (clock.nowMs < untilMs && isFaulty(log.events)) return void clock.after(LOOK_EVERY_MS, mend);
          process.deliver(() => cutOff?.set(false));
        };
        mend();
      };
      const hurt = (): void => {
        if (!process.isAlive || process.isPaused || !isFaulty(log.events)) return;
        const ms = random.between(...STOPPED_MS);
        if (random.chance(0.6)) stop(ms);
        else cut(ms);
      };
      const streamChanged: Ports['views']['streamChanged'] = (view) => {
        ports.views.streamChanged(view);
        if (!view.state.startsWith('finalizing.')) return;
        const isCompleting = view.state === 'finalizing.completing';
        const often = isCompleting ? STOPPED_WHILE_COMPLETING : STOPPED_WHILE_FINALIZING;
        if (random.between(0, 99) >= often) return;
        clock.after(random.between(0, isCompleting ? COMPLETING_WITHIN_MS : STOP_WITHIN_MS), hurt);
      };
      return { ...ports, registry: cutOff?.registry ?? null, views: { ...ports.views, streamChanged } };
    },
  };
}

const isFaulty = (events: readonly Logged[]): boolean =>
  !events.some((event) => event.kind === 'phase' && event.phase !== 'faults');

export interface StandbyResult extends RunResult {
  readonly takeovers: number;
  /** Daemons that were stopped past their lease and went on. */
  readonly overslept: number;
}

/** `swaps`: what a planted bug changes. */
export async function runStandby(seed: number, swaps: Swaps = {}): Promise<StandbyResult> {
  const stops = stopping(createRandom(seed).fork('stops'));
  const result = await run(seed, { adapt: withStandby, swaps: { ...swaps, ...stops } });
  const { events } = result.world.log;
  const isExcused = (each: Violation): boolean =>
    isLateParts(each, events) || isUnheardIntent(each) || isListedElsewhere(each, result.world);
  const violations = [...result.violations.filter((each) => !isExcused(each)), ...usurped(events), ...doubled(events)];
  return { ...result, violations, takeovers: takeoversIn(events), overslept: oversleptIn(events) };
}

/**
 * A daemon that slept past its lease and is told, as it wakes, that Redis is away may send parts once more: the same bytes, or ones that
 * the new owner's list of parts shows to be others (row 11 of the faults).
 */
function isLateParts({ invariant, sentence }: Violation, events: readonly Logged[]): boolean {
  if (!(invariant === 'I7' && sentence.includes('sent again with the same bytes'))) return false;
  let ruler = '';
  return events.some((event) => {
    if (event.kind === 'lease') ruler = event.daemon;
    return event.kind === 's3.sent' && event.operation === 'uploadPart' && event.daemon !== ruler;
  });
}

/** An upload that a host opened while it was cut off is listed by that host's journal, and kept in sight when it carries again. */
function isListedElsewhere({ invariant, sentence }: Violation, { hosts }: RunResult['world']): boolean {
  const uploadId = /^upload (upload-\d+) /.exec(sentence)?.[1];
  if (invariant !== 'I5' || !uploadId) return false;
  return hosts.some(({ journal }) => [...journal.streams.values()].some(({ text }) => text.includes(`"${uploadId}"`)));
}

/**
 * A host that dies between Create and the save that names the reserved variant of a taken key leaves an empty upload, which nobody can
 * tell from a foreign one: only `gc` lists it.
 */
const isUnheardIntent = ({ invariant, sentence }: Violation): boolean =>
  invariant === 'I5' && /~\d+[^ ]* \(0 parts\)/.test(sentence);

const LEASE_MS = 15_000;
const oversleptIn = (events: readonly Logged[]): number =>
  events.filter((event) => event.kind === 'paused' && event.ms > LEASE_MS).length;

const hostOf = (daemon: string): string => daemon.split('-')[0] ?? '';

function takeoversIn(events: readonly Logged[]): number {
  const rulers = events.filter((event) => event.kind === 'lease').map(({ daemon }) => hostOf(daemon));
  return rulers.filter((host, at) => at > 0 && host !== rulers[at - 1]).length;
}

const FINAL = ['completeUpload', 'abortUpload', 'deleteObject'];

/** Whoever's lease was taken sends nothing that cannot be undone. */
function usurped(events: readonly Logged[]): Violation[] {
  let ruler = { daemon: '', fence: -1 };
  const found: Violation[] = [];
  for (const [at, event] of events.entries()) {
    if (event.kind === 'lease' && event.fence > ruler.fence) ruler = event;
    if (event.kind !== 's3.sent' || !FINAL.includes(event.operation) || event.daemon === ruler.daemon) continue;
    const sentence = `${event.daemon} sent ${event.operation} of ${event.uploadId} while ${ruler.daemon} carried the folder (event ${at})`;
    found.push({ invariant: 'I6', sentence });
  }
  return found;
}

/** One Complete makes the object of a generation; another one of the same stream and generation makes none. */
function doubled(events: readonly Logged[]): Violation[] {
  const operations = new Map<number, string>();
  const made = new Map<string, number>();
  const found: Violation[] = [];
  for (const [at, event] of events.entries()) {
    if (event.kind === 's3.sent') operations.set(event.request, event.operation);
    if (event.kind !== 's3.executed' || event.digest === null) continue;
    if (operations.get(event.request) !== 'completeUpload' || !event.metadata) continue;
    const { 'tailrace-stream': stream, 'tailrace-generation': generation } = event.metadata;
    const which = `generation ${generation} of stream ${stream}`;
    const before = made.get(which);
    if (before !== undefined)
      found.push({ invariant: 'I4', sentence: `${which} was completed twice (events ${before} and ${at})` });
    made.set(which, at);
  }
  return found;
}
