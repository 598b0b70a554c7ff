// Two hosts on one folder with STANDBY, as real processes on one machine, and one round of what they are tried with: the carrier is
// stopped (SIGSTOP) at a random moment, past its lease; the other one takes over; the stopped one goes on at a random moment.

import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { findFolder } from '../../../src/adapters/fs-folder.ts';
import { content } from '../../fixtures/writers/content.ts';
import { Recording } from '../../fixtures/writers/recording.ts';
import type { Random } from '../../simulation/random.ts';
import type { Daemon } from '../harness/daemon.ts';
import type { OwnerTest } from '../harness/owned-processes.ts';
import { fileOf } from '../harness/proof.ts';
import { CHUNK_BYTES, MIB, openScene, type Scene } from '../harness/scene.ts';
import { pause, until } from '../harness/waiting.ts';

const OTHER_HOST = fileURLToPath(new URL('other-host.mjs', import.meta.url));
/** A lease lasts 15 s; an idle machine needs a second or two more. */
const TAKEOVER_DEADLINE_MS = 45_000;
const EXIT_TEMPORARY = 75;

export interface TwoHosts {
  readonly scene: Scene;
  carrier: Daemon;
  standby: Daemon;
}

/** The carrier carries, the standby stands by. */
export async function openTwoHosts(test: OwnerTest): Promise<TwoHosts> {
  const scene = await openScene(test, { redis: true, startDaemon: false, settings: { STANDBY: 'on' } });
  await leaveReleasedLease(scene);
  const [carrier, standby] = [hostOf(scene, 'one'), hostOf(scene, 'two')];
  await carrier.start({ program: OTHER_HOST });
  await standby.start({ program: OTHER_HOST, until: 'listening' });
  await untilStandingBy(standby, 'one');
  return { scene, carrier, standby };
}

function hostOf(scene: Scene, name: string): Daemon {
  const locks = join(scene.folder, `locks-${name}`);
  mkdirSync(locks);
  return scene.another({
    STATE_DIR: join(scene.folder, name),
    INSTANCE_NAME: `host-${name}`,
    OTHER_HOST_LOCKS: locks,
  });
}

/** As after a clean end: the first daemon need not look for 15 s whether somebody carries the folder. */
export async function leaveReleasedLease({ recordings, redis }: Scene): Promise<void> {
  const folder = await findFolder(recordings);
  if (!folder.ok) throw new Error(folder.problem);
  const client = new Redis(redis?.url ?? '');
  await client.hset(`lease:${folder.id}`, { holder: '', fence: '0', expires_at_ms: '0', standby: '1' });
  client.disconnect();
}

interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

export const readinessOf = async (daemon: Daemon): Promise<Readiness> =>
  (await (await fetch(`${daemon.address}/readyz`)).json()) as Readiness;

export async function untilStandingBy(daemon: Daemon, name: string): Promise<void> {
  let seen: Readiness | null = null;
  await until(
    `a daemon stands by for host-${name}`,
    async () => {
      seen = await readinessOf(daemon);
      return seen.reasons.some((reason) => reason.startsWith(`standby: host-${name} `)) ? true : null;
    },
    TAKEOVER_DEADLINE_MS,
    () => JSON.stringify(seen),
  );
}

export async function untilCarrying(daemon: Daemon): Promise<void> {
  let seen: Readiness | null = null;
  const look = async (): Promise<true | null> => {
    seen = await readinessOf(daemon);
    return seen.ready ? true : null;
  };
  await until('the standby carries', look, TAKEOVER_DEADLINE_MS, () => JSON.stringify(seen));
}

/** Files in all states: some finished, some that end at any moment, one that grows throughout. */
async function startWriters(test: OwnerTest, { scene }: TwoHosts, random: Random, round: number) {
  const names: string[] = [];
  const name = (what: string): string => {
    names.push(`${round}-${what}.bin`);
    return scene.path(names.at(-1) ?? '');
  };
  await writeFile(name('small'), content(random.between(1, 1000), round + 1));
  await writeFile(name('whole'), content(CHUNK_BYTES + random.between(0, 3 * MIB), round + 2));
  const writing = [0, 1, 2, 3].map(async (n) => {
    const recording = await Recording.start(test, name(`grows-${n}`), { seed: 10 * round + n });
    for (let step = random.between(1, 6); step > 0; step -= 1) {
      await recording.append(random.between(1, 3 * MIB));
      if (random.chance(0.4)) await recording.overwrite(random.between(0, 64), content(40, step));
      await pause(random.between(0, 1_500));
    }
    await recording.close();
  });
  const long = await Recording.start(test, name('long'), { seed: 10 * round + 9 });
  await long.append(CHUNK_BYTES + 1);
  return { names, writing: Promise.all(writing), long };
}

