// Is the S3 server there at all, and is our clock within what it accepts? One request without credentials: whatever it is answered with, it
// has a Date.

import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { formatDuration } from '../../config/values.ts';
import { type Finding, fail, ok, skipped, warn } from './finding.ts';

const PATIENCE_MS = 10_000;
/** S3 refuses signatures that are older or younger. */
const REFUSED_SKEW_MS = 15 * 60_000;
/** Far beyond the second to which Date is rounded: NTP does not run. */
const SUSPICIOUS_SKEW_MS = 30_000;

export async function checkClock(endpoint: string, signal: AbortSignal): Promise<readonly Finding[]> {
  const startedAtMs = Date.now();
  const asked = await headOf(endpoint, signal);
  if (!asked.ok) {
    const found = `${endpoint} does not answer: ${asked.why}`;
    const cure = 'check S3_ENDPOINT_URL, DNS, the network and its firewall';
    return [fail('s3.endpoint', 'unavailable', found, 'nothing can be uploaded', cure)];
  }
  const there = ok('s3.endpoint', `${endpoint} answers`);
  return [there, skewOf(asked.date, (startedAtMs + Date.now()) / 2)];
}

type Asked = { readonly ok: true; readonly date: string | undefined } | { readonly ok: false; readonly why: string };

/** Not by `fetch`, which refuses ports that browsers do not like. */
function headOf(endpoint: string, signal: AbortSignal): Promise<Asked> {
  return new Promise((done) => {
    const patience = AbortSignal.timeout(PATIENCE_MS);
    const send = endpoint.startsWith('https:') ? httpsRequest : httpRequest;
    const asking = send(endpoint, { method: 'HEAD', agent: false, signal: AbortSignal.any([signal, patience]) });
    asking.on('response', (response) => {
      response.resume();
      done({ ok: true, date: response.headers.date });
    });
    asking.on('error', (error: NodeJS.ErrnoException) => {
      const silence = `no answer within ${formatDuration(PATIENCE_MS)}`;
      done({ ok: false, why: patience.aborted ? silence : reasonOf(error) });
    });
    asking.end();
  });
}

function skewOf(date: string | undefined, ourMs: number): Finding {
  const id = 's3.clock';
  const theirMs = Date.parse(date ?? '');
  if (Number.isNaN(theirMs)) return skipped(id, 'the server sends no Date');
  const skewMs = Math.abs(theirMs - ourMs);
  const found = `this clock and that of S3 are ${skewMs < 2_000 ? 'the same' : `${formatDuration(skewMs)} apart`}`;
  if (skewMs < SUSPICIOUS_SKEW_MS) return ok(id, found);
  const cure = 'set the clock: timedatectl set-ntp true';
  if (skewMs < REFUSED_SKEW_MS)
    return warn(id, found, `beyond ${formatDuration(REFUSED_SKEW_MS)} S3 refuses every request`, cure);
  return fail(id, 'configuration', found, 'S3 refuses every request', cure);
}

/** A host with several addresses fails with an AggregateError, whose message is empty. */
const reasonOf = ({ code, message }: NodeJS.ErrnoException): string => [code, message].filter(Boolean).join(': ');
