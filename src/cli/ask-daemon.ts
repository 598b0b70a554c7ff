// Asks a running daemon over its unix socket, else over its address. Tells "nobody there" from "there, but silent": only the
// first means that the journal may be read instead.
//
// What changes something goes over the socket alone: the token is not sent to a port that another process may have taken.

import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import type { DaemonFile } from '../http/daemon-file.ts';
import { PID_HEADER } from '../http/reply.ts';

export type Asked =
  | { readonly kind: 'answered'; readonly content: unknown }
  | { readonly kind: 'nobody' }
  | { readonly kind: 'trouble'; readonly detail: string };

/** An error of the API: `message` is for people. */
export interface Refused {
  readonly kind: 'refused';
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** A page of 1,000 streams takes the daemon a few ms; half a minute means that it hangs. */
const ANSWER_TIMEOUT_MS = 30_000;
/** 1,000 views with the longest paths. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Errors of connecting that mean that no one listens (any more). */
const NOBODY = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTSOCK', 'EACCES', 'EPERM']);

/** GET. */
export async function askDaemon(file: DaemonFile, path: string): Promise<Asked> {
  const asked = await lookAtDaemon(file, path);
  return asked.kind === 'refused' ? { kind: 'trouble', detail: `it answered ${asked.status}` } : asked;
}

/** GET, for whom a refusal is an answer too. */
export async function lookAtDaemon(file: DaemonFile, path: string): Promise<Asked | Refused> {
  if (file.socket !== null) {
    const asked = await ask({ socketPath: file.socket, path }, null);
    if (asked.kind !== 'nobody') return asked;
  }
  const url = URL.parse(path, file.address);
  if (url?.protocol !== 'http:') return { kind: 'nobody' };
  // Another process may have taken the port since: the answer must come from the one in the file.
  return ask({ hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: url.port, path }, file.pid);
}

/** POST. */
export async function tellDaemon(file: DaemonFile, path: string): Promise<Asked | Refused> {
  if (file.socket === null)
    return { kind: 'trouble', detail: 'it has no socket, because the path of STATE_DIR is too long for one' };
  const told = await ask({ socketPath: file.socket, path, method: 'POST' }, null);
  if (told.kind !== 'nobody') return told;
  const alive = await askDaemon({ ...file, socket: null }, '/healthz');
  return alive.kind === 'answered' ? { kind: 'trouble', detail: `its socket ${file.socket} does not let us in` } : told;
}

function ask(where: RequestOptions, pid: number | null): Promise<Asked | Refused> {
  return new Promise((done) => {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const asking = request({ ...where, signal, headers: { Connection: 'close' } }, (response) => {
      if (!isFrom(response, pid)) {
        response.destroy();
        done({ kind: 'nobody' });
        return;
      }
      const chunks: Buffer[] = [];
      let sizeBytes = 0;
      response.on('data', (chunk: Buffer) => {
        sizeBytes += chunk.length;
        if (sizeBytes > MAX_ANSWER_BYTES) response.destroy(new Error('the answer is too large'));
        else chunks.push(chunk);
      });
      response.on('end', () => done(understood(response.statusCode ?? 0, Buffer.concat(chunks).toString('utf8'))));
      response.on('error', (error) => done({ kind: 'trouble', detail: error.message }));
    });
    asking.on('error', (error: NodeJS.ErrnoException) => {
      if (NOBODY.has(error.code ?? '')) done({ kind: 'nobody' });
      else done({ kind: 'trouble', detail: signal.aborted ? 'it does not answer' : error.message });
    });
    asking.end();
  });
}

const isFrom = (response: IncomingMessage, pid: number | null): boolean =>
  pid === null || response.headers[PID_HEADER.toLowerCase()] === String(pid);

function understood(status: number, body: string): Asked | Refused {
  const content = parsed(body);
  if (status >= 200 && status < 300)
    return content === undefined ? { kind: 'trouble', detail: 'its answer is no JSON' } : { kind: 'answered', content };
  const { error } = (content ?? {}) as { readonly error?: { readonly code?: unknown; readonly message?: unknown } };
  if (typeof error?.code !== 'string' || typeof error.message !== 'string')
    return { kind: 'trouble', detail: `it answered ${status}` };
  return { kind: 'refused', status, code: error.code, message: error.message };
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
