// What the verbs about one stream have in common: its id, which may be short, and who knows of it: the daemon, else the journal.

import { InvalidArgumentError } from 'commander';
import type { DaemonFile } from '../http/daemon-file.ts';
import { plainText } from '../plain-text.ts';
import type { StreamView } from '../ports/stream-view.ts';
import { createReadModel } from '../read-model/read-model.ts';
import { lookAtDaemon, type Refused } from './ask-daemon.ts';
import { EXIT } from './exit-codes.ts';
import { viewOfRecord } from './record-view.ts';
import type { World } from './world.ts';

/** As the API takes them. */
export function streamIdArgument(text: string): string {
  const id = text.trim().toLowerCase();
  if (/^[0-9a-f]{4,32}$/.test(id)) return id;
  throw new InvalidArgumentError('An id has 32 hex digits; its first four or more do. `tailrace status` shows them.');
}

export type Found =
  | { readonly kind: 'found'; readonly view: StreamView }
  | { readonly kind: 'nobody' }
  /** Told already. */
  | { readonly kind: 'failed'; readonly exitCode: number };

export async function findStream(daemonFile: DaemonFile | null, id: string, world: World): Promise<Found> {
  if (daemonFile === null) return { kind: 'nobody' };
  const asked = await lookAtDaemon(daemonFile, `/api/v1/streams/${id}`);
  if (asked.kind === 'answered') return { kind: 'found', view: asked.content as StreamView };
  if (asked.kind === 'nobody') return asked;
  return { kind: 'failed', exitCode: tellFailure(asked, daemonFile, world) };
}

/** Why the daemon did not do it, in a line; the exit code. */
export function tellFailure(
  asked: Refused | { readonly kind: 'trouble'; readonly detail: string },
  { pid }: DaemonFile,
  world: World,
): number {
  if (asked.kind === 'trouble') {
    world.talk(`The daemon (pid ${pid}) cannot be asked: ${plainText(asked.detail)}.\n`);
    return EXIT.temporary;
  }
  world.talk(`${plainText(asked.message)}\n`);
  return asked.status === 503 ? EXIT.temporary : EXIT.failure;
}

/** The stream as the journal remembers it. */
export async function findInJournal(stateDir: string, id: string, world: World): Promise<Found> {
  const { readJournal } = await world.compose();
  const records = await readJournal(stateDir);
  if (!records.ok) {
    const detail = plainText(records.failure.detail);
    world.talk(`No daemon runs for ${plainText(stateDir)}, and its journal cannot be read: ${detail}\n`);
    return { kind: 'failed', exitCode: EXIT.unavailable };
  }
  const readModel = createReadModel();
  for (const record of records.value) readModel.streamChanged(viewOfRecord(record));
  const view = readModel.one(id);
  if (view) return { kind: 'found', view };
  world.talk(`No daemon runs for ${plainText(stateDir)}; in its journal no stream, or more than one, has this id.\n`);
  return { kind: 'failed', exitCode: EXIT.failure };
}
