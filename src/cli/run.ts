// `tailrace run`: the daemon in the foreground. The first SIGTERM or SIGINT drains, the second hurries.

import { mkdir } from 'node:fs/promises';
import { loadConfig } from '../config/load-config.ts';
import { formatProblems } from '../config/problems.ts';
import type { Config } from '../config/schema.ts';
import { formatDuration } from '../config/values.ts';
import { addConfigFlags } from './config-flags.ts';
import type { Daemon, StartOptions } from './daemon.ts';
import { type EndSignal, EXIT, exitCodeOfSignal } from './exit-codes.ts';
import { LiveLines } from './live-lines.ts';
import { showProgress } from './live-progress.ts';
import { type ConfigOptions, configOptions, isSet, type Options, type RegisterVerb } from './verb.ts';
import { say, type World } from './world.ts';

export interface RunOptions extends ConfigOptions {
  readonly once: boolean;
  readonly embedded: boolean;
  readonly inspect?: boolean;
}

/** Where the terminal does not say. */
const DEFAULT_COLUMNS = 80;

export const registerRun: RegisterVerb = ({ program, world, ended }) =>
  addConfigFlags(
    program
      .command('run')
      .description('the daemon; SIGTERM or SIGINT drains, a second one hurries')
      .option('--once', 'carry what is there until all streams are final, then end')
      .option('--embedded', 'with an S3 endpoint of its own in STATE_DIR; makes the watched folder')
      .option('--inspect', 'let the Stately inspector attach to the actors, on loopback (docs/inspecting.md)')
      .action(async (options: Options) => {
        const is = (name: string) => isSet(options, name);
        const switches = { once: is('once'), embedded: is('embedded'), inspect: is('inspect') };
        ended(await run({ ...configOptions(options), ...switches }, world));
      }),
  );

export async function run(options: RunOptions, world: World): Promise<number> {
  const { flags, file, embedded, once, inspect = false } = options;
  const loaded = loadConfig({
    flags,
    env: world.env,
    cwd: world.cwd,
    embedded,
    ...(file === undefined ? {} : { file }),
  });
  if (!loaded.ok) {
    world.talk(formatProblems(loaded.problems));
    return EXIT.configuration;
  }
  const { config } = loaded;
  if (embedded) for (const folder of config.watchFolders) await mkdir(folder, { recursive: true });
  const live = world.terminal ? new LiveLines(world.talk, () => world.screen()?.columns ?? DEFAULT_COLUMNS) : null;
  return await runWith(
    config,
    { embedded, once, inspect },
    live,
    live ? { ...world, talk: live.log.bind(live) } : world,
  );
}

async function runWith(config: Config, options: StartOptions, live: LiveLines | null, world: World): Promise<number> {
  const ending = listenForEnd(world, config.shutdownGraceMs);
  let stopShowing = () => {};
  try {
    const { startDaemon } = await world.compose();
    const started = await startDaemon(config, { ...options, ...(live ? { log: live.asStream() } : {}) });
    if (!started.ok) {
      world.talk(`tailrace cannot start: ${started.message}\n`);
      return started.exitCode;
    }
    const { pageUrl, shown } = started.daemon;
    for (const line of started.daemon.describe()) say(world, line);
    // A log is read by others, and kept.
    if (world.terminal && pageUrl !== null) say(world, `the page: ${pageUrl}`);
    ending.attach(started.daemon);
    if (live) stopShowing = showProgress(shown, live);
    const { exitCode } = await started.daemon.finished;
    return ending.exitCode() ?? exitCode;
  } finally {
    stopShowing();
    ending.stop();
  }
}

interface Ending {
  /** From now on signals reach the daemon; those that came while it started, at once. */
  attach(daemon: Daemon): void;
  /** Not null: a second signal ended it. */
  exitCode(): number | null;
  stop(): void;
}

/** Listens before there is a daemon: a signal while it starts must not tear it down half started. */
function listenForEnd(world: World, graceMs: number): Ending {
  const signals: EndSignal[] = [];
  let daemon: Daemon | null = null;
  const pass = (count: number): void => {
    if (count >= 1) daemon?.drain();
    if (count >= 2) daemon?.hurry();
  };
  const stop = world.onSignal((signal) => {
    signals.push(signal);
    if (signals.length === 1) {
      say(world, `${signal}: draining for up to ${formatDuration(graceMs)}; a second signal hurries`);
    } else if (signals.length === 2) {
      say(world, `${signal} again: ending now; what is in flight is sent again at the next start`);
    }
    pass(signals.length);
  });
  return {
    attach(started) {
      daemon = started;
      pass(signals.length);
    },
    exitCode: () => (signals[1] === undefined ? null : exitCodeOfSignal(signals[1])),
    stop,
  };
}
