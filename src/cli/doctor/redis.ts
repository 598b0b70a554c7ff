// Checks of the registry's Redis: there, of use, and keeps what it is told. Nothing of it can lose a file; it is what people and other
// programs look at, and what a takeover by another host restores from.

import { formatSize } from '../../config/values.ts';
import type { RedisFacts } from '../../ports/redis-facts.ts';
import { type Check, type Finding, fail, ok, skipped, warn } from './finding.ts';

export const checkRedis: Check = async ({ examined, tools }) => {
  const { redisUrl, redisKeyPrefix } = examined.config;
  if (examined.wrong.has('redisUrl')) return [skipped('redis', 'REDIS_URL has a mistake (see config)')];
  if (redisUrl === null) return [skipped('redis', 'REDIS_URL is not set: the journal alone remembers')];
  const inspected = await tools.inspectRedis(redisUrl);
  if (!inspected.ok) return [unreachable(inspected.failure.detail)];
  const facts = inspected.value;
  return [server(facts), cluster(facts, redisKeyPrefix), persistence(facts), eviction(facts), scripts(facts)].filter(
    (finding) => finding !== null,
  );
};

/** Errors by which Redis refuses the account, not the connection. */
const REFUSED = /^(WRONGPASS|NOAUTH|NOPERM|ERR invalid password|ERR AUTH)/;

function unreachable(detail: string): Finding {
  const means = 'uploads go on without it; nothing is seen in Redis, and no other host can take over';
  if (REFUSED.test(detail))
    return fail(
      'redis',
      'configuration',
      `the account is refused: ${detail}`,
      means,
      'check user and password in REDIS_URL',
    );
  return fail(
    'redis',
    'unavailable',
    `does not answer: ${detail}`,
    means,
    'start Redis, or check host, port and firewall of REDIS_URL',
  );
}

/** ACLs and streams with trimming, as they are used; older ones have no support any more. */
const LEAST_VERSION = [6, 2] as const;

function server({ version, role }: RedisFacts): Finding {
  if (role === 'slave' || role === 'replica')
    return fail(
      'redis',
      'configuration',
      `${version}, a replica`,
      'it takes no writes',
      'name the primary in REDIS_URL',
    );
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = major < LEAST_VERSION[0] || (major === LEAST_VERSION[0] && minor < LEAST_VERSION[1]);
  if (!isOld) return ok('redis', `${version} answers`);
  return warn(
    'redis',
    `${version} is older than ${LEAST_VERSION.join('.')}`,
    'it is not tested with it',
    'use a newer Redis or Valkey',
  );
}

function cluster({ cluster: isCluster }: RedisFacts, prefix: string): Finding | null {
  const id = 'redis.cluster';
  if (!isCluster) return null;
  if (/^[^{]*\{[^}]+\}/.test(prefix)) return ok(id, `a Redis Cluster, and REDIS_KEY_PREFIX has a hash tag`);
  const means = 'each save touches several keys, which must be on one node: `run` refuses to start';
  return fail(id, 'configuration', 'a Redis Cluster', means, 'set REDIS_KEY_PREFIX={tailrace}: or the like');
}

function persistence({ aof, snapshots, persistenceFails }: RedisFacts): Finding {
  const id = 'redis.persistence';
  const cure = 'set appendonly yes (appendfsync everysec is enough)';
  if (persistenceFails)
    return warn(
      id,
      'Redis could not write its last AOF or snapshot',
      'it may refuse writes, and forgets when it ends',
      'look at its log and its disk',
    );
  if (aof) return ok(id, 'AOF is on');
  const means =
    'when Redis dies it forgets the registry (all of 16,082 acknowledged writes in our test); the daemon writes it again, another host cannot take over from it meanwhile';
  return warn(id, snapshots === false ? 'nothing is persisted' : 'AOF is off: snapshots at best', means, cure);
}

function eviction({ evictionPolicy, maxMemoryBytes }: RedisFacts): Finding {
  const id = 'redis.eviction';
  if (evictionPolicy === null) return skipped(id, 'the server does not tell its maxmemory-policy');
  const limit = maxMemoryBytes ? `maxmemory ${formatSize(maxMemoryBytes)}` : 'no maxmemory';
  if (evictionPolicy === 'noeviction') return ok(id, `noeviction, ${limit}`);
  const means =
    'when memory is short Redis drops keys of the registry: streams vanish from sight until they are saved again';
  return warn(id, `maxmemory-policy is ${evictionPolicy}, ${limit}`, means, 'set maxmemory-policy noeviction');
}

function scripts({ scriptsRefused }: RedisFacts): Finding | null {
  if (scriptsRefused === null) return null;
  const means = 'every save is a script: nothing can be written to the registry';
  return fail(
    'redis.scripts',
    'configuration',
    `scripts are refused: ${scriptsRefused}`,
    means,
    'allow EVAL and EVALSHA to this account',
  );
}
