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
  const { startDaemon } = await world.compose();
  const started = await startDaemon(config, { embedded, once });
  if (!started.ok) {
    world.talk(`tailrace cannot start: ${started.message}\n`);
    return started.exitCode;
  }
  for (const line of started.daemon.describe()) say(world, line);
  return untilFinished(started.daemon, world, config.shutdownGraceMs);
}

/** Passes signals on until the daemon has ended. */
export async function untilFinished(daemon: Daemon, world: World, graceMs: number): Promise<number> {
  let signals = 0;
  let hurriedBy: EndSignal | null = null;
  const stopListening = world.onSignal((signal) => {
    signals += 1;
    if (signals === 1) {
      say(world, `${signal}: draining for up to ${formatDuration(graceMs)}; a second signal hurries`);
      daemon.drain();
    } else if (hurriedBy === null) {
      hurriedBy = signal;
      say(world, `${signal} again: ending now; what is in flight is sent again at the next start`);
      daemon.hurry();
    }
  });
  const { exitCode } = await daemon.finished;
  stopListening();
  return hurriedBy === null ? exitCode : exitCodeOfSignal(hurriedBy);
}
