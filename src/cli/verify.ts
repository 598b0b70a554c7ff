// `tailrace verify FILE s3://bucket/key`: is the object the file? Asks the file and S3 alone; neither journal nor daemon nor receipt is
// believed (the receipt only tells where parts begin, and counts only if S3's own ETag agrees).
//
// V1. Size, then the sums that S3 made of the bytes it got, at the price of reading the file once. Where these prove it, nothing is read
//     back. Where they do not, the object is read back and compared byte by byte; its size is said before. `--download` always
//     does that, `--no-download` never.
// V2. The file is held open and must have the same stat at the end, the object the same ETag: else there is no answer, exit 75.

import type { BigIntStats } from 'node:fs';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { loadSettings } from '../config/load-config.ts';
import { formatProblems } from '../config/problems.ts';
import { formatSize } from '../config/values.ts';
import { type Failure, failureRow } from '../machines/failure.ts';
import { growingPlan, uniformPlan } from '../machines/part-plan.ts';
import type { ObjectTarget } from '../machines/stream-record.ts';
import { jsonLine, plainText } from '../plain-text.ts';
import type { ObjectHead } from '../ports/object-store.ts';
import { addConfigFlags } from './config-flags.ts';
import { EXIT, exitCodeOfS3 } from './exit-codes.ts';
import { S3_SETTINGS, type S3Access } from './tools.ts';
import { type ConfigOptions, configOptions, isSet, type Options, type RegisterVerb } from './verb.ts';
import { compareBytes } from './verify/compare-bytes.ts';
import { sumFile } from './verify/file-sums.ts';
import { type Comparison, type Judgement, judgeSizes, judgeSums } from './verify/judge.ts';
import { findLayouts, partsInEtag } from './verify/part-layout.ts';
import { progressLine, replyText, type VerifyReply } from './verify/report.ts';
import type { World } from './world.ts';

export interface VerifyOptions extends ConfigOptions {
  readonly path: string;
  readonly target: ObjectTarget;
  readonly json: boolean;
  readonly embedded: boolean;
  /** Null: when sums do not decide it. */
  readonly download: boolean | null;
}

const VERIFY_SETTINGS = [...S3_SETTINGS, 'stateDir', 'chunkSizeBytes', 'partPlan'] as const;

export const registerVerify: RegisterVerb = ({ program, world, ended }) =>
  addConfigFlags(
    program
      .command('verify')
      .description('prove that an object is a file; exit 0: equal, 1: different')
      .argument('<file>', 'the file')
      .argument('<object>', 's3://bucket/key', objectTarget)
      .option('--download', 'read the object back and compare every byte')
      .option('--no-download', 'never read the object back: where sums do not decide it, exit 69')
      .option('--json', 'as data')
      .option('--embedded', 'an object in the embedded S3 of STATE_DIR')
      .action(async (path: string, target: ObjectTarget, options: Options) =>
        ended(await verify(ownOptions(path, target, options), world)),
      ),
    VERIFY_SETTINGS,
  );

const ownOptions = (path: string, target: ObjectTarget, options: Options): VerifyOptions => ({
  ...configOptions(options),
  path,
  target,
  json: isSet(options, 'json'),
  embedded: isSet(options, 'embedded'),
  download: typeof options['download'] === 'boolean' ? options['download'] : null,
});

/** The key is taken as it stands: nothing in it is decoded. */
function objectTarget(text: string): ObjectTarget {
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/s.exec(text) ?? [];
  if (bucket !== undefined && key !== undefined) return { bucket, key };
  throw new InvalidArgumentError('Give it like s3://bucket/key.');
}

export async function verify(options: VerifyOptions, world: World): Promise<number> {
  const { flags, file: configFile, embedded } = options;
  const request = { flags, env: world.env, cwd: world.cwd, embedded, ...(configFile && { file: configFile }) };
  const loaded = loadSettings(request, VERIFY_SETTINGS);
  if (!loaded.ok) {
    world.talk(formatProblems(loaded.problems));
    return EXIT.configuration;
  }
  const { settings } = loaded;
  const file = await openFile(resolve(world.cwd, options.path));
  if (typeof file === 'string') return told(world, `${options.path}: ${file}.`, EXIT.unavailable);
  try {
    const tools = await world.tools();
    const opened = await tools.openS3({ ...settings, s3BucketName: options.target.bucket }, { embedded });
    if (!opened.ok) return told(world, `${opened.message}.`, opened.exitCode);
    const { s3 } = opened;
    const { partPlan, chunkSizeBytes } = settings;
    const ownPlan = partPlan === 'uniform' ? uniformPlan(chunkSizeBytes) : growingPlan(chunkSizeBytes);
    const outcome = await prove({ options, world, file, s3, ownPlan }).finally(() => s3.close());
    if ('failure' in outcome) return failed(options, world, outcome.failure);
    world.out(options.json ? jsonLine(outcome.reply) : replyText(outcome.reply));
    return EXIT_OF[outcome.reply.verdict];
  } finally {
    await file.close();
  }
}

const EXIT_OF: Readonly<Record<VerifyReply['verdict'], number>> = {
  equal: EXIT.ok,
  different: EXIT.failure,
  absent: EXIT.failure,
  unproven: EXIT.unavailable,
  changed: EXIT.temporary,
};

function told(world: World, line: string, exitCode: number): number {
  world.talk(`${plainText(line)}\n`);
  return exitCode;
}

