// The campaign: lanes side by side, each with its writers and its kills, then the reckoning. What is drawn follows from the seed; what
// the daemon does at the moment of a kill is the machine's to say.

import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../simulation/random.ts';
import { createRandom } from '../simulation/random.ts';
import { builtProgram, ROOT } from '../system/harness/built-program.ts';
import { CRASH_POINTS, type CrashPoint } from './crash-points.ts';
import { judge, settled, type Verdict } from './judge.ts';
import { countSent, Killer } from './killing.ts';
import { FLAVOURS, type Flavour, type Lane, openLane } from './lane.ts';
import { Owner } from './owner.ts';
import type { SentBytes } from './sent-bytes.ts';
import { TruthSeeker } from './truth-seeker.ts';
import { ALL_KINDS, HELD_KINDS, WRITERS } from './writers.ts';

export interface CampaignOptions {
  readonly kills: number;
  readonly streams: number;
  readonly seed: number;
  readonly lanes: number;
  readonly redis: boolean;
  readonly realS3: boolean;
  /** All named crash points once, before anything is drawn. */
  readonly points: boolean;
  /** 1; less: smaller files in less time. */
  readonly scale: number;
  /** After so long no more lives begin, and what was let go is reckoned. */
  readonly minutes: number;
  readonly onKill?: (done: number) => void;
  readonly onViolation?: (sentence: string) => void;
}

export interface LaneResult extends Verdict {
  readonly flavour: Flavour;
  readonly kills: number;
  /** How the lives ended and what was lost. */
  readonly kinds: Readonly<Record<string, number>>;
  readonly streams: number;
  /** Completions that were compared with their objects when a daemon was dead. */
  readonly claims: number;
  /** null: a server that does not tell. */
  readonly sent: SentBytes | null;
  readonly violations: readonly string[];
  /** Kept when something is wrong. */
  readonly folder: string;
}

/** Parts of one stream in flight (PARTS_PER_STREAM), over all streams at most UPLOAD_CONCURRENCY. */
export const PARTS_IN_FLIGHT = 8;

export async function runCampaign(options: CampaignOptions): Promise<readonly LaneResult[]> {
  const program = await frozenProgram();
  const random = createRandom(options.seed);
  let done = 0;
  const onKill = () => options.onKill?.(++done);
  try {
    const flavours = Array.from({ length: options.lanes }, (_, n) => FLAVOURS[n % FLAVOURS.length] ?? 'keep');
    return await Promise.all(
      flavours.map((flavour, n) => {
        const share = (all: number) => Math.floor(all / options.lanes) + (n < all % options.lanes ? 1 : 0);
        const name = `lane ${n + 1}`;
        const lane = { name, flavour, random: random.fork(name), program: program.folder };
        return runLane(
          options,
          { ...lane, ...options },
          share,
          options.points ? pointsOf(n, flavours, options) : [],
          onKill,
        );
      }),
    );
  } finally {
    program.remove();
  }
}

