// Notices by HTTP: one POST of the JSON each, by the rules of Standard Webhooks, so that receivers have libraries for the signature.
//
// Never follows a redirect (it would carry the notice, and a signature, to somebody else), reads no answer beyond its status, and
// says nothing of the URL but the host: its path may be the secret.

import { createHmac } from 'node:crypto';
import type { Delivery, Notice, Notifier } from '../ports/notifier.ts';

export interface HttpNotifierOptions {
  /** `http` or `https`; user and password in it are sent as basic authentication. */
  readonly url: string;
  /** Signs each request; null: none does. With the prefix `whsec_` the rest is base64. */
  readonly secret: string | null;
  readonly timeoutMs: number;
}

const SECRET_PREFIX = 'whsec_';

export function createHttpNotifier({ url, secret, timeoutMs }: HttpNotifierOptions): Notifier {
  const { address, authorization } = readUrl(url);
  const key = secret === null ? null : keyOf(secret);
  return {
    name: 'webhook',
    cure: 'look at the receiver that NOTIFY_URL names: it must answer 2xx in time',
    async notify(notice, signal) {
      const body = JSON.stringify(notice);
      const timeout = AbortSignal.timeout(timeoutMs);
      try {
        const response = await fetch(address, {
          method: 'POST',
          body,
          redirect: 'manual',
          signal: AbortSignal.any([signal, timeout]),
          headers: {
            'content-type': 'application/json',
            'user-agent': 'tailrace',
            ...authorization,
            ...signed(notice, body, key),
          },
        });
        void response.body?.cancel().catch(() => {});
        return response.ok ? { delivered: true } : failed(`${address.host} answered ${response.status}`);
      } catch (error) {
        return failed(
          timeout.aborted ? `${address.host} did not answer within ${timeoutMs / 1_000} s` : wordsOf(error),
        );
      }
    },
  };
}

/** The signature is over what the receiver must not confuse: which notice, when it was sent, and all of its text. */
function signed({ id }: Notice, body: string, key: Buffer | null): Record<string, string> {
  const seconds = String(Math.floor(Date.now() / 1_000));
  const headers = { 'webhook-id': id, 'webhook-timestamp': seconds };
  if (!key) return headers;
  const signature = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
  return { ...headers, 'webhook-signature': `v1,${signature}` };
}

const keyOf = (secret: string): Buffer =>
  secret.startsWith(SECRET_PREFIX) ? Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64') : Buffer.from(secret);

/** fetch refuses a URL with credentials. */
function readUrl(text: string): { readonly address: URL; readonly authorization: Record<string, string> } {
  const address = new URL(text);
  const { username, password } = address;
  address.username = '';
  address.password = '';
  if (!username && !password) return { address, authorization: {} };
  const account = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { address, authorization: { authorization: `Basic ${Buffer.from(account).toString('base64')}` } };
}

const failed = (detail: string): Delivery => ({ delivered: false, detail });

/** fetch says `fetch failed`; what failed is its cause: `connect ECONNREFUSED 127.0.0.1:9`. */
function wordsOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (cause instanceof AggregateError && cause.errors.length > 0) return wordsOf(cause.errors[0]);
  return cause instanceof Error ? cause.message : String(cause);
}
