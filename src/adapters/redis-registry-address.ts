// Reads REDIS_URL. Only what names the server and the account is taken from it: a query part could otherwise switch on the
// queues and resends that redis-registry-connection.ts switches off.

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  readonly tls: boolean;
}

const DEFAULT_PORT = 6379;

/** Null when the text is no `redis://` or `rediss://` URL. */
export function readRedisUrl(text: string): RedisAddress | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const db = url.pathname.replace(/^\//, '');
  if ((url.protocol !== 'redis:' && url.protocol !== 'rediss:') || !/^\d{0,4}$/.test(db)) return null;
  try {
    return {
      // IPv6 comes in brackets.
      host: decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1') || '127.0.0.1',
      port: url.port ? Number(url.port) : DEFAULT_PORT,
      db: Number(db),
      tls: url.protocol === 'rediss:',
      ...(url.username && { username: decodeURIComponent(url.username) }),
      ...(url.password && { password: decodeURIComponent(url.password) }),
    };
  } catch {
    // A `%` that escapes nothing.
    return null;
  }
}
