// `tailrace run`: the daemon in the foreground. The first SIGTERM or SIGINT drains, the second hurries.

import { mkdir } from 'node:fs/promises';
import { loadConfig } from '../config.ts';
import { formatProblems } from '../config-problems.ts';
import type { Flags } from '../config-sources.ts';
import { formatDuration } from '../config-values.ts';
import type { Daemon } from './daemon.ts';
import { type EndSignal, EXIT, exitCodeOfSignal } from './exit-codes.ts';
import { say, type World } from './world.ts';

export interface RunOptions {
  readonly flags: Flags;
  readonly file?: string;
  readonly once: boolean;
  readonly embedded: boolean;
}

export async function run(options: RunOptions, world: World): Promise<number> {
  const { flags, file, embedded, once } = options;
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
  const ending = listenForEnd(world, config.shutdownGraceMs);
  try {
    const { startDaemon } = await world.compose();
    const started = await startDaemon(config, { embedded, once });
    if (!started.ok) {
      world.talk(`tailrace cannot start: ${started.message}\n`);
      return started.exitCode;
    }
    for (const line of started.daemon.describe()) say(world, line);
    ending.attach(started.daemon);
    const { exitCode } = await started.daemon.finished;
    return ending.exitCode() ?? exitCode;
  } finally {
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
