// Who may ask what. Over the unix socket the file's mode has decided already.
//
// A1. On loopback everybody on this machine may look; what changes something needs the token.
// A2. On any other address everything needs the token, but for the probes of an orchestrator and the page's own files, which hold no
//     data: the page asks for all it shows with the token that the person gave it.
// A3. A page of another origin can make a browser call us: its requests are refused whatever they ask. On loopback also under a
//     name that it controls (DNS rebinding): only loopback names with our own port are answered there.

import type { IncomingHttpHeaders } from 'node:http';
import { hostIsOurs } from './host-check.ts';
import { errorReply, type Reply } from './reply.ts';
import { tokenIsRight } from './token.ts';

export interface Door {
  /** Listens on loopback only. */
  readonly loopback: boolean;
  /** null: nobody has it, and what needs it is refused. */
  readonly token: string | null;
}

export interface Caller {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The one that the request came in on. */
  readonly port: number;
  /** It asks for a file of the page. */
  readonly wantsPage: boolean;
}

/** Tell nothing but yes or no, to programs that cannot carry a token. */
const PROBES = ['/healthz', '/readyz'];

/** null: it may. */
export function accessRefusal(
  { loopback, token }: Door,
  { method, path, headers, port, wantsPage }: Caller,
): Reply | null {
  if (loopback && !hostIsOurs(headers.host, port))
    return errorReply(403, 'wrong_host', 'Ask for localhost or 127.0.0.1 with the port of this daemon.');
  if (!originIsOurs(headers)) return errorReply(403, 'wrong_origin', 'Pages of another origin are not answered.');
  const looksOnly = method === 'GET' || method === 'HEAD';
  if (loopback ? looksOnly : looksOnly && (wantsPage || PROBES.includes(path))) return null;
  if (token !== null && tokenIsRight(headers.authorization, token)) return null;
  const isMissing = headers.authorization === undefined;
  const reply = errorReply(
    401,
    isMissing ? 'token_missing' : 'token_wrong',
    `${isMissing ? 'This needs a token' : 'The token is another one'}: send "Authorization: Bearer TOKEN" with the one in STATE_DIR/token, or use the unix socket.`,
  );
  return { ...reply, headers: { 'WWW-Authenticate': 'Bearer realm="tailrace"' } };
}

/**
 * Browsers name the origin where another one asks in a way that it could read; where it could not, newer ones tell by
 * Sec-Fetch-Site. Following a link to the page is nobody's request but the person's.
 */
function originIsOurs({ origin, host, ...headers }: IncomingHttpHeaders): boolean {
  if (origin !== undefined && origin.toLowerCase().replace(/^https?:\/\//, '') !== host?.toLowerCase()) return false;
  const site = headers['sec-fetch-site'];
  return site === undefined || site === 'same-origin' || site === 'none' || headers['sec-fetch-mode'] === 'navigate';
}
