// What contradicts what, and what contradicts this machine: settings that are each fine but cannot hold together. Each check
// looks only at settings whose own values could be read, so that one mistake is told once.

import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import picomatch from 'picomatch';
import { ASIDE_PREFIX } from '../machines/aside-path.ts';
import type { Problem } from './problems.ts';
import type { ReadSettings } from './schema.ts';
import { formatSize } from './values.ts';

/** Settings that could be read; the others are missing. */
export type KnownSettings = Partial<ReadSettings>;

export interface CheckContext {
  readonly cwd: string;
  /** The S3 endpoint inside STATE_DIR, and folders that are made when missing. */
  readonly embedded: boolean;
}

export function contradictions(known: KnownSettings, context: CheckContext): readonly Problem[] {
  return [
    bucket,
    credentials,
    embeddedEndpoint,
    buffers,
    folders,
    stateInFolders,
    afterComplete,
    notifying,
    standbyNeedsRedis,
  ].flatMap((check) => check(known, context));
}

type Check = (known: KnownSettings, context: CheckContext) => readonly Problem[];

const bucket: Check = ({ s3BucketName }, { embedded }) =>
  s3BucketName !== null || embedded
    ? []
    : [
        {
          key: 'S3_BUCKET_NAME',
          value: null,
          problem: 'is missing',
          cure: 'give the bucket, or --embedded to try things without one',
        },
      ];

const credentials: Check = ({ s3AccessKeyId: id, s3SecretAccessKey: secret, s3SessionToken: token }) => {
  const found: Problem[] = [];
  const alone = (key: string, missing: string): Problem => ({
    key,
    value: null,
    problem: `is given without ${missing}`,
    cure: `give ${missing} too, or neither for AWS's own chain`,
  });
  if (id && secret === null) found.push(alone('S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'));
  if (secret && id === null) found.push(alone('S3_SECRET_ACCESS_KEY', 'S3_ACCESS_KEY_ID'));
  if (token && id === null && secret === null) found.push(alone('S3_SESSION_TOKEN', 'S3_ACCESS_KEY_ID'));
  return found;
};

const embeddedEndpoint: Check = ({ s3EndpointUrl }, { embedded }) =>
  embedded && s3EndpointUrl
    ? [
        {
          key: 'S3_ENDPOINT_URL',
          value: s3EndpointUrl,
          problem: 'contradicts --embedded, which brings its own endpoint',
          cure: 'leave one of the two out',
        },
      ]
    : [];

const buffers: Check = ({ uploadBufferBytes, chunkSizeBytes }) =>
  uploadBufferBytes !== undefined && chunkSizeBytes !== undefined && uploadBufferBytes < chunkSizeBytes
    ? [
        {
          key: 'UPLOAD_BUFFER_BYTES',
          value: formatSize(uploadBufferBytes),
          problem: `cannot hold one part of CHUNK_SIZE_BYTES (${formatSize(chunkSizeBytes)})`,
          cure: `give ${formatSize(chunkSizeBytes)} or more, or smaller parts`,
        },
      ]
    : [];

const standbyNeedsRedis: Check = ({ standby, redisUrl }) =>
  standby && redisUrl === null
    ? [
        {
          key: 'STANDBY',
          value: 'on',
          problem: 'needs the leases in Redis',
          cure: 'give REDIS_URL, or leave STANDBY out',
        },
      ]
    : [];

const folders: Check = ({ watchFolders }, { cwd, embedded }) => {
  const found: Problem[] = [];
  const given = watchFolders ?? [];
  for (const folder of given) {
    const problem = folderProblem(resolve(cwd, folder), embedded);
    if (problem) found.push({ key: 'WATCH_DIR', value: folder, ...problem });
  }
  for (const [index, folder] of given.entries()) {
    const outer = given.find(
      (other, at) => at !== index && (at < index || other !== folder) && holds(real(cwd, other), real(cwd, folder)),
    );
    if (outer === undefined) continue;
    const same = real(cwd, outer) === real(cwd, folder);
    if (same && given.findIndex((other) => real(cwd, other) === real(cwd, folder)) === index) continue;
    const problem = same ? `is the same folder as ${outer}` : `lies inside ${outer}, which is watched too`;
    found.push({
      key: 'WATCH_DIR',
      value: folder,
      problem,
      cure: 'watch the outer one only: folders are watched with all below them',
    });
  }
  return found;
};

