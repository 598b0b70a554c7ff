// What each fault does to a call: before it is executed, and to its reply.
//
//   status503     not executed; the error `code` (SlowDown), with its own status
//   dropRequest   not executed; the connection is reset, after `afterBytes` of the request's body if given
//   stall         no byte moves: after `afterBytes` of the request's body (0); with `delayMs` it then goes on as if nothing
//                 had been, without it hangs until the client leaves; not executed meanwhile
//   slow          executed; the reply waits `delayMs` (1 s)
//   dropReply     executed; after `delayMs` (0) the connection is reset instead of a reply
//   resetMidBody  a request with a body: not executed, reset after `afterBytes` of it (half); one without: executed, reset
//                 after `afterBytes` (half) of the reply's body
// A socket on which nothing moves for IDLE_SOCKET_MS is closed all the same.

import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionGone, S3Error } from './errors.ts';
import type { FaultKind, FaultRule } from './faults.ts';
import { bodyBytes, type Reply, releaseReply } from './reply.ts';
import type { S3Request } from './request.ts';

export type FaultedCall = {
  readonly rule: FaultRule;
  readonly request: S3Request;
  /** Ends the connection as a broken network would. */
  readonly reset: () => void;
  /** Aborted when the client has left or the server closes. */
  readonly gone: AbortSignal;
};

/** What becomes of a reply: `cutAtBytes` of its body, then a reset; null for all of it. */
export type FaultedReply = { readonly reply: Reply; readonly cutAtBytes: number | null };

type Effect = {
  /** @throws S3Error as the reply; ConnectionGone for none */
  readonly before?: (call: FaultedCall) => Promise<void> | void;
  /** @throws ConnectionGone for no reply */
  readonly after?: (call: FaultedCall, reply: Reply) => Promise<FaultedReply> | FaultedReply;
};

const DEFAULT_SLOW_MS = 1000;

const EFFECTS: Readonly<Record<FaultKind, Effect>> = {
  status503: {
    before: ({ rule }) => {
      throw new S3Error(rule.code ?? 'SlowDown');
    },
  },
  dropRequest: {
    before: (call) => atBodyBytes(call, call.rule.afterBytes ?? 0, async () => drop(call)),
  },
  stall: {
    before: (call) => atBodyBytes(call, call.rule.afterBytes ?? 0, () => wait(call, call.rule.delayMs ?? null)),
  },
  slow: {
    after: async (call, reply) => {
      await wait(call, call.rule.delayMs ?? DEFAULT_SLOW_MS);
      return { reply, cutAtBytes: null };
    },
  },
  dropReply: {
    after: async (call) => {
      await wait(call, call.rule.delayMs ?? 0);
      return drop(call);
    },
  },
  resetMidBody: {
    before: (call) => {
      const { lengthBytes } = call.request.body;
      if (!lengthBytes) return;
      return atBodyBytes(call, call.rule.afterBytes ?? Math.ceil(lengthBytes / 2), async () => drop(call));
    },
    after: ({ rule }, reply) => ({ reply, cutAtBytes: rule.afterBytes ?? Math.floor(bodyBytes(reply) / 2) }),
  },
};

export async function faultBefore(call: FaultedCall): Promise<void> {
  await EFFECTS[call.rule.fault].before?.(call);
}

/** A reply that is not to be sent is released. */
export async function faultAfter(call: FaultedCall, reply: Reply): Promise<FaultedReply> {
  try {
    return (await EFFECTS[call.rule.fault].after?.(call, reply)) ?? { reply, cutAtBytes: null };
  } catch (error) {
    releaseReply(reply);
    throw error;
  }
}

/** At once, if no byte of a body is to pass; else while the operation pulls the body. */
async function atBodyBytes({ request }: FaultedCall, atBytes: number, act: () => Promise<void>): Promise<void> {
  if (atBytes === 0 || !request.body.lengthBytes) await act();
  else request.body.interrupt(atBytes, act);
}

function drop(call: FaultedCall): never {
  call.reset();
  throw new ConnectionGone();
}

/** @param delayMs null for ever */
async function wait({ gone }: FaultedCall, delayMs: number | null): Promise<void> {
  try {
    if (delayMs !== null) await sleep(delayMs, undefined, { signal: gone });
    else if (!gone.aborted) await new Promise((resolve) => gone.addEventListener('abort', resolve, { once: true }));
  } catch {
    // Only the signal ends the sleep early.
  }
  if (gone.aborted) throw new ConnectionGone();
}