function failed({ target }: VerifyOptions, world: World, failure: Failure): number {
  const { hint } = failureRow(failure.code);
  const place = `s3://${target.bucket}/${target.key}`;
  const embedded = ' A daemon that runs with --embedded has its own S3: then give --embedded here too.';
  const cure = failure.code.startsWith('s3_') ? embedded : '';
  return told(world, `${place}: ${failure.code}: ${failure.detail}. ${hint}${cure}`, exitCodeOfS3(failure));
}

/** A text: why not. Without blocking: a FIFO must not hang us. */
async function openFile(path: string): Promise<FileHandle | string> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if ((await file.stat()).isFile()) return file;
    await file.close();
    return 'is not a regular file';
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return code === 'ENOENT' ? 'does not exist' : `cannot be read (${code ?? String(error)})`;
  }
}

/** What one run works with. */
interface Run {
  readonly options: VerifyOptions;
  readonly world: World;
  readonly file: FileHandle;
  readonly s3: S3Access;
  readonly ownPlan: ReturnType<typeof growingPlan>;
}

type Proved = { readonly reply: VerifyReply } | { readonly failure: Failure };

async function prove(run: Run): Promise<Proved> {
  const { options, file, s3 } = run;
  const before = await file.stat({ bigint: true });
  const head = await s3.store.headObject(options.target);
  if (!head.ok) return { failure: head.failure };
  const fileBytes = Number(before.size);
  const place = { file: options.path, ...options.target, fileBytes };
  const nothing = { compared: [], difference: null, readBytes: 0 };
  if (!head.value) return { reply: { ...place, ...nothing, verdict: 'absent', objectBytes: null } };
  const judged = await judge(run, fileBytes, head.value);
  if ('failure' in judged) return judged;
  const reply = { ...place, objectBytes: head.value.sizeBytes, ...judged };
  const still = await isStill(run, before, head.value);
  if ('failure' in still) return still;
  return { reply: still.same ? reply : { ...reply, ...nothing, verdict: 'changed' } };
}

type Judged = Judgement & Pick<VerifyReply, 'readBytes'>;

/** V1. */
async function judge(run: Run, fileBytes: number, head: ObjectHead): Promise<Judged | { readonly failure: Failure }> {
  const { options, world } = run;
  const size = judgeSizes(fileBytes, head);
  if (size.result === 'different') {
    return { verdict: 'different', compared: [size], difference: null, readBytes: 0 };
  }
  if (fileBytes === 0) return { verdict: 'equal', compared: [size], difference: null, readBytes: 0 };
  const sums = await judgeBySums(run, head);
  const compared: readonly Comparison[] = [size, ...sums.compared];
  const isWanted = options.download ?? sums.verdict === 'unproven';
  if (!isWanted) return { ...sums, compared, readBytes: 0 };
  if (options.download === null)
    world.talk(`The sums do not decide it: the object is read back, ${formatSize(head.sizeBytes)}.\n`);
  return await judgeByBytes(run, head, compared, sums);
}

async function judgeBySums({ options, world, file, s3, ownPlan }: Run, head: ObjectHead): Promise<Judgement> {
  const layouts = await findLayouts(options.target, head, s3, ownPlan);
  const progress = progressLine(world.talk, world.terminal, 'reading the file', head.sizeBytes);
  const isWhole = partsInEtag(head.etag) === null;
  const sums = await sumFile(file, head.sizeBytes, layouts, isWhole, progress.told);
  progress.end();
  // Shorter than its stat said: it changed, which is found out at the end.
  return sums === null ? { verdict: 'unproven', compared: [], difference: null } : judgeSums(head, sums);
}

async function judgeByBytes(
  { options, world, file, s3 }: Run,
  head: ObjectHead,
  compared: readonly Comparison[],
  sums: Judgement,
): Promise<Judged | { readonly failure: Failure }> {
  const progress = progressLine(world.talk, world.terminal, 'reading the object', head.sizeBytes);
  const bytes = await compareBytes(file, options.target, head.sizeBytes, s3.store, progress.told);
  progress.end();
  if (bytes.kind === 'failed') return bytes;
  const { readBytes } = bytes;
  if (bytes.kind === 'equal') {
    const all: Comparison = { what: 'bytes', result: 'same', detail: `all ${readBytes} were read back` };
    return { verdict: 'equal', compared: [...compared, all], difference: null, readBytes };
  }
  const { offset } = bytes;
  const all: Comparison = { what: 'bytes', result: 'different', detail: `the first that differs is at ${offset}` };
  const partNumber = sums.difference?.partNumber ?? null;
  return {
    verdict: 'different',
    compared: [...compared, all],
    difference: { partNumber, offset, end: null },
    readBytes,
  };
}

/** V2. */
async function isStill(
  { options, file, s3 }: Run,
  before: BigIntStats,
  head: ObjectHead,
): Promise<{ readonly same: boolean } | { readonly failure: Failure }> {
  const after = await file.stat({ bigint: true });
  const again = await s3.store.headObject(options.target);
  if (!again.ok) return { failure: again.failure };
  const sameFile = (['size', 'mtimeNs', 'ctimeNs'] as const).every((field) => before[field] === after[field]);
  const { etag, lastModifiedMs, sizeBytes } = again.value ?? { etag: '', lastModifiedMs: 0, sizeBytes: -1 };
  return {
    same: sameFile && etag === head.etag && lastModifiedMs === head.lastModifiedMs && sizeBytes === head.sizeBytes,
  };
}
