// Which uploads some stream owns: those that a stream names, those that it left behind and still lists, and every upload for a key of a
// stream that lives (its upload may be open and its id not yet on record). Asked of the running daemon, else read from the journal;
// of the registry too, which knows the streams of other daemons.
//
// Whatever makes this knowledge incomplete is a reason not to abort anything.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config/schema.ts';
import { readDaemonFile } from '../../http/daemon-file.ts';
import { objectKey } from '../../machines/object-key.ts';
import { isFinal } from '../../machines/stream-status.ts';
import type { ListedUpload } from '../../ports/object-store.ts';
import type { StreamView } from '../../ports/stream-view.ts';
import { viewOfRecord } from '../record-view.ts';
import { gatherStreams } from '../streams-reply.ts';
import type { JournalLooked, LockedJournal, Tools } from '../tools.ts';

export interface Owners {
  /** Whose upload it is and why, in words; null: no stream's that we know of. */
  ownerOf(upload: ListedUpload): string | null;
  /** Why nothing may be aborted by this knowledge, each in one sentence; empty: it is whole. */
  readonly doubts: readonly string[];
  /** Where it comes from, for people. */
  readonly source: string;
}

export type OwnersSettings = Pick<
  Config,
  'stateDir' | 's3BucketName' | 's3KeyPrefix' | 's3KeyTemplate' | 'redisUrl' | 'redisKeyPrefix'
>;

export type FoundOwners =
  | { readonly ok: true; readonly owners: Owners }
  | { readonly ok: false; readonly detail: string };

interface Known {
  readonly streams: readonly StreamView[];
  readonly doubts: readonly string[];
  readonly source: string;
}

/** `journal`: as we found it when we began; what is open is held by us. */
export async function findOwners(
  settings: OwnersSettings,
  journal: JournalLooked,
  uploads: readonly ListedUpload[],
  tools: Tools,
): Promise<FoundOwners> {
  const local =
    journal.kind === 'open'
      ? fromJournal(settings, journal.journal, uploads)
      : await fromDaemon(settings.stateDir, journal);
  if (!('streams' in local)) return { ok: false, detail: local.detail };
  const registry = await fromRegistry(settings, tools);
  const streams = [...local.streams, ...registry.streams];
  const doubts = [...local.doubts, ...registry.doubts];
  return { ok: true, owners: { ownerOf: ownership(settings, streams), doubts, source: local.source } };
}

type NotOpen = Exclude<JournalLooked, { readonly kind: 'open' }>;

async function fromDaemon(stateDir: string, journal: NotOpen): Promise<Known | { readonly detail: string }> {
  const file = await readDaemonFile(stateDir);
  const gathered = file === null ? ({ kind: 'nobody' } as const) : await gatherStreams(file);
  if (gathered.kind === 'trouble')
    return { detail: `the daemon (pid ${file?.pid}) cannot be asked: ${gathered.detail}` };
  if (gathered.kind === 'nobody') return withoutDaemon(stateDir, journal);
  const { streams, daemon } = gathered.reply;
  const recovering = streams.filter(({ state }) => state.startsWith('recovering')).length;
  const doubts: string[] = [];
  if (daemon?.phase !== 'running')
    doubts.push(`the daemon is ${daemon?.phase ?? 'in an unknown phase'}: wait until it runs`);
  if (recovering > 0) doubts.push(`${recovering} of its streams recover and may find their uploads yet: wait for them`);
  const madeAtMs = journalMadeAtMs(stateDir);
  if (madeAtMs === null || madeAtMs >= (daemon?.startedAtMs ?? 0))
    doubts.push(
      'its journal was made anew in this run, so what it began before is not remembered: let its streams recover, restart the daemon, then try again',
    );
  return { streams, doubts, source: `the daemon (pid ${file?.pid})` };
}

function withoutDaemon(stateDir: string, journal: NotOpen): Known | { readonly detail: string } {
  if (journal.kind === 'held')
    return { detail: `${stateDir} is in use by ${journal.holder}, which cannot be asked: try again later` };
  if (journal.kind === 'trouble') return { detail: `the journal cannot be read: ${journal.detail}` };
  const doubt = `there is no journal in ${stateDir}, so it is not known which uploads have an owner: give the --state-dir of your daemon`;
  return { streams: [], doubts: [doubt], source: 'nothing: no daemon, no journal' };
}

function fromJournal(settings: OwnersSettings, journal: LockedJournal, uploads: readonly ListedUpload[]): Known {
  const { records, unreadable } = journal;
  const doubts: string[] = [];
  if (unreadable > 0)
    doubts.push(`${unreadable} records of the journal cannot be read: start the daemon, which rebuilds them`);
  if (records.length === 0 && uploads.length > 0)
    doubts.push('the journal is empty, but the bucket has uploads: is this the STATE_DIR of your daemon?');
  const madeAtMs = journalMadeAtMs(settings.stateDir);
  const older = uploads.filter(({ initiatedAtMs }) => madeAtMs === null || initiatedAtMs < madeAtMs).length;
  if (older > 0)
    doubts.push(
      `${older} uploads are older than the journal, which cannot know them: start the daemon, let its streams recover, restart it, then try again while it runs`,
    );
  return { streams: records.map(viewOfRecord), doubts, source: 'the journal (no daemon runs)' };
}

/** Null: not known. A journal that was lost and made again is younger than what it forgot. */
function journalMadeAtMs(stateDir: string): number | null {
  const stat = statSync(join(stateDir, 'journal.sqlite'), { throwIfNoEntry: false });
  return stat && stat.birthtimeMs > 0 ? stat.birthtimeMs : null;
}

async function fromRegistry(settings: OwnersSettings, tools: Tools): Promise<Omit<Known, 'source'>> {
  const read = await tools.readRegistry(settings);
  if (read === null) return { streams: [], doubts: [] };
  if (!read.ok) {
    const doubt = `the registry (REDIS_URL), which knows the streams of other daemons, does not answer: ${read.failure.detail}`;
    return { streams: [], doubts: [doubt] };
  }
  const { records, unreadable } = read.value;
  const doubts = unreadable > 0 ? [`${unreadable} records of the registry cannot be read by this version`] : [];
  return { streams: records.map(viewOfRecord), doubts };
}

function ownership(settings: OwnersSettings, streams: readonly StreamView[]): Owners['ownerOf'] {
  const byUpload = new Map<string, string>();
  const byKey = new Map<string, string>();
  for (const view of streams) {
    const name = `stream ${view.id.slice(0, 8)} (${view.path})`;
    for (const left of view.leftUploads) byUpload.set(left.uploadId, `left by ${name}: ${left.why}`);
    if (view.uploadId) byUpload.set(view.uploadId, name);
    if (isFinal(view.state)) continue;
    for (const key of keysOf(view, settings)) byKey.set(key, `the key is that of ${name}`);
  }
  return ({ key, uploadId }) => byUpload.get(uploadId) ?? byKey.get(key) ?? byKey.get(withoutVariant(key)) ?? null;
}

/** `take~2.mp4` -> `take.mp4`: a stream that just opens an upload may have had to take the second name. */
const withoutVariant = (key: string): string => key.replace(/~\d+(?=(\.[^./]*)?$)/, '');

/** The key under which its upload is or may be open. */
function keysOf(view: StreamView, { s3KeyPrefix: keyPrefix, s3KeyTemplate: keyTemplate }: OwnersSettings): string[] {
  const derived = objectKey({ keyPrefix, keyTemplate }, view.folder, view.path);
  return view.key === null ? [derived] : [view.key, derived];
}
