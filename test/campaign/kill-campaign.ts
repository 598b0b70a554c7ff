// `npm run kill-campaign -- --kills N --streams M --seed S [--lanes L] [--redis] [--real-s3] [--points] [--json]`: the built daemon is
// killed N times while M files are written; then everything is compared. Without --real-s3 against dev-s3, with it against Swift.

import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { ROOT } from '../system/harness/built-program.ts';
import { type CampaignOptions, runCampaign } from './campaign.ts';
import { reportOf, textOf } from './report.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    streams: { type: 'string', default: '40' },
    seed: { type: 'string', default: '1' },
    /** Daemons side by side, each with its own folder, S3 and Redis. */
    lanes: { type: 'string', default: '4' },
    /** Files of this share of their size. */
    scale: { type: 'string', default: '1' },
    redis: { type: 'boolean', default: false },
    'real-s3': { type: 'boolean', default: false },
    /** First all named crash points once. */
    points: { type: 'boolean', default: false },
    /** No more kills after that. */
    minutes: { type: 'string', default: '600' },
    json: { type: 'boolean', default: false },
  },
});

const BAR_CELLS = 30;
const startedMs = performance.now();
const seconds = (): number => (performance.now() - startedMs) / 1_000;

const options: CampaignOptions = {
  kills: Number(values.kills),
  streams: Number(values.streams),
  seed: Number(values.seed),
  lanes: Number(values.lanes),
  scale: Number(values.scale),
  redis: values.redis,
  realS3: values['real-s3'],
  points: values.points,
  minutes: Number(values.minutes),
  onViolation: (sentence) => console.error(`\n${sentence}`),
  onKill: (done) => {
    if (!process.stderr.isTTY) return;
    const share = Math.min(1, done / Number(values.kills));
    const bar = '#'.repeat(Math.floor(share * BAR_CELLS)).padEnd(BAR_CELLS, '.');
    const leftSeconds = Math.max(0, Math.round((seconds() / done) * (Number(values.kills) - done)));
    process.stderr.write(`\r[${bar}] ${done}/${values.kills} kills, ${leftSeconds} s left   `);
  },
};

const commit = (): string => {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { cwd: ROOT, encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
};

const at = { date: new Date().toISOString(), commit: commit() };
const results = await runCampaign(options);
if (process.stderr.isTTY) process.stderr.write('\n');
const report = reportOf(options, results, { ...at, seconds: Math.round(seconds()) });
console.log(values.json ? JSON.stringify(report, null, 2) : textOf(report));
process.exit(report.violations.length === 0 ? 0 : 1);
