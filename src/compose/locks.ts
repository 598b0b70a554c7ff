// The locks of this host: one daemon per STATE_DIR, and per watched folder.
//
// C1. A second daemon on the same folder or STATE_DIR is refused with the holder's name, before anything is opened. With STANDBY the
//     folders are waited for instead, later and together with their leases (src/actors/standby.ts); STATE_DIR never is.

import type { DaemonOptions } from '../actors/world.ts';
import { findFolder, makeFolder } from '../adapters/fs-folder.ts';
import { createSocketLock } from '../adapters/socket-lock.ts';
import { EXIT } from '../cli/exit-codes.ts';
import type { Config } from '../config/schema.ts';
import type { HeldLock, Lock } from '../ports/lock.ts';
import { CannotStart } from './ports.ts';
import { lockHolderOf } from './world.ts';

export interface Locked {
  readonly folders: DaemonOptions['folders'];
  /** null: all are held. */
  readonly folderLock: Lock | null;
}

/** `onHeld` takes each lock, to be given back at the end. Throws `CannotStart`. */
export async function takeLocks(
  config: Config,
  given: Lock | undefined,
  onHeld: (lock: HeldLock) => void,
): Promise<Locked> {
  const state = await makeFolder(config.stateDir);
  if (!state.ok) throw new CannotStart(EXIT.unavailable, `STATE_DIR ${state.problem}`);
  const folders: { path: string; id: string }[] = [];
  for (const path of config.watchFolders) {
    const folder = await findFolder(path);
    if (!folder.ok) throw new CannotStart(EXIT.configuration, folder.problem);
    folders.push({ path, id: folder.id });
  }
  const holder = lockHolderOf(config);
  const lock = given ?? createSocketLock();
  const wanted = [
    { path: config.stateDir, id: state.id, what: 'STATE_DIR' },
    ...(config.standby ? [] : folders.map((folder) => ({ ...folder, what: 'the folder' }))),
  ];
  for (const { path, id, what } of wanted) {
    const taken = await lock.acquire(id, holder);
    if (!taken.ok) throw new CannotStart(EXIT.unavailable, taken.failure.detail);
    if (!taken.value.held)
      throw new CannotStart(EXIT.temporary, `${what} ${path} is in use by another daemon: ${taken.value.holder}`);
    onHeld(taken.value.lock);
  }
  return { folders, folderLock: config.standby ? { acquire: (name) => lock.acquire(name, holder) } : null };
}
