// Checks of S3, by doing what the daemon does: the server is there and its clock is right, credentials and bucket, what it supports, and an
// upload that is created, filled, listed and aborted below S3_KEY_PREFIX, under a random key.
//
// Leaves nothing behind, also when it is told to end; killed in between, it leaves one upload below `.tailrace-probe/`, said
// before it is made, which the next start of a daemon (or the next `doctor`) aborts.

import type { S3Access } from '../tools.ts';
import { type Bench, type Check, type Finding, fail, ok, skipped } from './finding.ts';
import { checkCapabilities } from './s3-capabilities.ts';
import { checkClock } from './s3-clock.ts';
import { ofFailure } from './s3-failure.ts';
import { tryUpload } from './s3-upload.ts';

export const checkS3: Check = async (bench) => {
  const { config, problems } = bench.examined;
  if (problems.some(({ key }) => key.startsWith('S3_') || key.startsWith('--s3-')))
    return [skipped('s3', 'its settings have mistakes (see config)')];
  const warnings: string[] = [];
  const note = (message: string, fields?: { readonly [name: string]: unknown }): void => {
    warnings.push(`${message}: ${fields?.['key'] ?? ''} ${fields?.['reason'] ?? ''}`);
  };
  const telemetry = { debug() {}, info() {}, warn: note, error: note, count() {}, observe() {} };
  const opened = await bench.tools.openS3(config, { embedded: bench.embedded, telemetry });
  if (!opened.ok)
    return [fail('s3', 'unavailable', opened.message, 'nothing can be uploaded', 'start the daemon first')];
  try {
    return await checkStore(bench, opened.s3, warnings);
  } finally {
    await opened.s3.close();
  }
};

async function checkStore(bench: Bench, s3: S3Access, warnings: readonly string[]): Promise<readonly Finding[]> {
  const findings: Finding[] = [...(await checkClock(s3.endpoint, bench.signal))];
  if (findings.some(({ verdict }) => verdict === 'fail')) return findings;
  const bucket = await checkBucket(bench, s3);
  findings.push(bucket);
  // Without credentials or bucket nothing else can be asked; without the right to list, the rest still can.
  if (bucket.verdict === 'fail' && !bucket.denied) return findings;
  if (bucket.verdict === 'ok' && !bench.signal.aborted)
    findings.push(...(await checkCapabilities(bench, s3, warnings)));
  if (!bench.signal.aborted) findings.push(...(await tryUpload(bench, s3)));
  return findings;
}

async function checkBucket({ examined, signal }: Bench, { store }: S3Access): Promise<Finding> {
  const { s3BucketName: bucket, s3KeyPrefix: prefix } = examined.config;
  const place = `s3://${bucket}/${prefix}`;
  const listed = await store.listUploads({ bucket, prefix }, { signal });
  if (!listed.ok) return ofFailure('s3.bucket', listed.failure, `nothing can be uploaded to ${place}`);
  const count = listed.value.length;
  const unfinished = count === 0 ? 'no unfinished uploads there' : `${count} unfinished uploads there (tailrace gc)`;
  return ok('s3.bucket', `${place}: credentials are accepted, the bucket is there; ${unfinished}`);
}
