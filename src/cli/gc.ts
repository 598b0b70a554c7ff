// `tailrace gc`: unfinished uploads below S3_KEY_PREFIX that no stream owns. It only lists; `--abort --older-than 7d` removes them, on the
// user's word and after asking.
//
// 1. S3 is listed before the owners are asked for, so an upload opened meanwhile is not in the list.
// 2. Nothing that a stream names, left behind or may just be opening is ever aborted (gc/owners.ts), nor anything while that is not
//    known for certain. The owners are asked once more right before the first abort.
// 3. Without a daemon the journal's lock is held to the end: none starts meanwhile.
// 4. A daemon with another STATE_DIR that is not in our registry is not known here: its uploads look like nobody's. That is said, and
//    whatever got a part within `--older-than` is left alone.

import { InvalidArgumentError } from 'commander';
import { loadSettings } from '../config/load-config.ts';
import { formatProblems } from '../config/problems.ts';
import { duration, formatDuration } from '../config/values.ts';
import { failureRow } from '../machines/failure.ts';
import { jsonLine, plainText } from '../plain-text.ts';
import type { ListedUpload } from '../ports/object-store.ts';
import { addConfigFlags } from './config-flags.ts';
import { EXIT, exitCodeOfS3 } from './exit-codes.ts';
import { type AbortResult, abortAll } from './gc/abort.ts';
import { findOwners, type Owners } from './gc/owners.ts';
import { listingText, replyOf, sumOf } from './gc/report.ts';
import { lookAt, type Sorted, sortByOwner, type UploadView } from './gc/unowned.ts';
import { type JournalLooked, S3_SETTINGS, type S3Access, type Tools } from './tools.ts';
import { type ConfigOptions, configOptions, isSet, type Options, type RegisterVerb } from './verb.ts';
import type { World } from './world.ts';

export interface GcOptions extends ConfigOptions {
  readonly json: boolean;
  readonly embedded: boolean;
  readonly abort: boolean;
  readonly yes: boolean;
  readonly olderThanMs: number | null;
}

const GC_SETTINGS = [
  ...S3_SETTINGS,
  's3BucketName',
  's3KeyTemplate',
  'stateDir',
  'redisUrl',
  'redisKeyPrefix',
] as const;

export const registerGc: RegisterVerb = ({ program, world, ended }) =>
  addConfigFlags(
    program
      .command('gc')
      .description('unfinished uploads that no stream owns: lists them; with --abort --older-than removes them')
      .option('--abort', 'remove them, with all their parts; needs --older-than')
      .option('--older-than <duration>', 'only those opened, and last given a part, longer ago: 7d, 36h', olderThan)
      .option('--yes', 'do not ask')
      .option('--json', 'as data')
      .option('--embedded', 'those in the embedded S3 of STATE_DIR')
      .action(async (options: Options) => ended(await gc(ownOptions(options), world))),
    GC_SETTINGS,
  );

const ownOptions = (options: Options): GcOptions => ({
  ...configOptions(options),
  json: isSet(options, 'json'),
  embedded: isSet(options, 'embedded'),
  abort: isSet(options, 'abort'),
  yes: isSet(options, 'yes'),
  olderThanMs: typeof options['olderThan'] === 'number' ? options['olderThan'] : null,
});

/** Younger uploads may be some other program's present work. */
const LEAST_AGE_MS = 3_600_000;
const MOST_AGE_MS = 3_650 * 86_400_000;

function olderThan(text: string): number {
  const reading = duration({ least: LEAST_AGE_MS, most: MOST_AGE_MS })(text);
  if (reading.ok) return reading.value;
  throw new InvalidArgumentError(`It ${reading.problem}: ${reading.cure}.`);
}

type Settings = Extract<ReturnType<typeof loadSettings<(typeof GC_SETTINGS)[number]>>, { ok: true }>['settings'];

/** What one run works with. */
interface Run {
  readonly options: GcOptions;
  readonly settings: Settings;
  readonly world: World;
  readonly tools: Tools;
  readonly journal: JournalLooked;
  readonly s3: S3Access;
  readonly nowMs: number;
}

export async function gc(options: GcOptions, world: World, nowMs = Date.now()): Promise<number> {
  const { flags, file, embedded } = options;
  if (options.abort && options.olderThanMs === null)
    return told(world, '--abort needs --older-than, for example --older-than 7d.', EXIT.usage);
  const request = { flags, env: world.env, cwd: world.cwd, embedded, ...(file === undefined ? {} : { file }) };
  const loaded = loadSettings(request, GC_SETTINGS);
  if (!loaded.ok) {
    world.talk(formatProblems(loaded.problems));
    return EXIT.configuration;
  }
  const { settings } = loaded;
  const tools = await world.tools();
  const journal = await tools.lockJournal(settings.stateDir, 'tailrace gc');
  try {
    const opened = await tools.openS3(settings, { embedded, locked: journal.kind === 'open' });
    if (!opened.ok) return told(world, `${opened.message}.`, opened.exitCode);
    const { s3 } = opened;
    const run = { options, settings, world, tools, journal, s3, nowMs };
    return await listAndAbort(run).finally(() => s3.close());
  } finally {
    if (journal.kind === 'open') await journal.journal.close();
  }
}

function told(world: World, line: string, exitCode: number): number {
  world.talk(`${plainText(line)}\n`);
  return exitCode;
}

