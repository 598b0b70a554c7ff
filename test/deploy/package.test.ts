// The package as a stranger gets it: packed, installed into an empty folder, and run there on a real file.

import { type ExecFileOptions, execFile } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import packageFile from '../../package.json' with { type: 'json' };
import { content } from '../fixtures/writers/content.ts';
import { builtProgram, ROOT } from '../system/harness/built-program.ts';
import { fileOf } from '../system/harness/proof.ts';
import { BUCKET, CREDENTIALS, startS3 } from '../system/harness/s3-server.ts';

/** What it is allowed to weigh, unpacked: the compiled program, the page, the docs. */
const MAX_FILES = 500;

/** The Node that runs the tests comes first, as it would on a machine with a new one; nothing else of the environment decides. */
const ENV = {
  PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter),
  HOME: process.env['HOME'] ?? '',
};

/** npm needs what this machine needs to reach a registry; not what an npm around the tests says of the checkout. */
const NPM_ENV = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_(package|lifecycle|config_local_prefix)|INIT_CWD)/.test(name)),
);

function run(
  program: string,
  args: readonly string[],
  options: ExecFileOptions,
): Promise<{ code: number; out: string; talk: string }> {
  return new Promise((done) => {
    execFile(program, args, { env: ENV, ...options }, (error, out, talk) => {
      const code = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
      done({ code, out: String(out), talk: String(talk) });
    });
  });
}

let folder = '';
let files: readonly string[] = [];

beforeAll(async () => {
  await builtProgram();
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'tailrace-package-')));
  const packed = await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], {
    cwd: ROOT,
  });
  expect(packed.code, packed.talk).toBe(0);
  const tarball = join(folder, packed.out.trim());
  const listed = await run('tar', ['-tzf', tarball], {});
  files = listed.out
    .trim()
    .split('\n')
    .map((path) => path.replace(/^package\//, ''));
  writeFileSync(join(folder, 'package.json'), '{"private": true}');
  const install = ['install', tarball, '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
  const installed = await run('npm', install, { cwd: folder, env: NPM_ENV });
  expect(installed.code, installed.talk).toBe(0);
}, 90_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the package', () => {
  test('holds the program, the page, the examples and the docs', () => {
    const scripts = globSync('**/*.lua', { cwd: join(ROOT, 'src') }).map((path) => `dist/${path}`);
    const wanted = ['bin/tailrace.js', 'dist/main.js', 'dist/web/index.html', 'LICENSE', 'README.md', ...scripts];
    const examples = [
      'systemd/tailrace.service',
      'docker/Dockerfile',
      'docker/compose.yaml',
      'kubernetes/tailrace.yaml',
    ];
    const watching = ['prometheus/alerts.yaml', 'grafana/tailrace.json'];
    for (const path of [...wanted, ...[...examples, ...watching].map((each) => `deploy/${each}`), 'docs/running.md']) {
      expect(files).toContain(path);
    }
  });

  test('holds no source, test, map or tool, and nothing of a former build', () => {
    expect(files.filter((path) => /\.(ts|tsx|map|tgz|env)$|\.test\.|^(src|test|tools|bench|\.)/.test(path))).toEqual(
      [],
    );
    const compiled = files.filter((path) => /^dist\/.*\.js$/.test(path) && !path.startsWith('dist/web/'));
    const sourceOf = (path: string) => join(ROOT, path.replace('dist/', 'src/').replace(/\.js$/, '.ts'));
    expect(compiled.filter((path) => !existsSync(sourceOf(path)))).toEqual([]);
    expect(compiled.length).toBeGreaterThan(100);
    expect(files.length).toBeLessThan(MAX_FILES);
  });

  test('runs where it was installed, and needs no Node that comes with the checkout', async () => {
    const version = await run(join(folder, 'node_modules/.bin/tailrace'), ['--version'], { cwd: folder });
    expect(version).toEqual({ code: 0, out: `${packageFile.version}\n`, talk: '' });
    expect(existsSync(join(folder, 'node_modules/@tailrace'))).toBe(false);
    expect(globSync('node_modules/node-linux-*', { cwd: folder })).toEqual([]);
    for (const tool of ['typescript', 'vitest', 'vite'])
      expect(existsSync(join(folder, 'node_modules', tool))).toBe(false);
  });

  test('carries a file', { timeout: 60_000 }, async (test) => {
    const s3 = await startS3(test, folder);
    const recordings = join(folder, 'recordings');
    mkdirSync(recordings);
    const path = join(recordings, 'take.bin');
    writeFileSync(path, content(6 * 2 ** 20));
    const env = {
      ...ENV,
      WATCH_DIR: recordings,
      STATE_DIR: join(folder, 'state'),
      S3_ENDPOINT_URL: s3.url,
      S3_REGION_NAME: 'us-east-1',
      S3_BUCKET_NAME: BUCKET,
      S3_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      S3_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
      STREAM_TIMEOUT_SECONDS: '1',
      STREAM_TIMEOUT_UNKNOWN_SECONDS: '2',
      PROM_PORT: '0',
    };
    const ran = await run(join(folder, 'node_modules/.bin/tailrace'), ['run', '--once'], { cwd: folder, env });
    expect(ran.code, ran.talk).toBe(0);
    const { sha256, sizeBytes } = await fileOf(path);
    expect(await s3.objectOf('take.bin')).toMatchObject({ sha256, sizeBytes });
  });
});
