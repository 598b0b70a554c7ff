// Runs before `npm start` and `npm test`: installs what is missing, builds what is older than its source, and for the tests
// gets the real programs that they talk to. Imports nothing that has to be installed, and runs on old versions of Node too.
//
// `npm ci` runs only when the lockfile is not the one that was installed: it removes everything for a moment.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const STAMP = 'node_modules/.tailrace-installed';
const forTests = process.argv.includes('--for-tests');

/** Programs, and the Debian packages that have them. */
const TEST_PROGRAMS = [
  { program: 'redis-server', packages: ['redis-server'] },
  { program: 'ffmpeg', packages: ['ffmpeg'] },
  { program: 'promtool', packages: ['prometheus'] },
  { program: 'systemd-notify', packages: ['systemd'] },
  { program: 'chromium', packages: ['chromium'] },
  { program: 'python3', packages: ['python3'] },
  {
    program: 'gst-launch-1.0',
    packages: ['gstreamer1.0-tools', 'gstreamer1.0-plugins-base', 'gstreamer1.0-plugins-good'],
  },
];

/** Besides src. The page shows the stream's chart. */
const BUILD_INPUTS = ['tsconfig.build.json', 'vite.config.ts', 'package.json', 'docs/statecharts/stream.svg'];

const say = (line) => process.stderr.write(`${line}\n`);

function run(command, args, env = process.env) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 2, 2], env });
  if (error) fail(`${command} cannot be run: ${error.message}`);
  return status === 0;
}

function fail(line) {
  say(line);
  process.exit(1);
}

/** npm must not run on the Node that it is about to remove. */
function withoutOurNode() {
  const path = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !folder.endsWith(join('node_modules', '.bin')));
  return { ...process.env, PATH: path.join(delimiter) };
}

function install() {
  const wanted = createHash('sha256').update(readFileSync('package-lock.json')).digest('hex');
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted) return;
  say('Installing what tailrace needs (npm ci) ...');
  if (!run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], withoutOurNode()))
    fail('npm ci failed: see above. Is the network there?');
  writeFileSync(STAMP, wanted);
}

function newestMs(folder) {
  return readdirSync(folder, { withFileTypes: true }).reduce((newest, entry) => {
    const path = join(folder, entry.name);
    return Math.max(newest, entry.isDirectory() ? newestMs(path) : statSync(path).mtimeMs);
  }, statSync(folder).mtimeMs);
}

function build() {
  const inputs = Math.max(newestMs('src'), ...BUILD_INPUTS.map((path) => statSync(path).mtimeMs));
  if (existsSync('dist/.built') && statSync('dist/.built').mtimeMs >= inputs) return;
  say('Building ...');
  if (!run('npm', ['run', '--silent', 'build'])) fail('The build failed: see above.');
  writeFileSync('dist/.built', '');
}

const isThere = (program) =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .concat('/usr/sbin')
    .some((folder) => existsSync(join(folder, program)));

function getTestPrograms() {
  const packages = TEST_PROGRAMS.filter(({ program }) => !isThere(program)).flatMap((each) => each.packages);
  if (packages.length === 0) return;
  const install = ['install', '-y', '-qq', '--no-install-recommends', ...packages];
  const isRoot = process.getuid?.() === 0;
  if (!isRoot || !isThere('apt-get')) {
    fail(
      `The tests talk to real programs that are not there. On Debian or Ubuntu:\n  sudo apt-get update && sudo apt-get ${install.join(' ')}`,
    );
  }
  say(`Installing for the tests, from Debian's packages: ${packages.join(' ')} ...`);
  // RUNLEVEL=1: Debian would start a redis-server of its own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const lock = ['-o', 'DPkg::Lock::Timeout=300'];
  if (!run('apt-get', [...lock, '-qq', 'update'], env) || !run('apt-get', [...lock, ...install], env))
    fail('apt-get failed: see above.');
}

install();
build();
if (forTests) getTestPrograms();