async function listAndAbort(run: Run): Promise<number> {
  const { settings, s3, world, options, nowMs } = run;
  const place = { bucket: settings.s3BucketName, prefix: settings.s3KeyPrefix };
  const listed = await s3.store.listUploads(place);
  if (!listed.ok) return s3Refused(run, listed.failure);
  const found = await findOwners(settings, run.journal, listed.value, run.tools);
  if (!found.ok) return told(world, `${found.detail}.`, EXIT.temporary);
  const sorted = sortByOwner(listed.value, found.owners);
  const looked = await lookAt(place.bucket, sorted.unowned, s3.inspection);
  if (!looked.ok) return s3Refused(run, looked.failure);
  const oldestMs = nowMs - (options.olderThanMs ?? 0);
  const unowned = looked.value.filter(({ lastActivityMs }) => lastActivityMs <= oldestMs);
  if (!options.json) world.out(listingText(unowned, nowMs));
  const younger = looked.value.length - unowned.length;
  summarize(run, found.owners, sorted, unowned, younger);
  const ending = options.abort ? await abort(run, found.owners, unowned, listed.value) : NOTHING_ASKED;
  if (options.json) {
    world.out(jsonLine(replyOf(place, found.owners, sorted, unowned, ending.results)));
  }
  return ending.exitCode;
}

function s3Refused({ world, settings }: Run, failure: Parameters<typeof exitCodeOfS3>[0]): number {
  const { hint } = failureRow(failure.code);
  const place = `s3://${settings.s3BucketName}/${settings.s3KeyPrefix}`;
  return told(world, `${place}: ${failure.code}: ${failure.detail}. ${hint}`, exitCodeOfS3(failure));
}

function summarize(
  { world, settings, options }: Run,
  { source, doubts }: Owners,
  { owned }: Sorted,
  unowned: readonly UploadView[],
  younger: number,
): void {
  const place = `s3://${settings.s3BucketName}/${settings.s3KeyPrefix}`;
  const age = options.olderThanMs === null ? '' : ` older than ${formatDuration(options.olderThanMs)}`;
  const lines = [
    `${sumOf(unowned)} below ${place}${age} that no stream owns, as ${source} tells.`,
    `${owned.length} belong to streams and are left alone${younger > 0 ? `; ${younger} more are younger` : ''}.`,
    ...(unowned.length > 0 ? doubts.map((doubt) => `But ${doubt}.`) : []),
  ];
  if (unowned.length > 0 && settings.redisUrl === null)
    lines.push(
      'Uploads of a daemon with another STATE_DIR, or of another program, look the same: do you know these keys?',
    );
  if (!options.abort && unowned.length > 0)
    lines.push('Nothing was aborted. To remove them: tailrace gc --abort --older-than 7d');
  for (const line of lines) told(world, line, EXIT.ok);
}

interface Ending {
  readonly exitCode: number;
  /** Null: nothing was to be aborted, or nothing may be. */
  readonly results: readonly AbortResult[] | null;
}

const NOTHING_ASKED: Ending = { exitCode: EXIT.ok, results: null };
const refusal = (exitCode: number): Ending => ({ exitCode, results: null });

async function abort(
  run: Run,
  owners: Owners,
  unowned: readonly UploadView[],
  listed: readonly ListedUpload[],
): Promise<Ending> {
  const { world, settings, tools, journal, s3, nowMs, options } = run;
  if (unowned.length === 0) return { exitCode: EXIT.ok, results: [] };
  if (owners.doubts.length > 0) return refusal(told(world, 'Nothing was aborted, for this reason.', EXIT.temporary));
  const consent = await consented(run, unowned);
  if (consent !== null) return refusal(consent);
  // A person may have thought for long: streams may own some of them by now.
  const now = await findOwners(settings, journal, listed, tools);
  if (!now.ok || now.owners.doubts.length > 0) {
    const why = now.ok ? now.owners.doubts.join('; ') : now.detail;
    return refusal(told(world, `Nothing was aborted: ${why}.`, EXIT.temporary));
  }
  const still = unowned.filter((upload) => now.owners.ownerOf(upload) === null);
  const notAfterMs = nowMs - (options.olderThanMs ?? 0);
  const results = await abortAll(settings.s3BucketName, still, notAfterMs, s3, (result, upload) =>
    told(world, abortedLine(result, upload), EXIT.ok),
  );
  return { exitCode: results.some(({ outcome }) => outcome === 'failed') ? EXIT.failure : EXIT.ok, results };
}

const abortedLine = ({ key, outcome, detail }: AbortResult, upload: UploadView): string =>
  `${outcome}: ${key} (${upload.parts} parts, upload ${upload.uploadId})${detail === null ? '' : `: ${detail}`}`;

/** Null: go on. */
async function consented({ options, world }: Run, unowned: readonly UploadView[]): Promise<number | null> {
  if (options.yes) return null;
  const answer = await world.ask(`Abort ${sumOf(unowned)}? Their parts are lost for good. Type yes: `);
  if (answer === null)
    return told(world, 'Nothing was aborted: nobody is at a terminal to be asked. Give --yes.', EXIT.usage);
  return answer.trim().toLowerCase() === 'yes' ? null : told(world, 'Nothing was aborted.', EXIT.failure);
}
