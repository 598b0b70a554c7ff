// `tailrace doctor`: everything that a first run trips on, looked at or really tried, each with what it means and what to do. One check
// per file in doctor/. Changes nothing that stays: what it makes (a file in STATE_DIR, an upload and a small object below
// S3_KEY_PREFIX.tailrace-probe/) it removes again, also when it is told to end.

import { examineConfig } from '../config/load-config.ts';
import { jsonLine } from '../plain-text.ts';
import { addConfigFlags } from './config-flags.ts';
import { checkFfprobe } from './doctor/ffprobe.ts';
import { type Bench, type Check, type Finding, fail } from './doctor/finding.ts';
import { checkFolders } from './doctor/folders.ts';
import { iamPolicy } from './doctor/iam-policy.ts';
import { checkNode, checkSettings } from './doctor/node-and-settings.ts';
import { checkOpenFiles, checkWriterSight } from './doctor/processes.ts';
import { checkRedis } from './doctor/redis.ts';
import { doctorReply, exitCodeOf, findingText, policyText, summaryText } from './doctor/report.ts';
import { checkS3 } from './doctor/s3.ts';
import { checkStateDir } from './doctor/state-dir.ts';
import { type EndSignal, exitCodeOfSignal } from './exit-codes.ts';
import { type ConfigOptions, configOptions, isSet, type Options, type RegisterVerb } from './verb.ts';
import type { World } from './world.ts';

export interface DoctorOptions extends ConfigOptions {
  readonly json: boolean;
  readonly embedded: boolean;
  /** Print the policy in any case. */
  readonly iam: boolean;
}

/** In the order in which causes come before their consequences. */
const CHECKS: readonly Check[] = [
  checkNode,
  checkSettings,
  checkFolders,
  checkWriterSight,
  checkOpenFiles,
  checkStateDir,
  checkFfprobe,
  checkS3,
  checkRedis,
];

export const registerDoctor: RegisterVerb = ({ program, world, ended }) =>
  addConfigFlags(
    program
      .command('doctor')
      .description('check everything that a first run trips on, and say what to do')
      .option('--iam', 'print the policy that the bucket needs to give, in any case')
      .option('--json', 'as data')
      .option('--embedded', 'as `run --embedded` needs it')
      .action(async (options: Options) => ended(await doctor(ownOptions(options), world))),
  );

const ownOptions = (options: Options): DoctorOptions => ({
  ...configOptions(options),
  json: isSet(options, 'json'),
  embedded: isSet(options, 'embedded'),
  iam: isSet(options, 'iam'),
});

export async function doctor(options: DoctorOptions, world: World): Promise<number> {
  const { flags, file, embedded, json } = options;
  const request = { flags, env: world.env, cwd: world.cwd, embedded, ...(file === undefined ? {} : { file }) };
  const ending = new AbortController();
  const hurrying = new AbortController();
  let endedBy: EndSignal | null = null;
  const stop = world.onSignal((signal) => {
    if (endedBy === null) world.talk(`${signal}: cleaning up what was begun; a second signal hurries\n`);
    else hurrying.abort();
    endedBy ??= signal;
    ending.abort();
  });
  const bench: Bench = {
    examined: examineConfig(request),
    embedded,
    tools: await world.tools(),
    path: world.env['PATH'] ?? '',
    signal: ending.signal,
    hurry: hurrying.signal,
    talk: (line) => world.talk(`${line}\n`),
  };
  const findings = await examine(bench, json ? () => {} : (finding) => world.out(findingText(finding))).finally(stop);
  tellWhole(options, bench, findings, world);
  return endedBy === null ? exitCodeOf(findings) : exitCodeOfSignal(endedBy);
}

async function examine(bench: Bench, told: (finding: Finding) => void): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const check of CHECKS) {
    if (bench.signal.aborted) break;
    for (const finding of await checked(check, bench)) {
      findings.push(finding);
      told(finding);
    }
  }
  return findings;
}

/** A check that fails itself must not hide what the others find. */
async function checked(check: Check, bench: Bench): Promise<readonly Finding[]> {
  try {
    return await check(bench);
  } catch (error) {
    const found = `${check.name} failed: ${error instanceof Error ? error.message : String(error)}`;
    return [fail('doctor', 'unavailable', found, 'this was not checked', 'please report it')];
  }
}

function tellWhole(options: DoctorOptions, { examined }: Bench, findings: readonly Finding[], world: World): void {
  const { s3BucketName, s3KeyPrefix, s3RegionName } = examined.config;
  const isWanted = options.iam || findings.some(({ denied }) => denied);
  const policy = isWanted ? iamPolicy(s3BucketName, s3KeyPrefix, s3RegionName) : null;
  if (options.json) {
    world.out(jsonLine(doctorReply(findings, policy)));
    return;
  }
  world.out(summaryText(findings));
  if (policy) world.out(policyText(policy, s3BucketName));
}
