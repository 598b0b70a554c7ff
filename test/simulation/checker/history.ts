// The event log, read once and indexed: contents that files had, requests and what became of them, moves of streams.

import type { StreamId } from '../../../src/machines/ids.ts';
import type { Evidence, Fault, FileState, Logged, S3Operation } from './evidence.ts';

type EventOf<K extends Logged['kind']> = Extract<Logged, { readonly kind: K }>;

/** `at`: place in the log. */
export interface Version {
  readonly at: number;
  readonly file: FileState;
}

export interface Request {
  readonly at: number;
  readonly sent: EventOf<'s3.sent'>;
  executed: EventOf<'s3.executed'> | null;
  executedAt: number | null;
  lost: boolean;
  answered: EventOf<'s3.answered'> | null;
}

export interface Move {
  readonly at: number;
  readonly event: EventOf<'stream'>;
}

export interface History {
  readonly versions: ReadonlyMap<StreamId, readonly Version[]>;
  /** When the last name of the stream's file went. */
  readonly unlinked: ReadonlyMap<StreamId, number>;
  readonly requests: ReadonlyMap<number, Request>;
  readonly moves: ReadonlyMap<StreamId, readonly Move[]>;
  /** Place of the last such fault. */
  readonly faults: ReadonlyMap<Fault, number>;
  /** Place of the last time that a daemon lost what it remembered, or part of it; -1: never. */
  readonly forgotAt: number;
  /** Streams whose upload the operator gave up. */
  readonly givenUp: ReadonlySet<StreamId>;
}

/** What makes a daemon count from what it finds. */
const FORGETS: readonly Fault[] = ['state_dir_lost', 'state_dir_rolled_back', 'record_damaged'];

export function historyOf({ events }: Evidence): History {
  const versions = new Map<StreamId, Version[]>();
  const unlinked = new Map<StreamId, number>();
  const requests = new Map<number, Request>();
  const moves = new Map<StreamId, Move[]>();
  const faults = new Map<Fault, number>();
  const givenUp = new Set<StreamId>();
  for (const [at, event] of events.entries()) {
    switch (event.kind) {
      case 'file.changed':
        listed(versions, event.file.streamId).push({ at, file: event.file });
        break;
      case 'file.unlinked':
        unlinked.set(event.streamId, at);
        break;
      case 'stream':
        listed(moves, event.streamId).push({ at, event });
        break;
      case 'fault':
        faults.set(event.what, at);
        break;
      case 'wish':
        if (event.wish === 'abort') givenUp.add(event.streamId);
        break;
      default:
        noteRequest(requests, at, event);
    }
  }
  const forgotAt = Math.max(...FORGETS.map((fault) => faults.get(fault) ?? -1));
  return { versions, unlinked, requests, moves, faults, forgotAt, givenUp };
}

function listed<K, V>(lists: Map<K, V[]>, key: K): V[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}

function noteRequest(requests: Map<number, Request>, at: number, event: Logged): void {
  if (event.kind === 's3.sent')
    requests.set(event.request, { at, sent: event, executed: null, executedAt: null, lost: false, answered: null });
  if (!('request' in event)) return;
  const request = requests.get(event.request);
  if (!request) return;
  if (event.kind === 's3.executed') {
    request.executed = event;
    request.executedAt = at;
  }
  if (event.kind === 's3.lost') request.lost = true;
  if (event.kind === 's3.answered') request.answered = event;
}

/** The content that a file had when its stat was this: the last one, where times are coarse. */
export function versionWith(
  history: History,
  id: StreamId,
  stat: Pick<FileState, 'sizeBytes' | 'mtimeNs' | 'ctimeNs'>,
  before: number,
): FileState | null {
  const same = (history.versions.get(id) ?? []).filter(
    ({ at, file }) =>
      at < before &&
      file.sizeBytes === stat.sizeBytes &&
      file.mtimeNs === stat.mtimeNs &&
      file.ctimeNs === stat.ctimeNs,
  );
  return same.at(-1)?.file ?? null;
}

/** What requests stored under a key until then, newest last. */
export const storedAt = (history: History, key: string, before: number): Request[] =>
  [...history.requests.values()]
    .filter(({ sent, executed, executedAt }) => sent.key === key && executed?.digest && (executedAt ?? 0) < before)
    .filter(({ sent }) => sent.operation === 'completeUpload' || sent.operation === 'putObject')
    .sort((a, b) => (a.executedAt ?? 0) - (b.executedAt ?? 0));

export const streamIn = (metadata: Readonly<Record<string, string>> | null): StreamId | null =>
  (metadata?.['tailrace-stream'] as StreamId | undefined) ?? null;
export const generationIn = (metadata: Readonly<Record<string, string>> | null): number =>
  Number(metadata?.['tailrace-generation'] ?? 0);

/** Sends a part, or has the server copy one. */
export const isPart = (operation: S3Operation): boolean => operation === 'uploadPart' || operation === 'copyPart';

/** Ids are long: their first digits are enough for a sentence. */
export const short = (id: string): string => id.slice(0, 8);
