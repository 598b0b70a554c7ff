// Aborts uploads, on the user's word. Each is looked at once more right before: one that got a part meanwhile is in use, whoever uses
// it. Killed in between: some are gone, the others are listed by the next `gc`.

import type { Failure } from '../../machines/failure.ts';
import type { ObjectTarget } from '../../machines/stream-record.ts';
import type { S3Access } from '../tools.ts';
import type { UploadView } from './unowned.ts';

export interface AbortResult {
  readonly key: string;
  readonly uploadId: UploadView['uploadId'];
  /** `gone`: it had ended already. `kept`: somebody sent a part meanwhile. */
  readonly outcome: 'aborted' | 'gone' | 'kept' | 'failed';
  readonly detail: string | null;
}

/** A part that was on its way when the first Abort came can bring the upload's bytes back (AWS says so). */
const ABORTS_PER_UPLOAD = 2;

export async function abortAll(
  bucket: string,
  uploads: readonly UploadView[],
  notAfterMs: number,
  s3: S3Access,
  told: (result: AbortResult, upload: UploadView) => void,
): Promise<readonly AbortResult[]> {
  const results: AbortResult[] = [];
  for (const upload of uploads) {
    const target = { bucket, key: upload.key };
    const { outcome, detail } = await abortOne(target, upload, notAfterMs, s3);
    const result = { key: upload.key, uploadId: upload.uploadId, outcome, detail };
    told(result, upload);
    results.push(result);
  }
  return results;
}

type Ended = Pick<AbortResult, 'outcome' | 'detail'>;

async function abortOne(
  target: ObjectTarget,
  { uploadId }: UploadView,
  notAfterMs: number,
  { store, inspection }: S3Access,
): Promise<Ended> {
  const before = await inspection.uploadFacts(target, uploadId);
  if (!before.ok) return endOf(before.failure, 'gone');
  if ((before.value.newestPartAtMs ?? 0) > notAfterMs) return { outcome: 'kept', detail: 'it got a part meanwhile' };
  for (let round = 0; round < ABORTS_PER_UPLOAD; round += 1) {
    const aborted = await store.abortUpload({ target, uploadId });
    if (!aborted.ok) return endOf(aborted.failure, round === 0 ? 'gone' : 'aborted');
    const after = await inspection.uploadFacts(target, uploadId);
    if (!after.ok) return endOf(after.failure, 'aborted');
    if (after.value.parts === 0) break;
  }
  return { outcome: 'aborted', detail: null };
}

const endOf = (failure: Failure, whenGone: 'gone' | 'aborted'): Ended =>
  failure.code === 'upload_not_found'
    ? { outcome: whenGone, detail: null }
    : { outcome: 'failed', detail: `${failure.code}: ${failure.detail}` };
