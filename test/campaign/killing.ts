// The lives of a lane's daemons and their ends: at drawn moments, at named crash points, with and without what was remembered. After each
// end everything that the journal calls completed is compared with its object.

import { appendFileSync, rmSync } from 'node:fs';
import { appendFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { content } from '../fixtures/writers/content.ts';
import { Recording } from '../fixtures/writers/recording.ts';
import type { OwnedProcess } from '../system/harness/owned-processes.ts';
import { pause } from '../system/harness/waiting.ts';
import type { CrashPoint } from './crash-points.ts';
import type { Lane } from './lane.ts';
import { drawEnding, drawLoss, type Ending, type Loss } from './plan.ts';
import type { TruthSeeker } from './truth-seeker.ts';

const MIB = 2 ** 20;
/** A point that is not passed within this time, on a machine with other work, is not passed at all. */
const POINT_MS = 90_000;
/** After a loss the other store is whole again when a daemon ran for so long. */
const WHOLE_AGAIN_MS = 5_000;
const LOG_TAIL_CHARS = 1_500;

export class Killer {
  readonly #lane: Lane;
  readonly #truth: TruthSeeker;
  readonly #onKill: () => void;
  #lastLoss: Loss | null = null;
  #isWhole = true;
  kills = 0;
  readonly kinds: Record<string, number> = {};

  constructor(lane: Lane, truth: TruthSeeker, onKill: () => void) {
    this.#lane = lane;
    this.#truth = truth;
    this.#onKill = onKill;
  }

  /** One life and its end, as drawn. */
  async killSomehow(): Promise<void> {
    const ending = drawEnding(this.#lane.random);
    const loss = this.#lane.redisServer ? drawLoss(this.#lane.random) : null;
    this.#lane.note(`life that ends ${JSON.stringify(ending)}`);
    const life = this.#lane.victim.start(ending.kind === 'point' ? ending.trip : null);
    await this.#endAs(ending, life);
    await this.#over(ending.kind, life);
    if (loss && (this.#isWhole || loss === this.#lastLoss)) await this.#lose(loss);
  }

  /** A life that ends at the point, which is brought about by a file of its own. */
  async killAt(point: CrashPoint): Promise<void> {
    const { victim, blame } = this.#lane;
    for (const each of prelude(point)) await this.killAt(each);
    this.#lane.note(`life that ends at ${point}`);
    const life = victim.start({ point, skip: 0 });
    if ((await victim.listening(life)) !== null) await this.#provoke(point);
    await ended(life, POINT_MS);
    if (life.hasEnded() === null) blame(`the crash point ${point} was never passed`);
    await this.#over('point', life);
  }

  async #endAs(ending: Ending, life: OwnedProcess): Promise<void> {
    const startedMs = Date.now();
    if (ending.kind !== 'booting') await this.#lane.victim.listening(life);
    await ended(life, ending.afterMs);
    if (ending.kind === 'draining' && life.hasEnded() === null) {
      life.child.kill('SIGTERM');
      await ended(life, ending.thenMs);
    }
    if (Date.now() - startedMs > WHOLE_AGAIN_MS) this.#isWhole = true;
  }

  async #over(kind: string, life: OwnedProcess): Promise<void> {
    const lane = this.#lane;
    const bySelf = life.hasEnded();
    const { exitCode } = await life.end('SIGKILL');
    const log = life.output();
    appendFileSync(join(lane.folder, 'daemon.log'), `${log}--- its end: ${kind} ---\n`);
    if (exitCode !== null && !(kind === 'draining' && exitCode === 0))
      lane.blame(`a daemon ended by itself with ${exitCode}: ${log.slice(-LOG_TAIL_CHARS)}`);
    for (const line of log.split('\n'))
      if (/A bug in tailrace|"msg":"bug/.test(line)) lane.blame(`a daemon reports a bug: ${line}`);
    if (exitCode === null) {
      this.kills += 1;
      const name = kind === 'point' && bySelf === null ? 'running' : kind;
      this.kinds[name] = (this.kinds[name] ?? 0) + 1;
      this.#onKill();
    }
    countSent(lane);
    await this.#truth.compare();
  }

  async #lose(loss: Loss): Promise<void> {
    this.#lane.note(`lost: ${loss}`);
    if (loss === 'state_dir') {
      rmSync(this.#lane.victim.stateDir, { recursive: true, force: true });
      this.#lane.stateLostAtMs.push(Date.now());
    } else await this.#lane.redisClient?.flushall();
    this.kinds[loss] = (this.kinds[loss] ?? 0) + 1;
    this.#lastLoss = loss;
    this.#isWhole = false;
  }

  async #provoke(point: CrashPoint): Promise<void> {
    const { diary, random, recordings, devS3, victim } = this.#lane;
    const path = join(recordings, `at-${point}-${this.kills}.bin`);
    const seed = random.between(1, 2 ** 30);
    if (point.startsWith('effect.probeObject'))
      devS3?.faults.add({ operation: 'CompleteMultipartUpload', key: basename(path), fault: 'dropReply', times: 1 });
    if (point.startsWith('effect.clearUploads')) {
      await growOld(path, seed, this.#lane);
      return;
    }
    await writeFile(path, point.startsWith('effect.abortUpload') ? '' : content(6 * MIB, seed));
    await diary.note(path, { isFinal: true });
    if (!point.startsWith('store.copyPart')) return;
    while (victim.life?.hasEnded() === null) {
      const done = (await victim.streams())?.some((stream) => stream.path === path && stream.status === 'completed');
      if (done) break;
      await pause(100);
    }
    await appendFile(path, content(MIB, seed + 1));
    await diary.note(path, { isFinal: true });
  }
}

/** What the last life sent: it is over. */
export function countSent({ devS3, sent, blame, flavour, folder, victim }: Lane): void {
  if (!devS3) return;
  const requests = devS3.requests.all();
  appendFileSync(join(folder, 'requests.jsonl'), requests.map((each) => `${JSON.stringify(each)}\n`).join(''));
  const needless = sent.take(requests, victim.endedAtMs ?? Date.now());
  devS3.requests.clear();
  // Where uploads grow old, parts come to be wanted again.
  if (flavour !== 'aged') for (const part of needless) blame(`sent again, though it had been answered: ${part}`);
}

/** What has to happen in a life before. */
function prelude(point: CrashPoint): readonly CrashPoint[] {
  // An upload that nobody heard of.
  return /^store\.(abortUpload|listUploads)/.test(point) ? ['store.createUpload.after'] : [];
}

/** Until its upload is so old that the stream goes on from it in another one. */
async function growOld(path: string, seed: number, { owner, diary, victim }: Lane): Promise<void> {
  const recording = await Recording.start(owner, path, { seed });
  await recording.append(6 * MIB);
  while (victim.life?.hasEnded() === null) {
    await recording.append(MIB / 16);
    await diary.note(path);
    const stream = (await victim.streams())?.find((each) => each.path === path);
    if (stream && stream.leftUploads.length > 0) break;
    await pause(500);
  }
  await diary.note(path, { isFinal: true });
  await recording.close();
}

/** Resolves after the time, or at the life's own end before. */
async function ended(life: OwnedProcess, withinMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, withinMs);
  });
  await Promise.race([life.ended, late]);
  clearTimeout(timer);
}
