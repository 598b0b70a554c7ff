// Where the verbs that ask a daemon look for it: STATE_DIR, and the file in it that tells where the daemon listens.

import { existsSync } from 'node:fs';
import { loadStateDir } from '../config/load-config.ts';
import { formatProblems } from '../config/problems.ts';
import { type DaemonFile, readDaemonFile } from '../http/daemon-file.ts';
import { plainText } from '../plain-text.ts';
import { EXIT } from './exit-codes.ts';
import type { ConfigOptions } from './verb.ts';
import type { World } from './world.ts';

export type StateDirFound =
  /** `daemonFile`: null when no daemon runs; one that was killed leaves its file behind. */
  | { readonly ok: true; readonly stateDir: string; readonly daemonFile: DaemonFile | null }
  | { readonly ok: false; readonly exitCode: number };

/** Tells what is wrong, if something is. */
export async function findStateDir({ flags, file }: ConfigOptions, world: World): Promise<StateDirFound> {
  const loaded = loadStateDir({ flags, env: world.env, cwd: world.cwd, ...(file === undefined ? {} : { file }) });
  if (!loaded.ok) {
    world.talk(formatProblems(loaded.problems));
    return { ok: false, exitCode: EXIT.configuration };
  }
  const { stateDir } = loaded;
  if (!existsSync(stateDir)) {
    world.talk(
      `There is no ${plainText(stateDir)}: no daemon ever ran with this STATE_DIR. Give the --state-dir of yours.\n`,
    );
    return { ok: false, exitCode: EXIT.unavailable };
  }
  return { ok: true, stateDir, daemonFile: await readDaemonFile(stateDir) };
}