export interface Round {
  /** From SIGSTOP until the other one carried. */
  readonly takeoverMs: number;
  readonly files: number;
  /** Of the streams, as the carrier was stopped. */
  readonly states: readonly string[];
}

/** Plays one round; the hosts have changed their parts afterwards. Throws what is wrong. */
export async function playRound(test: OwnerTest, hosts: TwoHosts, random: Random, round: number): Promise<Round> {
  const { carrier: former, standby: next } = hosts;
  const { names, writing, long } = await startWriters(test, hosts, random, round);
  await pause(random.between(0, 6_000));
  const states = (await former.streams()).map(({ state }) => state);
  const stoppedAtMs = Date.now();
  former.signal('SIGSTOP');
  await long.append(MIB);
  await untilCarrying(next);
  const takeoverMs = Date.now() - stoppedAtMs;
  await pause(random.between(0, 4_000));
  former.signal('SIGCONT');
  const ended = await former.ended();
  if (ended.exitCode !== EXIT_TEMPORARY) throw new Error(`who lost its lease ended with ${JSON.stringify(ended)}`);
  if (!/is carried by host-/.test(former.log())) throw new Error('who lost its lease does not say who has it');
  await writing;
  await long.append(MIB);
  await long.close();
  for (const name of names) await next.waitForState(name, 'completed');
  await checkAll(hosts.scene, next);
  [hosts.carrier, hosts.standby] = [next, former];
  await former.start({ until: 'listening' });
  return { takeoverMs, files: names.length, states };
}

/** Every file of the folder is its object, each upload was completed once, and Redis shows it so. */
async function checkAll(scene: Scene, daemon: Daemon): Promise<void> {
  const streams = await daemon.streams();
  for (const { path, key, generation, completion } of streams) {
    const [file, object] = [await fileOf(path), await scene.s3.objectOf(key ?? '')];
    if (object?.sha256 !== file.sha256) throw new Error(`${basename(path)} generation ${generation} is not its object`);
    if (completion?.etag.replaceAll('"', '') !== object.etag.replaceAll('"', ''))
      throw new Error(`${basename(path)} was proven as ${completion?.etag}, the object is ${object.etag}`);
  }
  const keys = (await scene.s3.keys()).filter((key) => !key.endsWith('.metadata.json'));
  const wanted = streams.map(({ key }) => key ?? '').sort();
  if (keys.toSorted().join() !== wanted.join())
    throw new Error(`objects ${keys.join()}, streams want ${wanted.join()}`);
  const open = await scene.s3.openUploads();
  const left = new Set(streams.flatMap(({ leftUploads }) => leftUploads.map(({ uploadId }) => String(uploadId))));
  const strays = open.filter(({ uploadId }) => !left.has(uploadId));
  if (strays.length > 0) throw new Error(`open uploads that nobody lists: ${JSON.stringify(strays)}`);
  await checkCompletes(scene);
  await checkRegistry(
    scene,
    streams.map(({ id }) => id),
  );
}

/** Two Completes of one upload never both made an object. */
async function checkCompletes(scene: Scene): Promise<void> {
  const made = new Map<string, number>();
  for (const { operation, uploadId, etag } of await scene.s3.requests())
    if (operation === 'CompleteMultipartUpload' && etag !== null && uploadId !== null)
      made.set(uploadId, (made.get(uploadId) ?? 0) + 1);
  const twice = [...made].filter(([, times]) => times > 1);
  if (twice.length > 0) throw new Error(`uploads that were completed twice: ${JSON.stringify(twice)}`);
}

async function checkRegistry({ redis }: Scene, ids: readonly string[]): Promise<void> {
  const client = new Redis(redis?.url ?? '');
  try {
    for (const id of ids)
      await until(`Redis shows ${id} as completed`, async () => {
        const [status, isThere] = [
          await client.hget(`stream:${id}:meta`, 'status'),
          await client.sismember('streams:completed', id),
        ];
        return status === 'completed' && isThere === 1 ? true : null;
      });
  } finally {
    client.disconnect();
  }
}
