// The one connection to Redis: kept up for ever at a bounded pace, never a command executed that nobody waits for.
//
// Promises: 1. a command is sent at most once, except a script that the server answered not to know (nothing was executed);
// 2. nothing is queued while Redis is away: every command answers `registry_unavailable` at once; 3. no command waits longer
// than `commandTimeoutMs`; 4. details carry no password; 5. on a Redis Cluster nothing is sent unless all keys share a hash tag.
// A command without an answer may have been executed: all writes are scripts that can be repeated.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { type Failure, failureOf } from '../machines/failure.ts';
import type { Outcome } from '../ports/outcome.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { type RedisAddress, readRedisUrl } from './redis-registry-address.ts';
import { hasHashTag } from './redis-registry-layout.ts';

/** Far beyond any step of ours (0.1 ms), short enough for a person who waits for an answer. */
const COMMAND_TIMEOUT_MS = 5_000;
/** The longest that a start waits for a Redis that does not answer. */
const CONNECT_TIMEOUT_MS = 3_000;
const FIRST_RECONNECT_MS = 50;
/** Redis is back at most this long before it is noticed. */
const MAX_RECONNECT_MS = 2_000;
/** A connection that hangs is destroyed this long after it was given up. */
const DISCONNECT_TIMEOUT_MS = 500;

const CLUSTER_CURE =
  'this is a Redis Cluster: REDIS_KEY_PREFIX needs a hash tag that keeps all keys on one node, for example {tailrace}:';

export interface RedisConnectionOptions {
  readonly url: string;
  readonly keyPrefix?: string;
  readonly commandTimeoutMs?: number;
  readonly telemetry?: Telemetry;
}

export interface RedisScript {
  readonly lua: string;
  readonly sha1: string;
}

/** A script beside this file; the build copies it beside the compiled one. */
export function redisScript(fileName: string): RedisScript {
  const lua = readFileSync(new URL(fileName, import.meta.url), 'utf8');
  return { lua, sha1: createHash('sha1').update(lua).digest('hex') };
}

export class RedisConnection {
  private readonly options: RedisConnectionOptions;
  private readonly home: RedisAddress;
  private client: Redis;
  private reachable = false;
  private trouble = 'Redis has not answered yet';
  private isRefused = false;
  private isClosed = false;
  private readonly listeners: ((reachable: boolean) => void)[] = [];
  /** Resolves the wait in `open`; nothing after the first answer. */
  private firstAnswer: () => void = () => {};

  /** Answers ok when Redis is away as well: it is connected to as soon as it is there. */
  static async open(options: RedisConnectionOptions): Promise<Outcome<RedisConnection>> {
    const address = readRedisUrl(options.url);
    if (!address) return failed('REDIS_URL is no redis:// or rediss:// URL');
    const connection = new RedisConnection(options, address);
    await connection.firstAnswerOrTimeout();
    if (!connection.isRefused) return { ok: true, value: connection };
    const { trouble } = connection;
    connection.close();
    return failed(trouble);
  }

  private constructor(options: RedisConnectionOptions, home: RedisAddress) {
    this.options = options;
    this.home = home;
    this.client = this.connect(home);
  }

