// OpenStack Swift with s3api, from Debian's packages: started for one run on free loopback ports, with all its state in a
// temporary folder, and ended by process id. Nothing of the system's own Swift configuration is read or written.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import {
  ACCOUNT,
  clusterConf,
  proxyConf,
  STORAGE_SERVERS,
  SWIFT_DAEMONS,
  type SwiftSettings,
  storageConf,
  USER,
} from './swift-config.ts';

const run = promisify(execFile);

/** Five Python processes on a busy machine. */
const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 5_000;
const POLL_MS = 100;
/** Of each log, when a start fails. */
const LOG_TAIL_CHARS = 2000;

/** Swift is a system program of Debian: its Python, not one that a shell has activated. */
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' };

export interface SwiftServer {
  readonly url: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly bucket: string;
  stop(): Promise<void>;
}

export async function startSwift(): Promise<SwiftServer> {
  const folder = await folderWithAttributes();
  const children: ChildProcess[] = [];
  const killAll = () => {
    for (const child of children) child.kill('SIGKILL');
  };
  process.once('exit', killAll);
  const stop = async () => {
    await Promise.all(children.map(end));
    process.off('exit', killAll);
    await rm(folder, { recursive: true });
  };
  try {
    return { ...(await start(folder, children)), stop };
  } catch (error) {
    const logs = await Promise.all(['memcached', ...SWIFT_DAEMONS].map((name) => logTail(folder, name)));
    await stop();
    throw new Error(`Swift did not start: ${error}\n${logs.join('\n')}`);
  }
}

async function start(folder: string, children: ChildProcess[]): Promise<Omit<SwiftServer, 'stop'>> {
  const [account, container, object, proxy, memcached] = await freePorts(5);
  const settings: SwiftSettings = {
    folder,
    ports: { account, container, object, proxy, memcached } as SwiftSettings['ports'],
    user: userInfo().username,
    secretAccessKey: randomBytes(16).toString('hex'),
    region: 'us-east-1',
  };
  await writeConfiguration(settings);
  const launch = (name: string, command: string, words: readonly string[]) => {
    const log = openSync(join(folder, `${name}.log`), 'a');
    children.push(spawn(command, words, { cwd: '/', env: ENVIRONMENT, stdio: ['ignore', log, log] }));
    closeSync(log);
  };
  const listen = ['-l', '127.0.0.1', '-p', String(settings.ports.memcached), '-U', '0', '-m', '32'];
  launch('memcached', 'memcached', ['-u', settings.user, ...listen]);
  const launcher = join(import.meta.dirname, 'swift-daemon.py');
  const etc = join(folder, 'etc');
  for (const name of SWIFT_DAEMONS) launch(name, 'python3', [launcher, name, join(etc, `${name}.conf`), etc]);

  const url = `http://127.0.0.1:${settings.ports.proxy}`;
  const bucket = 'tailrace-real-s3';
  await until('the proxy answers', async () => (await fetch(`${url}/healthcheck`)).ok);
  await until('the bucket is there', () => makeBucket(url, settings.secretAccessKey, bucket));
  const { region, secretAccessKey } = settings;
  return { url, region, accessKeyId: `${ACCOUNT}:${USER}`, secretAccessKey, bucket };
}

/** Swift keeps its metadata in extended attributes, which not every temporary file system has. */
async function folderWithAttributes(): Promise<string> {
  const probe = 'import os, sys; os.setxattr(sys.argv[1], "user.tailrace", b"1")';
  for (const parent of [tmpdir(), '/var/tmp']) {
    const folder = await mkdtemp(join(parent, 'tailrace-swift-'));
    try {
      await run('python3', ['-c', probe, folder], { env: ENVIRONMENT });
      return folder;
    } catch {
      await rm(folder, { recursive: true });
    }
  }
  throw new Error(`no extended attributes in ${tmpdir()} or /var/tmp: set TMPDIR to a folder on ext4, xfs or btrfs`);
}

async function writeConfiguration(settings: SwiftSettings): Promise<void> {
  const { folder } = settings;
  const etc = join(folder, 'etc');
  for (const name of ['etc', 'cache', 'devices/d1']) await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(etc, 'swift.conf'), clusterConf(randomBytes(8).toString('hex')));
  await writeFile(join(etc, 'proxy.conf'), proxyConf(settings));
  for (const server of STORAGE_SERVERS) {
    await writeFile(join(etc, `${server}.conf`), storageConf(settings, server));
    const ring = (...words: string[]) =>
      run('swift-ring-builder', [`${server}.builder`, ...words], { cwd: etc, env: ENVIRONMENT });
    await ring('create', '4', '1', '0');
    await ring('add', `r1z1-127.0.0.1:${settings.ports[server]}/d1`, '1');
    await ring('rebalance');
  }
}

/** By Swift's own API, which sees the same containers. */
async function makeBucket(url: string, secret: string, bucket: string): Promise<boolean> {
  const login = { 'x-auth-user': `${ACCOUNT}:${USER}`, 'x-auth-key': secret };
  const token = (await fetch(`${url}/auth/v1.0`, { headers: login })).headers.get('x-auth-token');
  if (token === null) return false;
  const headers = { 'x-auth-token': token };
  return (await fetch(`${url}/v1/AUTH_${ACCOUNT}/${bucket}`, { method: 'PUT', headers })).ok;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadlineMs = Date.now() + START_DEADLINE_MS;
  while (!(await holds().catch(() => false))) {
    if (Date.now() > deadlineMs) throw new Error(`not within ${START_DEADLINE_MS} ms: ${what}`);
    await sleep(POLL_MS);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
  await exited;
  clearTimeout(timer);
}

/** Free at this moment: all are held until all are known. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject).listen(0, '127.0.0.1', resolve);
      });
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function logTail(folder: string, name: string): Promise<string> {
  const log = await readFile(join(folder, `${name}.log`), 'utf8').catch(() => '(no log)');
  return `--- ${name}\n${log.slice(-LOG_TAIL_CHARS)}`;
}
