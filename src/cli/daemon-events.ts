// Listens to a running daemon's events (docs/http-api.md) over its unix socket, else over its address.

import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import type { DaemonFile } from '../http/daemon-file.ts';
import { PID_HEADER } from '../http/reply.ts';

export interface DaemonEvent {
  readonly event: string;
  readonly data: unknown;
}

/** Twice as long as the daemon is ever silent. */
const SILENCE_MS = 40_000;
/** The largest event has 500 streams with the longest paths. */
const MAX_EVENT_CHARS = 64 * 1024 * 1024;

/** Resolves when it is over: the daemon is gone, does not answer, or `signal` fired. True: it was there. */
export async function listenToDaemon(
  file: DaemonFile,
  heard: (events: readonly DaemonEvent[]) => void,
  signal: AbortSignal,
): Promise<boolean> {
  const path = '/api/v1/events';
  if (file.socket !== null && (await listen({ socketPath: file.socket, path }, file.pid, heard, signal))) return true;
  const url = URL.parse(path, file.address);
  if (url?.protocol !== 'http:' || signal.aborted) return false;
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return await listen({ hostname, port: url.port, path }, file.pid, heard, signal);
}

function listen(
  where: RequestOptions,
  pid: number,
  heard: (events: readonly DaemonEvent[]) => void,
  signal: AbortSignal,
): Promise<boolean> {
  return new Promise((done) => {
    const asking = request({ ...where, signal, agent: false, timeout: SILENCE_MS }, (response) => {
      const isThere = response.statusCode === 200 && response.headers[PID_HEADER.toLowerCase()] === String(pid);
      response.once('close', () => done(isThere));
      response.on('error', () => {});
      if (isThere) read(response, heard);
      else response.destroy();
    });
    asking.once('timeout', () => asking.destroy());
    asking.on('error', () => done(false));
    asking.end();
  });
}

function read(response: IncomingMessage, heard: (events: readonly DaemonEvent[]) => void): void {
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    const blocks = (text + chunk).split('\n\n');
    text = blocks.pop() ?? '';
    if (text.length > MAX_EVENT_CHARS) response.destroy();
    const events = blocks.map(eventIn).filter((event) => event !== null);
    if (events.length > 0) heard(events);
  });
}

/** null: a comment. */
function eventIn(block: string): DaemonEvent | null {
  const [, event, data] = /^event: (\S+)\ndata: (.*)$/.exec(block) ?? [];
  return event === undefined || data === undefined ? null : { event, data: JSON.parse(data) };
}
