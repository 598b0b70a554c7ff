// Sees to it that Swift's programs are installed: by apt-get where this may be done (root on Debian), else by telling the
// one command to type. Installs nothing when all is there, and starts no service.

import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';

const PROGRAMS = {
  'swift-proxy': '/usr/bin/swift-proxy-server',
  'swift-account': '/usr/bin/swift-account-server',
  'swift-container': '/usr/bin/swift-container-server',
  'swift-object': '/usr/bin/swift-object-server',
  memcached: '/usr/bin/memcached',
} as const;
const PACKAGES = Object.keys(PROGRAMS);

const APT = ['-qq', '-o', 'DPkg::Lock::Timeout=300'];

/** Null when everything is there; else what the user must do. */
export function installSwift(): string | null {
  if (isInstalled()) return null;
  const advice = `Swift is not installed. As root, type:\n  apt-get install --no-install-recommends ${PACKAGES.join(' ')}`;
  if (process.getuid?.() !== 0 || !isExecutable('/usr/bin/apt-get')) return advice;
  for (const words of [['update'], ['install', '-y', '--no-install-recommends', ...PACKAGES]]) {
    // RUNLEVEL=1: Debian's scripts then start no service.
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
    const { status } = spawnSync('apt-get', [...APT, ...words], { env, stdio: ['ignore', 2, 2] });
    if (status !== 0) return `apt-get ${words[0]} failed. ${advice}`;
  }
  return isInstalled() ? null : advice;
}

const isInstalled = (): boolean => Object.values(PROGRAMS).every(isExecutable);

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
