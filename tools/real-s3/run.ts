// npm run test:real-s3: holds the S3 adapter to its contract on servers that we did not write.
//
// First on Swift with s3api (installed, started and stopped here), then on the server that S3_ENDPOINT_URL names, if it is
// set (with S3_BUCKET_NAME, S3_REGION_NAME, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY; see test/real-s3/endpoint.test.ts).
// Needs Debian's packages; without root it tells what to install. Words after `--` go to vitest.

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { installSwift } from './debian-packages.ts';
import { startSwift } from './swift-server.ts';

const ROOT = join(import.meta.dirname, '../..');
const INTERRUPTED = 130;

/** The vitest under way, and whether a signal ended the run: Swift must be stopped in any case. */
let child: ChildProcess | null = null;
let interrupted = false;
const interrupt = () => {
  interrupted = true;
  child?.kill('SIGTERM');
};
process.once('SIGINT', interrupt).once('SIGTERM', interrupt);

async function main(): Promise<number> {
  const advice = installSwift();
  if (advice) {
    console.error(advice);
    return 1;
  }
  console.error('starting Swift ...');
  const swift = await startSwift();
  let code: number;
  try {
    code = await vitest('swift.test.ts', { TAILRACE_REAL_S3: JSON.stringify(swift) });
  } finally {
    await swift.stop();
  }
  if (!process.env['S3_ENDPOINT_URL']) return code;
  return Math.max(code, await vitest('endpoint.test.ts', {}));
}

function vitest(file: string, env: Readonly<Record<string, string>>): Promise<number> {
  if (interrupted) return Promise.resolve(INTERRUPTED);
  const words = ['run', '--config', 'test/real-s3/vitest.config.ts', `test/real-s3/${file}`, ...process.argv.slice(2)];
  const started = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', ...words], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: 'inherit',
  });
  child = started;
  return new Promise((resolve, reject) => {
    started.once('error', reject);
    started.once('exit', (code) => resolve(interrupted ? INTERRUPTED : (code ?? 1)));
  });
}

process.exitCode = await main();
