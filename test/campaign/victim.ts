// The daemon that is killed: each life a process of its own on the same folders, with or without a tripwire.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StreamView } from '../../src/ports/stream-view.ts';
import { type OwnedProcess, type OwnerTest, ownProcess } from '../system/harness/owned-processes.ts';
import { pause } from '../system/harness/waiting.ts';
import { CRASH_AT, CRASH_SKIP, type CrashPoint, PROGRAM } from './crash-points.ts';

export interface Trip {
  readonly point: CrashPoint;
  /** How often it is passed before. */
  readonly skip: number;
}

const MAIN = join(import.meta.dirname, 'crashing-main.ts');
const LOOK_EVERY_MS = 20;
/** Others are known to need 100 ms; this is a machine on which nothing else gets its turn. */
const ANSWER_MS = 10_000;

export class Victim {
  readonly #owner: OwnerTest;
  readonly #settings: Readonly<Record<string, string>>;
  readonly #program: string;
  readonly stateDir: string;
  life: OwnedProcess | null = null;
  /** Of the newest life, epoch ms; null while it runs. */
  endedAtMs: number | null = null;

  constructor(owner: OwnerTest, settings: Readonly<Record<string, string>>, program: string) {
    this.#owner = owner;
    this.#settings = settings;
    this.#program = program;
    this.stateDir = settings['STATE_DIR'] ?? '';
  }

  start(trip: Trip | null): OwnedProcess {
    const env = {
      PATH: process.env['PATH'] ?? '',
      // Half of what a start takes is compiling.
      NODE_COMPILE_CACHE: join(this.#program, '..', 'compiled'),
      HOME: this.stateDir,
      ...this.#settings,
      [PROGRAM]: this.#program,
      ...(trip ? { [CRASH_AT]: trip.point, [CRASH_SKIP]: String(trip.skip) } : {}),
    };
    const life = ownProcess(this.#owner, process.execPath, [MAIN, 'run'], { env });
    this.life = life;
    this.endedAtMs = null;
    void life.ended.then(() => {
      if (this.life === life) this.endedAtMs = Date.now();
    });
    return life;
  }

  /** Its address; null: it ended before. */
  async listening(life: OwnedProcess): Promise<string | null> {
    while (life.hasEnded() === null) {
      const address = this.#addressOf(life.pid);
      if (address !== null) return address;
      await pause(LOOK_EVERY_MS);
    }
    return null;
  }

  /** null: nobody answers any more. */
  async streams(): Promise<readonly StreamView[] | null> {
    const address = this.life && this.#addressOf(this.life.pid);
    if (!address) return null;
    const url = `${address}/api/v1/streams?limit=1000`;
    const reply = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => null);
    return reply?.ok ? ((await reply.json()) as { streams: StreamView[] }).streams : null;
  }

  #addressOf(pid: number): string | null {
    const path = join(this.stateDir, 'daemon.json');
    try {
      const file = JSON.parse(existsSync(path) ? readFileSync(path, 'utf8') : '{}') as {
        pid?: number;
        address?: string;
      };
      return file.pid === pid ? (file.address ?? null) : null;
    } catch {
      return null;
    }
  }
}
