// The built daemon as a process of a test: started, killed, drained, restarted on the same STATE_DIR, and asked over its API.

import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { StreamView } from '../../../src/ports/stream-view.ts';
import { COMPILE_CACHE } from '../../fixtures/compile-cache.ts';
import { builtProgram } from './built-program.ts';
import { type Ended, type OwnedProcess, type OwnerTest, ownProcess } from './owned-processes.ts';
import { DEADLINE_MS, pause, until } from './waiting.ts';

/** How much of the log a failed test shows. */
const LOG_TAIL_CHARS = 6_000;
/** Who asks for a look within this time shares it. */
const GATHER_MS = 20;

/**
 * Root may read everything by its capabilities, not by being the owner: without them it is an ordinary user of its own files, who
 * can still reach a checkout that only root may enter. `setpriv` (util-linux) becomes the daemon, so the pid is the daemon's.
 */
const DROP_PRIVILEGES = process.geteuid?.() === 0 ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--'] : [];

export type Settings = Readonly<Record<string, string>>;

export interface StartOptions {
  /** Added to, or instead of, the settings it had. They stay for later restarts. */
  readonly settings?: Settings;
  /** `ready`: it watches and S3 answers (the default). `listening`: its API answers. `nothing`: the process exists. */
  readonly until?: 'ready' | 'listening' | 'nothing';
  /** More words for the command line, for example `['--once']`. */
  readonly args?: readonly string[];
  /** Without root's power over files it does not own or may not read. Stays for later restarts. */
  readonly withoutPrivileges?: boolean;
  /** A program to run instead of the built one. Stays for later restarts. */
  readonly program?: string;
}

export type Wanted = string | ((stream: StreamView) => boolean);

export class Daemon {
  readonly stateDir: string;
  readonly #test: OwnerTest;
  #settings: Settings;
  #withoutPrivileges = false;
  #program: string | null = null;
  #process: OwnedProcess | null = null;
  #formerLog = '';
  #address = '';
  #nextLook: Promise<readonly StreamView[]> | null = null;

  constructor(test: OwnerTest, settings: Settings) {
    this.#test = test;
    this.#settings = settings;
    this.stateDir = settings['STATE_DIR'] ?? '';
    test.onTestFailed(() => {
      process.stderr.write(`--- the daemon's log, its end ---\n${this.log().slice(-LOG_TAIL_CHARS)}\n---\n`);
    });
  }

  get pid(): number {
    return this.#live().pid;
  }

  /** `http://127.0.0.1:PORT`, another one after each start. */
  get address(): string {
    return this.#address;
  }

  /** Of all its runs. */
  log(): string {
    return this.#formerLog + (this.#process?.output() ?? '');
  }

  /** null: it runs. */
  hasEnded(): Ended | null {
    return this.#process?.hasEnded() ?? null;
  }

