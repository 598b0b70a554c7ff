// The configuration of a Swift of one node and one replica on loopback: texts, from ports and a folder.
//
// The proxy speaks S3 by the s3api filter. Everything is as small as it goes, except the limits that S3 clients rely on:
// parts from 5 MiB, 10,000 of them, 1,000 entries a page.

import { join } from 'node:path';

export const STORAGE_SERVERS = ['account', 'container', 'object'] as const;
export type StorageServer = (typeof STORAGE_SERVERS)[number];
export const SWIFT_DAEMONS = [...STORAGE_SERVERS, 'proxy'] as const;
export type SwiftDaemon = (typeof SWIFT_DAEMONS)[number];

export interface SwiftSettings {
  readonly folder: string;
  readonly ports: Readonly<Record<SwiftDaemon | 'memcached', number>>;
  readonly user: string;
  readonly secretAccessKey: string;
  readonly region: string;
}

/** tempauth's account and user, which s3api joins to the access key. */
export const ACCOUNT = 'test';
export const USER = 'tester';

type Section = readonly [name: string, settings: Readonly<Record<string, string | number>>];

const text = (sections: readonly Section[]): string =>
  sections
    .map(([name, settings]) => {
      const lines = Object.entries(settings).map(([key, value]) => `${key} = ${value}`);
      return [`[${name}]`, ...lines, ''].join('\n');
    })
    .join('\n');

const common = ({ folder, ports, user }: SwiftSettings, daemon: SwiftDaemon) => ({
  bind_ip: '127.0.0.1',
  bind_port: ports[daemon],
  swift_dir: join(folder, 'etc'),
  user,
  // In the process that we started, and can end by its id.
  workers: 0,
  log_level: 'WARNING',
});

/** @param salt makes the hashes of this cluster its own; Swift demands one */
export const clusterConf = (salt: string): string =>
  text([
    ['swift-hash', { swift_hash_path_prefix: salt, swift_hash_path_suffix: salt }],
    ['storage-policy:0', { name: 'one', default: 'yes' }],
  ]);

export const storageConf = (settings: SwiftSettings, server: StorageServer): string =>
  text([
    [
      'DEFAULT',
      {
        ...common(settings, server),
        devices: join(settings.folder, 'devices'),
        mount_check: 'false',
        disable_fallocate: 'true',
      },
    ],
    ['pipeline:main', { pipeline: `${server}-server` }],
    [
      `app:${server}-server`,
      {
        use: `egg:swift#${server}`,
        replication_server: 'false',
        recon_cache_path: join(settings.folder, 'cache'),
      },
    ],
  ]);

/** In the order in which a request passes them. */
const FILTERS = [
  'catch_errors',
  'gatekeeper',
  'healthcheck',
  'cache',
  's3api',
  'tempauth',
  'copy',
  'slo',
  'dlo',
  'versioned_writes',
] as const;

const EGG_OF: Readonly<Partial<Record<(typeof FILTERS)[number], string>>> = { cache: 'memcache' };

export function proxyConf(settings: SwiftSettings): string {
  const own: Readonly<Partial<Record<(typeof FILTERS)[number], Readonly<Record<string, string | number>>>>> = {
    cache: { memcache_servers: `127.0.0.1:${settings.ports.memcached}` },
    s3api: {
      location: settings.region,
      s3_acl: 'false',
      min_segment_size: 5 * 1024 * 1024,
      max_upload_part_num: 10_000,
      max_parts_listing: 1000,
    },
    tempauth: { [`user_${ACCOUNT}_${USER}`]: `${settings.secretAccessKey} .admin` },
    slo: { max_manifest_segments: 10_000, max_manifest_size: 16 * 1024 * 1024 },
  };
  return text([
    ['DEFAULT', common(settings, 'proxy')],
    ['pipeline:main', { pipeline: [...FILTERS, 'proxy-server'].join(' ') }],
    [
      'app:proxy-server',
      {
        use: 'egg:swift#proxy',
        allow_account_management: 'true',
        account_autocreate: 'true',
        node_timeout: 60,
        recoverable_node_timeout: 60,
        client_timeout: 60,
        // The only node must never be given up for its errors.
        error_suppression_limit: 1000,
      },
    ],
    ...FILTERS.map((name): Section => [`filter:${name}`, { use: `egg:swift#${EGG_OF[name] ?? name}`, ...own[name] }]),
  ]);
}
