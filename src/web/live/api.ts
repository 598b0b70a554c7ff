// The daemon's API as the page uses it: addresses, replies, and errors as sentences. Addresses are relative to the page, which may
// stand behind a proxy's prefix.

import type { HistoryEntry, PartsView } from '../../ports/stream-view.ts';
import type { DaemonView } from '../../ports/views.ts';
import type { ShownStream, Totals } from '../../read-model/read-model.ts';
import type { ActionName } from '../model/stream-actions.ts';
import { keptToken } from './access-token.ts';

export const EVENTS_PATH = 'api/v1/events';
const STREAMS_PATH = 'api/v1/streams';
/** The most that the daemon gives at a time. */
const PAGE = 1_000;
/** On loopback a reply takes milliseconds; a daemon that hangs is told as gone. */
const TIMEOUT_MS = 15_000;

export interface StreamPage {
  readonly streams: readonly ShownStream[];
  readonly next: string | null;
  readonly totals: Totals;
  readonly daemon: DaemonView;
}

export type Reply<T> =
  | { readonly ok: true; readonly value: T; readonly serverTimeMs: number | null }
  /** `message` is a sentence for people; status 0: there was no answer. */
  | { readonly ok: false; readonly status: number; readonly message: string };

export const getStreams = (after: string | null, signal: AbortSignal): Promise<Reply<StreamPage>> =>
  ask<StreamPage>(`${STREAMS_PATH}?limit=${PAGE}${after === null ? '' : `&after=${after}`}`, { signal });

export const getParts = (id: string, signal: AbortSignal): Promise<Reply<PartsView>> =>
  ask(`${STREAMS_PATH}/${id}/parts`, { signal });

export const getHistory = (
  id: string,
  signal: AbortSignal,
): Promise<Reply<{ readonly entries: readonly HistoryEntry[] }>> => ask(`${STREAMS_PATH}/${id}/history`, { signal });

export const act = (id: string, action: ActionName, token: string): Promise<Reply<unknown>> =>
  ask(`${STREAMS_PATH}/${id}/${action}`, { method: 'POST', headers: { Authorization: `Bearer ${token}` } });

/** On loopback only what changes something needs the token; elsewhere everything does. */
export function authorization(): Readonly<Record<string, string>> {
  const token = keptToken();
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}

async function ask<T>(path: string, init: RequestInit): Promise<Reply<T>> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
  try {
    const reply = await fetch(path, {
      headers: authorization(),
      ...init,
      signal,
      cache: 'no-store',
      credentials: 'omit',
    });
    const serverTimeMs = Date.parse(reply.headers.get('Date') ?? '');
    const value: unknown = await reply.json();
    if (!reply.ok) return { ok: false, status: reply.status, message: messageIn(value, reply.status) };
    return { ok: true, value: value as T, serverTimeMs: Number.isNaN(serverTimeMs) ? null : serverTimeMs };
  } catch {
    return { ok: false, status: 0, message: 'The daemon does not answer.' };
  }
}

function messageIn(body: unknown, status: number): string {
  const { error } = (body ?? {}) as { readonly error?: { readonly message?: unknown } };
  return typeof error?.message === 'string' ? error.message : `The daemon answers with status ${status}.`;
}