  async start(options: StartOptions = {}): Promise<void> {
    if (this.#process && !this.#process.hasEnded()) throw new Error('the daemon runs already');
    this.#settings = { ...this.#settings, ...options.settings };
    this.#withoutPrivileges = options.withoutPrivileges ?? this.#withoutPrivileges;
    this.#formerLog = this.log();
    this.#program = options.program ?? this.#program;
    const { main } = await builtProgram();
    // The environment is only what is given: a developer's own settings must not decide a test.
    const env = { PATH: process.env['PATH'] ?? '', ...COMPILE_CACHE, HOME: this.stateDir, ...this.#settings };
    const node = [process.execPath, this.#program ?? main, 'run', ...(options.args ?? [])];
    const [program = '', ...args] = this.#withoutPrivileges ? [...DROP_PRIVILEGES, ...node] : node;
    this.#process = ownProcess(this.#test, program, args, { env });
    const wanted = options.until ?? 'ready';
    if (wanted === 'nothing') return;
    await this.#findAddress();
    if (wanted === 'ready') {
      await this.#until(
        'the daemon is ready',
        async () => ((await this.#get('/readyz')).ok ? true : null),
        DEADLINE_MS,
      );
    }
  }

  /** Ends it with the signal and waits for its end. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Ended> {
    return this.#process ? await this.#process.end(signal) : { exitCode: null, signal: null };
  }

  /** SIGTERM once; resolves to the exit code. */
  async drain(): Promise<number | null> {
    return (await this.kill('SIGTERM')).exitCode;
  }

  /** Sends a signal and waits for nothing. */
  signal(signal: NodeJS.Signals): void {
    this.#live().child.kill(signal);
  }

  /** kill -9, and a new process on the same folders. */
  async restart(options: StartOptions = {}): Promise<void> {
    await this.kill();
    await this.start(options);
  }

  /** Resolves when it ends by itself. */
  async ended(): Promise<Ended> {
    return await (this.#process?.ended ?? Promise.resolve({ exitCode: null, signal: null }));
  }

  async json(path: string): Promise<unknown> {
    const reply = await this.#get(path);
    if (!reply.ok) throw new Error(`GET ${path}: ${reply.status} ${await reply.text()}`);
    return reply.json();
  }

  async text(path: string): Promise<string> {
    return (await this.#get(path)).text();
  }

  /** All of them, by pages. */
  async streams(): Promise<readonly StreamView[]> {
    const streams: StreamView[] = [];
    let after: string | null = null;
    do {
      const query = `/api/v1/streams?limit=1000${after === null ? '' : `&after=${after}`}`;
      const page = (await this.json(query)) as { streams: StreamView[]; next: string | null };
      streams.push(...page.streams);
      after = page.next;
    } while (after !== null);
    return streams;
  }

  /** One look for all who ask for one meanwhile; it begins after they did. Dozens of pollers would be a load of their own. */
  #sharedLook(): Promise<readonly StreamView[]> {
    this.#nextLook ??= pause(GATHER_MS).then(() => {
      this.#nextLook = null;
      return this.streams();
    });
    return this.#nextLook;
  }

  /** `which`: id, absolute path, or last name of the path. null: none. */
  async stream(which: string): Promise<StreamView | null> {
    return (await this.streams()).find((each) => isMeant(each, which)) ?? null;
  }

  /**
   * Polls until a stream is meant by `which` and is in the state: a status (`completed`), a dotted state or its beginning
   * (`active`, `finalizing.verifying`), or whatever the predicate says.
   */
  async waitForState(which: string, wanted: Wanted, deadlineMs = DEADLINE_MS): Promise<StreamView> {
    let seen: readonly StreamView[] = [];
    return this.#until(
      `${which} is ${typeof wanted === 'string' ? wanted : 'as wanted'}`,
      async () => {
        seen = await this.#sharedLook();
        return seen.find((each) => isMeant(each, which) && isAsWanted(each, wanted)) ?? null;
      },
      deadlineMs,
      () => `Seen last: ${JSON.stringify(seen.filter((each) => isMeant(each, which)))}`,
    );
  }

  /** Polls until all streams together are as wanted. */
  async waitForStreams(
    what: string,
    wanted: (streams: readonly StreamView[]) => boolean,
    deadlineMs = DEADLINE_MS,
  ): Promise<readonly StreamView[]> {
    let seen: readonly StreamView[] = [];
    return this.#until(
      what,
      async () => {
        seen = await this.#sharedLook();
        return wanted(seen) ? seen : null;
      },
      deadlineMs,
      () =>
        `Seen last: ${JSON.stringify(seen.map(({ path, state, status }) => ({ path: basename(path), state, status })))}`,
    );
  }

  async waitForLog(words: string | RegExp, deadlineMs = DEADLINE_MS): Promise<void> {
    const isThere = () => (typeof words === 'string' ? this.log().includes(words) : words.test(this.log()));
    await this.#until(`the log says ${words}`, () => (isThere() ? true : null), deadlineMs);
  }

  async #findAddress(): Promise<void> {
    const { pid } = this.#live();
    this.#address = await this.#until('the daemon listens', async () => {
      const text = await readFile(join(this.stateDir, 'daemon.json'), 'utf8').catch(() => '');
      const file = text === '' ? null : (JSON.parse(text) as { pid: number; address: string });
      return file?.pid === pid ? file.address : null;
    });
  }

  /** Waiting ends at once when the daemon does: what is waited for cannot come any more. */
  #until<T>(
    what: string,
    look: () => Promise<T | null> | T | null,
    deadlineMs = DEADLINE_MS,
    lastSeen?: () => string,
  ): Promise<T> {
    return until(
      what,
      async () => {
        const ended = this.hasEnded();
        if (ended) throw new Error(`${what}: the daemon has ended with ${JSON.stringify(ended)}`);
        return await look();
      },
      deadlineMs,
      lastSeen,
    );
  }

  #get(path: string): Promise<Response> {
    return fetch(`${this.#address}${path}`, { signal: AbortSignal.timeout(DEADLINE_MS) });
  }

  #live(): OwnedProcess {
    if (!this.#process || this.#process.hasEnded()) throw new Error('the daemon does not run');
    return this.#process;
  }
}

const isMeant = (stream: StreamView, which: string): boolean =>
  stream.id === which || stream.path === which || stream.path.slice(stream.path.lastIndexOf('/') + 1) === which;

function isAsWanted(stream: StreamView, wanted: Wanted): boolean {
  if (typeof wanted === 'function') return wanted(stream);
  return stream.status === wanted || stream.state === wanted || stream.state.startsWith(`${wanted}.`);
}
