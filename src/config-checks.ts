// What contradicts what, and what contradicts this machine: settings that are each fine but cannot hold together. Each check
// looks only at settings whose own values could be read, so that one mistake is told once.

import { realpathSync, statSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import picomatch from 'picomatch';
import type { Problem } from './config-problems.ts';
import type { ReadSettings } from './config-schema.ts';
import { formatSize } from './config-values.ts';

/** Settings that could be read; the others are missing. */
export type KnownSettings = Partial<ReadSettings>;

export interface CheckContext {
  readonly cwd: string;
  /** The S3 endpoint inside STATE_DIR, and folders that are made when missing. */
  readonly embedded: boolean;
}

export function contradictions(known: KnownSettings, context: CheckContext): readonly Problem[] {
  return [bucket, credentials, embeddedEndpoint, buffers, folders, stateInFolders].flatMap((check) =>
    check(known, context),
  );
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
