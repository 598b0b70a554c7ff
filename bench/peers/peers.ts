// Programs that do the same work, where they are installed: each carries one file to the sink and costs what the kernel says.

import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { endedChildrenCpuMs } from '../processes.ts';
import type { Sink } from '../sink.ts';

export interface Peer {
  readonly name: string;
  /** Resolves with its CPU ms and wall ms. */
  carry(file: string, sink: Sink): Promise<{ readonly cpuMs: number; readonly wallMs: number }>;
}

const run = promisify(execFile);
const PLAIN_PUT = fileURLToPath(new URL('./plain-put.ts', import.meta.url));

const isInstalled = (program: string): boolean => spawnSync(program, ['--version']).status === 0;

/** Nothing of our own environment: a proxy or a certificate store set there would be part of the figure. */
async function spawned(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const before = endedChildrenCpuMs();
  const startedMs = performance.now();
  const { stdout } = await run(program, args, {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
  });
  return { cpuMs: endedChildrenCpuMs() - before, wallMs: performance.now() - startedMs, stdout };
}

const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'bench', AWS_SECRET_ACCESS_KEY: 'bench-secret', AWS_REGION: 'us-east-1' };

const plainPut: Peer = {
  name: 'plain node:http PUT',
  async carry(file, sink) {
    const { stdout, wallMs } = await spawned(process.execPath, [PLAIN_PUT, file, sink.endpoint]);
    return { cpuMs: Number(stdout), wallMs };
  },
};

const curl: Peer = {
  name: 'curl -T',
  carry: (file, sink) => spawned('curl', ['-sf', '-T', file, '-H', 'Expect:', `${sink.endpoint}/bench/curl`]),
};

const awscli: Peer = {
  name: 'aws s3 cp',
  carry: (file, sink) =>
    spawned('aws', ['s3', 'cp', '--quiet', '--endpoint-url', sink.endpoint, file, 's3://bench/awscli'], CREDENTIALS),
};

const rclone: Peer = {
  name: 'rclone copyto',
  carry: (file, sink) =>
    // A new key each time: it skips what is there already.
    spawned('rclone', ['copyto', '--retries', '1', '--s3-no-check-bucket', file, `sink:bench/rclone-${Date.now()}`], {
      RCLONE_CONFIG: '/dev/null',
      RCLONE_CONFIG_SINK_TYPE: 's3',
      RCLONE_CONFIG_SINK_PROVIDER: 'Other',
      RCLONE_CONFIG_SINK_ENDPOINT: sink.endpoint,
      RCLONE_CONFIG_SINK_ACCESS_KEY_ID: 'bench',
      RCLONE_CONFIG_SINK_SECRET_ACCESS_KEY: 'bench-secret',
      RCLONE_CONFIG_SINK_USE_MULTIPART_ETAG: 'false',
    }),
};

/** Always `plain node:http PUT`; the others where they are installed. */
export const installedPeers = (): readonly Peer[] => [
  plainPut,
  ...(isInstalled('curl') ? [curl] : []),
  ...(isInstalled('aws') ? [awscli] : []),
  ...(isInstalled('rclone') ? [rclone] : []),
];
