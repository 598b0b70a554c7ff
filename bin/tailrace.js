#!/usr/bin/env node
// The launcher: imports nothing before it knows that this Node is new enough, so that an old one gets a clear line instead of
// a stack from inside a library. Plain syntax only, for the same reason.

const REQUIRED = [22, 22, 2];

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

import('../dist/main.js').catch((error) => {
  if (error && error.code === 'ERR_MODULE_NOT_FOUND' && /^Cannot find module '[^']*main\.js'/.test(error.message)) {
    console.error('tailrace is not built yet: run npm run build');
    process.exit(69);
  }
  console.error(error);
  process.exit(70);
});