  /** A Redis that reads its data from disk says so and answers nothing else, for minutes. */
  private firstAnswerOrTimeout(): Promise<void> {
    const waitMs = Math.min(CONNECT_TIMEOUT_MS, this.options.commandTimeoutMs ?? COMMAND_TIMEOUT_MS);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      this.firstAnswer = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** One step: `script` with its keys and arguments. */
  run(script: RedisScript, keys: readonly string[], args: readonly (string | Buffer)[]): Promise<Outcome<unknown>> {
    return this.attempt(async (client) => {
      try {
        return await client.evalsha(script.sha1, keys.length, ...keys, ...args);
      } catch (error) {
        if (!messageOf(error).startsWith('NOSCRIPT')) throw error;
        return await client.eval(script.lua, keys.length, ...keys, ...args);
      }
    });
  }

  /** `work` sends commands; whatever they throw becomes a failure. */
  async attempt<T>(work: (client: Redis) => Promise<T>): Promise<Outcome<T>> {
    if (!this.reachable) return failed(this.trouble);
    const { client } = this;
    try {
      return { ok: true, value: await work(client) };
    } catch (error) {
      return { ok: false, failure: this.failureFrom(client, error) };
    }
  }

  onReachable(listener: (reachable: boolean) => void): void {
    this.listeners.push(listener);
    listener(this.reachable);
  }

  close(): void {
    this.isClosed = true;
    this.client.disconnect();
    this.becomes(false, 'the registry is closed');
  }

  private connect({ host, port }: { readonly host: string; readonly port: number }): Redis {
    const { username, password, db, tls } = this.home;
    const client = new Redis({
      ...{ host, port, db, protocol: 2 },
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(tls && { tls: {} }),
      connectionName: 'tailrace',
      disableClientInfo: true,
      lazyConnect: true,
      // By default a command whose reply was lost is sent again, and one that waited runs long after.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      commandTimeout: this.options.commandTimeoutMs ?? COMMAND_TIMEOUT_MS,
      connectTimeout: CONNECT_TIMEOUT_MS,
      disconnectTimeout: DISCONNECT_TIMEOUT_MS,
      maxLoadingRetryTime: MAX_RECONNECT_MS,
      retryStrategy: (times) => Math.min(FIRST_RECONNECT_MS * 2 ** Math.min(times - 1, 10), MAX_RECONNECT_MS),
      // After a failover the name leads to the new master.
      reconnectOnError: (error) => error.message.startsWith('READONLY'),
    });
    const ifCurrent = (react: () => void) => () => {
      if (this.client === client && !this.isClosed) react();
    };
    client.on('error', (error: Error) => ifCurrent(() => this.becomes(false, this.plain(error)))());
    client.on(
      'ready',
      ifCurrent(() => void this.greet(client)),
    );
    client.on(
      'close',
      ifCurrent(() => this.lost(client)),
    );
    // Its rejection is the first 'error', and connecting goes on.
    client.connect().catch(() => {});
    return client;
  }

  private async greet(client: Redis): Promise<void> {
    if (!hasHashTag(this.options.keyPrefix ?? '') && (await isCluster(client))) {
      this.isRefused = true;
      this.becomes(false, CLUSTER_CURE);
    } else if (client === this.client && client.status === 'ready') {
      this.isRefused = false;
      this.becomes(true, '');
    }
    this.firstAnswer();
  }

  private lost(client: Redis): void {
    this.becomes(false, this.trouble || 'the connection was lost');
    this.firstAnswer();
    const { host, port } = client.options;
    if (host !== this.home.host || port !== this.home.port) this.goTo(this.home);
  }

  private goTo(address: { readonly host: string; readonly port: number }): void {
    const former = this.client;
    this.becomes(false, `connecting to ${address.host}:${address.port}`);
    this.client = this.connect(address);
    former.disconnect();
  }

  private failureFrom(client: Redis, error: unknown): Failure {
    const detail = this.plain(error);
    if ((error as Error).name === 'ReplyError') {
      const moved = /^MOVED \d+ (.+):(\d+)$/.exec(messageOf(error));
      if (moved && client === this.client) this.goTo({ host: moved[1] || this.home.host, port: Number(moved[2]) });
      return failureOf('registry_unavailable', detail);
    }
    // A server that accepts and does not answer: this connection is given up, so that its late replies reach nobody.
    if (detail === 'Command timed out' && client === this.client && client.status === 'ready') {
      this.becomes(false, detail);
      client.disconnect(true);
    }
    return failureOf('registry_unavailable', detail, { answered: false });
  }

  private becomes(reachable: boolean, trouble: string): void {
    this.trouble = trouble;
    if (this.reachable === reachable) return;
    this.reachable = reachable;
    if (reachable) this.options.telemetry?.info('registry reachable');
    else if (!this.isClosed) this.options.telemetry?.warn('registry not reachable', { detail: trouble });
    for (const listener of this.listeners) listener(reachable);
  }

  private plain(error: unknown): string {
    const { password } = this.home;
    const message = messageOf(error);
    if (message.startsWith('Reached the max retries')) return 'the connection was lost';
    return password ? message.replaceAll(password, '***') : message;
  }
}

/** An account that may not ask is taken for one on a single server; on a cluster each step is then refused with CROSSSLOT. */
async function isCluster(client: Redis): Promise<boolean> {
  try {
    return (await client.info('cluster')).includes('cluster_enabled:1');
  } catch {
    return false;
  }
}

const failed = (detail: string): Outcome<never> => ({ ok: false, failure: failureOf('registry_unavailable', detail) });

/** A connection that tried several addresses fails with an AggregateError, whose message is empty. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
