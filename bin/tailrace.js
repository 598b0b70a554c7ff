#!/usr/bin/env node
// The launcher: imports nothing before it knows that this Node is new enough, so that an old one gets a clear line instead of
// a stack from inside a library. Plain syntax only, for the same reason.

const REQUIRED = [22, 22, 2];
/**
 * V8's room for young objects grows to 48 MB by itself, and it is in no hurry to give memory back: that is half of what a daemon takes
 * (docs/performance.md). Nor may it shrink: in the 1 MB that is left of it at rest, what is young passes for old, and collecting that
 * costs more than all the work of a daemon that waits. It can be told only when the process starts.
 */
const SMALL_HEAP = ['--max-semi-space-size=4', '--min-semi-space-size=4', '--optimize-for-size'];
/** The verbs that stay. */
const DAEMONS = ['run', 'demo'];

function isOld(version) {
  const have = version.split('.').map(Number);
  for (let i = 0; i < REQUIRED.length; i += 1) {
    if (have[i] !== REQUIRED[i]) return have[i] < REQUIRED[i];
  }
  return false;
}

if (isOld(process.versions.node)) {
  console.error(`tailrace needs Node ${REQUIRED.join('.')} or newer; this is ${process.versions.node}.`);
  console.error('Install a newer one, or use the Node that npm ci brought: npx tailrace');
  process.exit(69);
}

// The same process goes on with another Node in it: pid, signals and descriptors stay. Whoever sets V8's memory is not overruled.
const told = process.execArgv.join(' ') + (process.env.NODE_OPTIONS || '');
if (DAEMONS.includes(process.argv[2]) && process.execve && !/semi-space|old-space/.test(told)) {
  process.execve(process.execPath, [process.execPath, ...SMALL_HEAP, ...process.execArgv, ...process.argv.slice(1)]);
}

import('../dist/main.js').catch((error) => {
  if (error && error.code === 'ERR_MODULE_NOT_FOUND' && /^Cannot find module '[^']*main\.js'/.test(error.message)) {
    console.error('tailrace is not built yet: run npm run build');
    process.exit(69);
  }
  console.error(error);
  process.exit(70);
});
