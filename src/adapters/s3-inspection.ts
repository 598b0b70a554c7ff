// Questions to S3 that only verbs ask: what an unfinished upload holds and since when, and how long an object's first part is. Only looks.

import { HeadObjectCommand, ListPartsCommand, type ListPartsCommandOutput } from '@aws-sdk/client-s3';
import type { UploadId } from '../machines/ids.ts';
import type { ObjectTarget } from '../machines/stream-record.ts';
import type { CallOptions } from '../ports/object-store.ts';
import type { Outcome } from '../ports/outcome.ts';
import { createCall } from './s3-call.ts';
import { createS3Client, type S3ClientOptions } from './s3-client.ts';
import { required, requiredCount } from './s3-fields.ts';
import { DEFAULT_TIMEOUTS } from './s3-http.ts';
import { UnreadableReply } from './s3-replies.ts';
import { UPLOAD_GONE } from './s3-uploads.ts';

export interface S3UploadFacts {
  readonly parts: number;
  readonly sizeBytes: number;
  readonly newestPartAtMs: number | null;
}

const NO_FACTS: S3UploadFacts = { parts: 0, sizeBytes: 0, newestPartAtMs: null };

export function createS3Inspection(options: S3ClientOptions) {
  const client = createS3Client(options, DEFAULT_TIMEOUTS);
  const { secretAccessKey = '', sessionToken = '' } = options.credentials ?? {};
  const call = createCall({ secrets: [secretAccessKey, sessionToken].filter((secret) => secret !== '') });
  const deadlineMs = DEFAULT_TIMEOUTS.requestMs;

  async function uploadFacts(
    { bucket, key }: ObjectTarget,
    uploadId: UploadId,
    options?: CallOptions,
  ): Promise<Outcome<S3UploadFacts>> {
    let facts = NO_FACTS;
    for (let marker = 0; ; ) {
      const page = await call('ListParts', { deadlineMs, options, meanings: UPLOAD_GONE }, async (how) => {
        const after = marker > 0 ? { PartNumberMarker: String(marker) } : {};
        const command = new ListPartsCommand({ Bucket: bucket, Key: key, UploadId: uploadId, ...after });
        const answer = await client.send(command, how);
        return { answer, next: nextMarker(answer, uploadId, marker) };
      });
      if (!page.ok) return page;
      facts = withPage(facts, page.value.answer);
      if (page.value.next === null) return { ok: true, value: facts };
      marker = page.value.next;
    }
  }

  /** Swift refuses the question, some answer with the whole object: then it is not known. */
  async function firstPart(
    { bucket, key }: ObjectTarget,
    options?: CallOptions,
  ): Promise<{ readonly sizeBytes: number; readonly parts: number } | null> {
    const asked = await call('HeadObject', { deadlineMs, options }, async (how) => {
      const answer = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key, PartNumber: 1 }), how);
      return answer.PartsCount === undefined
        ? null
        : { sizeBytes: requiredCount(answer.ContentLength, 'Content-Length'), parts: answer.PartsCount };
    });
    return asked.ok ? asked.value : null;
  }

  return { uploadFacts, firstPart, close: () => client.destroy() };
}

/** @throws UnreadableReply for a page that could not have followed `marker` */
function nextMarker(answer: ListPartsCommandOutput, uploadId: string, marker: number): number | null {
  if (required(answer.UploadId, 'UploadId') !== uploadId) throw new UnreadableReply('the parts of another upload');
  if (!answer.IsTruncated) return null;
  const next = Number(answer.NextPartNumberMarker ?? answer.Parts?.at(-1)?.PartNumber);
  if (!(next > marker)) throw new UnreadableReply(`the marker of the list stays at ${marker}`);
  return next;
}

function withPage(before: S3UploadFacts, { Parts = [] }: ListPartsCommandOutput): S3UploadFacts {
  const times = Parts.map((part) => part.LastModified?.getTime() ?? Number.NaN).filter((ms) => !Number.isNaN(ms));
  if (before.newestPartAtMs !== null) times.push(before.newestPartAtMs);
  return {
    parts: before.parts + Parts.length,
    sizeBytes: Parts.reduce((sum, part) => sum + requiredCount(part.Size, 'Size'), before.sizeBytes),
    newestPartAtMs: times.length === 0 ? null : Math.max(...times),
  };
}
