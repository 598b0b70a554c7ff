// A proxy that understands S3: what no proxy of TCP can do, it can (execute, then lose the reply; refuse one operation; end an upload
// between two calls). Stands before dev-s3 or any real server; what its plan does not hit passes unchanged.
//
// It keeps a record of every call, with what it met and whether the server executed it, for tests to judge what a client did.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { act } from './acts.ts';
import { ClientGone, Exchange } from './exchange.ts';
import type { Recognized } from './operations.ts';
import { type Fault, FaultPlan, type FaultRule } from './plan.ts';
import { type Access, Somebody } from './somebody.ts';

export interface ProxiedCall extends Recognized {
  readonly fault: Fault['kind'] | null;
  /** By the server, and it answered. */
  readonly executed: boolean;
  readonly startedAtMs: number;
  /** When the client was answered or seen to be gone, which is not seen while a stall leaves its bytes unread; null: not yet. */
  readonly endedAtMs: number | null;
  /** What of the same upload was under way when it came (not: what a stall keeps away from the server). */
  readonly beside: readonly Recognized['operation'][];
  /** A defect of the proxy or its server. */
  readonly defect: string | null;
}

export interface FaultProxy {
  readonly url: string;
  readonly plan: FaultPlan;
  readonly somebody: Somebody;
  /** Oldest first. */
  readonly calls: readonly ProxiedCall[];
  close(): Promise<void>;
}

type Mutable<T> = { -readonly [Field in keyof T]: T[Field] };

export async function startFaultProxy(
  upstream: string,
  access: Access,
  rules: readonly FaultRule[] = [],
): Promise<FaultProxy> {
  const plan = new FaultPlan(rules);
  const somebody = new Somebody(upstream, access);
  const held: (() => Promise<unknown>)[] = [];
  const calls: Mutable<ProxiedCall>[] = [];

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = new Exchange(incoming, response, new URL(upstream));
    const fault = plan.take(exchange.call, exchange.headerNames);
    const call: Mutable<ProxiedCall> = {
      ...exchange.call,
      ...{ fault: fault?.kind ?? null, executed: false, startedAtMs: performance.now(), endedAtMs: null, defect: null },
      beside: underWay(calls, exchange.call.uploadId),
    };
    calls.push(call);
    response.once('close', () => {
      call.endedAtMs = performance.now();
    });
    const executed = () => {
      call.executed = true;
    };
    try {
      if (fault) await act(exchange, fault, { somebody, held, executed });
      else {
        const reply = await exchange.pass();
        executed();
        await exchange.reply(reply);
      }
    } catch (error) {
      if (!(error instanceof ClientGone) && !exchange.gone.aborted) call.defect = String(error);
      response.destroy();
    }
  }

  const server = createServer((incoming, response) => void handle(incoming, response));
  server.on('checkContinue', (incoming: IncomingMessage, response: ServerResponse) => {
    response.writeContinue();
    void handle(incoming, response);
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    plan,
    somebody,
    calls,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      somebody.close();
    },
  };
}

function underWay(calls: readonly ProxiedCall[], uploadId: string | null): readonly Recognized['operation'][] {
  if (uploadId === null) return [];
  const open = calls.filter((call) => call.uploadId === uploadId && call.endedAtMs === null && call.fault !== 'stall');
  return open.map(({ operation }) => operation);
}