/** A copy, because somebody may build while we run. It stands where it finds its libraries. */
async function frozenProgram(): Promise<{ readonly folder: string; readonly remove: () => void }> {
  await builtProgram();
  const home = join(ROOT, '.cache', `kill-campaign-${process.pid}`);
  mkdirSync(home, { recursive: true });
  cpSync(join(ROOT, 'dist'), join(home, 'dist'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(home, 'package.json'));
  return { folder: join(home, 'dist'), remove: () => rmSync(home, { recursive: true, force: true }) };
}

/** Where a point can be passed: not everywhere is a file moved, or an upload too old. */
function placeOf(point: CrashPoint): Flavour | null {
  if (/disposal\.remove/.test(point)) return 'delete';
  if (/disposal|disposeSource/.test(point)) return 'move';
  if (/clearUploads/.test(point)) return 'aged';
  return /copyPart/.test(point) ? 'keep' : null;
}

/** This lane's share of all points. */
function pointsOf(
  lane: number,
  flavours: readonly Flavour[],
  { redis, realS3 }: CampaignOptions,
): readonly CrashPoint[] {
  const shares: CrashPoint[][] = flavours.map(() => []);
  const possible = CRASH_POINTS.filter(
    (point) => (redis || !point.startsWith('registry')) && !(realS3 && /clearUploads|probeObject/.test(point)),
  );
  const placed = possible.toSorted((a, b) => Number(placeOf(a) === null) - Number(placeOf(b) === null));
  for (const point of placed) {
    const place = placeOf(point);
    const able = flavours.flatMap((flavour, n) => (place === null || place === flavour ? [n] : []));
    const least = able.toSorted((a, b) => (shares[a]?.length ?? 0) - (shares[b]?.length ?? 0))[0];
    if (least !== undefined) shares[least]?.push(point);
  }
  return shares[lane] ?? [];
}

async function runLane(
  { kills, streams, scale, minutes }: CampaignOptions,
  opening: Parameters<typeof openLane>[1],
  share: (all: number) => number,
  points: readonly CrashPoint[],
  onKill: () => void,
): Promise<LaneResult> {
  const owner = new Owner();
  try {
    const lane = await openLane(owner.test, opening);
    const truth = new TruthSeeker(lane);
    const killer = new Killer(lane, truth, onKill);
    const writing = new Writing(lane, share(streams), scale);
    await warmUp(lane);
    for (const point of points) await killer.killAt(point);
    const [before, wanted] = [killer.kills, share(kills)];
    const [beginMs, limitMs] = [Date.now(), minutes * 60_000];
    for (let spentMs = 0; killer.kills < wanted && spentMs < limitMs; spentMs = Date.now() - beginMs) {
      writing.keepUp(Math.max((killer.kills - before + 1) / (wanted - before), spentMs / limitMs));
      await killer.killSomehow();
    }
    const verdict = await reckon(lane, truth, writing);
    const { kinds } = killer;
    const sent = lane.devS3 && lane.sent.sum();
    const { flavour, violations, folder } = lane;
    return {
      flavour,
      kills: killer.kills,
      kinds,
      streams: writing.begun,
      claims: truth.claims,
      sent,
      ...verdict,
      violations,
      folder,
    };
  } finally {
    await owner.end();
  }
}

/** One life in peace, ended in order: Node writes what it compiled only then. */
async function warmUp({ victim, blame }: Lane): Promise<void> {
  const life = victim.start(null);
  await victim.listening(life);
  const { exitCode } = await life.end('SIGTERM');
  if (exitCode !== 0) blame(`a daemon with nothing to do ended with ${exitCode}: ${life.output()}`);
}

/** A last life in peace, until the writers are done and nothing is owed any more. */
async function reckon(lane: Lane, truth: TruthSeeker, writing: Writing): Promise<Verdict> {
  lane.note('no more kills');
  lane.devS3?.behave({ maxUploadAgeMs: null });
  const life = lane.victim.start(null);
  await lane.victim.listening(life);
  await writing.finished();
  lane.note('everything is let go');
  const streams = await settled(lane);
  const verdict = await judge(lane, streams);
  await life.end('SIGTERM');
  countSent(lane);
  // Whoever was not judged for want of a version is now.
  for (let look = 0; look < 5; look += 1) await truth.compare();
  return verdict;
}

/** Begins the lane's writers in time with its kills. */
class Writing {
  readonly #lane: Lane;
  readonly #count: number;
  readonly #scale: number;
  readonly #random: Random;
  readonly #running: Promise<void>[] = [];
  begun = 0;

  constructor(lane: Lane, count: number, scale: number) {
    this.#lane = lane;
    this.#count = count;
    this.#scale = scale;
    this.#random = lane.random.fork('writers');
  }

  /** `progress`: of the kills, 0 to 1. */
  keepUp(progress: number): void {
    const { owner, diary, flavour, recordings, blame, note } = this.#lane;
    const kinds = flavour === 'move' || flavour === 'delete' ? HELD_KINDS : ALL_KINDS;
    while (this.begun < Math.min(this.#count, Math.ceil(progress * this.#count))) {
      const kind = kinds[this.begun % kinds.length] ?? 'append';
      this.begun += 1;
      const path = join(recordings, `${String(this.begun).padStart(3, '0')}-${kind}.bin`);
      const random = this.#random.fork(path.slice(recordings.length));
      note(`writer ${path}`);
      const desk = { owner, diary, path, random, scale: this.#scale };
      this.#running.push(
        WRITERS[kind](desk).catch((error: unknown) => {
          blame(`the writer ${kind} of ${path} failed: ${error instanceof Error ? error.stack : String(error)}`);
        }),
      );
    }
  }

  async finished(): Promise<void> {
    this.keepUp(1);
    await Promise.all(this.#running);
  }
}