function folderProblem(path: string, madeWhenMissing: boolean): Pick<Problem, 'problem' | 'cure'> | null {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat) return stat.isDirectory() ? null : { problem: 'is no folder', cure: 'name the folder, not a file' };
  return madeWhenMissing ? null : { problem: 'does not exist', cure: `make it (mkdir -p), or name another folder` };
}

const stateInFolders: Check = ({ watchFolders, watchExclude, stateDir }, { cwd }) => {
  if (!watchFolders || !watchExclude || stateDir === undefined) return [];
  const state = real(cwd, stateDir);
  const excluded = picomatch([...watchExclude], { dot: true });
  const found: Problem[] = [];
  for (const folder of watchFolders) {
    const watched = real(cwd, folder);
    if (holds(watched, state) && !excluded(join(relative(watched, state), 'any'))) {
      const cure = 'name one outside, or below a dot folder such as .tailrace (excluded by default)';
      found.push({ key: 'STATE_DIR', value: stateDir, problem: `lies in the watched folder ${folder}`, cure });
    } else if (holds(state, watched)) {
      const cure = 'name one outside of STATE_DIR';
      found.push({ key: 'WATCH_DIR', value: folder, problem: `lies in STATE_DIR (${stateDir})`, cure });
    }
  }
  return found;
};

/** What is set aside or moved must not be taken for a new recording, and a move must be a rename. */
const afterComplete: Check = ({ afterComplete: how, watchFolders, watchExclude }, { cwd }) => {
  if (!how || how.kind === 'keep' || !watchFolders || !watchExclude) return [];
  const problem = (text: string, cure: string): Problem => ({
    ...{ key: 'AFTER_COMPLETE', value: how.kind === 'move' ? `move:${how.folder}` : how.kind },
    ...{ problem: text, cure },
  });
  const found: Problem[] = [];
  if (!picomatch([...watchExclude], { dot: true })(`any/${ASIDE_PREFIX}name`))
    found.push(
      problem('needs a name that is not watched', `keep **/.* in WATCH_EXCLUDE (files named ${ASIDE_PREFIX}...)`),
    );
  if (how.kind !== 'move') return found;
  const target = real(cwd, how.folder);
  for (const folder of watchFolders) {
    if (holds(real(cwd, folder), target) || holds(target, real(cwd, folder)))
      found.push(problem(`is inside or above the watched folder ${folder}`, 'name a folder beside it'));
    else if (deviceOf(target) !== deviceOf(real(cwd, folder)))
      found.push(
        problem(
          `is on another file system than ${folder}`,
          'name a folder on the same one: files are renamed, not copied',
        ),
      );
  }
  return found;
};

/** Of the nearest folder that is there; null: none can be looked at. */
function deviceOf(path: string): number | null {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat) return stat.dev;
  const parent = resolve(path, '..');
  return parent === path ? null : deviceOf(parent);
}

const notifying: Check = ({ notifyUrl, notifySecret, notifyCommand }, { cwd }) => {
  const found: Problem[] = [];
  if (notifySecret && notifyUrl === null)
    found.push({
      ...{ key: 'NOTIFY_SECRET', value: null, problem: 'is given without NOTIFY_URL, which it signs' },
      cure: 'give NOTIFY_URL too, or leave it out',
    });
  // A bare name is looked for in the PATH of the daemon, which is not known here.
  if (notifyCommand?.includes('/') && !isProgram(resolve(cwd, notifyCommand)))
    found.push({
      ...{ key: 'NOTIFY_COMMAND', value: notifyCommand, problem: 'is no program that can be run' },
      cure: 'give the path of one executable file (chmod +x); it gets no arguments: a script can give them to others',
    });
  return found;
};

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Where the path really leads; of a folder yet to be made, where its nearest existing parent leads. */
function real(cwd: string, path: string): string {
  const absolute = resolve(cwd, path);
  try {
    return realpathSync(absolute);
  } catch {
    const parent = resolve(absolute, '..');
    return parent === absolute ? absolute : join(real(cwd, parent), relative(parent, absolute));
  }
}

const holds = (outer: string, inner: string): boolean =>
  inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : outer + sep);
