// The built daemon as a child process against a sink: started with what a benchmark sets, ended by its own drain.
//
// Built into .cache/bench/dist, so that measuring and working on the sources do not disturb each other.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { cpuMsOf } from './processes.ts';
import type { Sink } from './sink.ts';
import type { WorkFolder } from './work-folder.ts';

const LAUNCHER = fileURLToPath(new URL('../.cache/bench/bin/tailrace.js', import.meta.url));
export const DIST = fileURLToPath(new URL('../.cache/bench/dist/', import.meta.url));

export interface DaemonSetup {
  /** Environment names of the contract. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Arguments of Node itself. */
  readonly node?: readonly string[];
  /** One that is over: the same folders again. */
  readonly after?: Daemon;
}

/** One line of the log, as far as a benchmark reads it. */
interface Moved {
  readonly state: string;
  readonly atMs: number;
}

interface Folders {
  readonly watched: string;
  readonly stateDir: string;
}

const START_MS = 60_000;

export class Daemon {
  readonly watched: string;
  readonly pid: number;
  /** From its start until /readyz said yes, of the clock and of its CPU. */
  readonly readyAfter: { readonly ms: number; readonly cpuMs: number };
  readonly #stateDir: string;
  readonly #process: ChildProcess;
  readonly #address: string;
  readonly #log: string[];

  private constructor(child: ChildProcess, folders: Folders, address: string, log: string[], startedMs: number) {
    this.#process = child;
    this.watched = folders.watched;
    this.#stateDir = folders.stateDir;
    this.readyAfter = { ms: performance.now() - startedMs, cpuMs: cpuMsOf(child.pid ?? 0) };
    this.pid = child.pid ?? 0;
    this.#address = address;
    this.#log = log;
  }

  /** Resolves when it watches and has settled: what starting costs is over. */
  static async start(work: WorkFolder, sink: Sink, setup: DaemonSetup = {}): Promise<Daemon> {
    const { after } = setup;
    const watched = after?.watched ?? work.folder('watched');
    const stateDir = after === undefined ? work.folder('state') : after.#stateDir;
    // A killed daemon leaves its address.
    rmSync(join(stateDir, 'daemon.json'), { force: true });
    const startedMs = performance.now();
    const child = spawn(process.execPath, [...(setup.node ?? []), LAUNCHER, 'run'], {
      env: {
        PATH: process.env['PATH'],
        HOME: work.path,
        WATCH_DIR: watched,
        STATE_DIR: stateDir,
        S3_BUCKET_NAME: 'bench',
        S3_ENDPOINT_URL: sink.endpoint,
        S3_ACCESS_KEY_ID: 'bench',
        S3_SECRET_ACCESS_KEY: 'bench-secret',
        PROM_PORT: '0',
        ...setup.settings,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const log: string[] = [];
    child.stderr?.setEncoding('utf8').on('data', (text: string) => log.push(text));
    const deadlineMs = Date.now() + START_MS;
    while (Date.now() < deadlineMs && child.exitCode === null) {
      const address = await addressIn(stateDir);
      if (address && (await isReady(address))) {
        const daemon = new Daemon(child, { watched, stateDir }, address, log, startedMs);
        await wait(1500);
        return daemon;
      }
      await wait(50);
    }
    child.kill('SIGKILL');
    throw new Error(`the daemon did not start:\n${log.join('')}`);
  }

  async metrics(): Promise<string> {
    return await (await fetch(`${this.#address}/metrics`, { headers: { connection: 'close' } })).text();
  }

  /** When each state was entered, of the only stream; needs LOG_LEVEL=debug. */
  moves(): readonly Moved[] {
    const moves: Moved[] = [];
    for (const line of this.#log.join('').split('\n')) {
      if (!line.startsWith('{')) continue;
      const { state, time } = JSON.parse(line) as { state?: string; time?: string | number };
      if (state !== undefined && time !== undefined) moves.push({ state, atMs: new Date(time).getTime() });
    }
    return moves;
  }

  /** Streams by state. */
  async streams(): Promise<ReadonlyMap<string, number>> {
    const found = (await this.metrics()).matchAll(/^tailrace_streams\{[^}]*state="([^"]*)"[^}]*\} (\d+)/gm);
    return new Map([...found].map(([, state = '', count]) => [state, Number(count)]));
  }

  /** What the API lists, all pages. */
  async listed(): Promise<readonly { readonly path: string; readonly sizeBytes: number }[]> {
    const all: { path: string; sizeBytes: number }[] = [];
    for (let after: string | null = ''; after !== null; ) {
      const from: string = after === '' ? '' : `&after=${after}`;
      const page: Response = await fetch(`${this.#address}/api/v1/streams?limit=500${from}`, {
        headers: { connection: 'close' },
      });
      const { streams, next } = (await page.json()) as { streams: typeof all; next: string | null };
      all.push(...streams);
      after = next;
    }
    return all;
  }

  /** By its own pid, drained. */
  end(): Promise<void> {
    return this.#endBy('SIGTERM');
  }

  kill(): Promise<void> {
    return this.#endBy('SIGKILL');
  }

  async #endBy(signal: NodeJS.Signals): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.kill(signal);
    await ended;
  }
}

async function addressIn(stateDir: string): Promise<string | null> {
  try {
    return (JSON.parse(await readFile(join(stateDir, 'daemon.json'), 'utf8')) as { address: string }).address;
  } catch {
    return null;
  }
}

async function isReady(address: string): Promise<boolean> {
  const reply = await fetch(`${address}/readyz`).catch(() => null);
  await reply?.body?.cancel();
  return reply?.status === 200;
}
