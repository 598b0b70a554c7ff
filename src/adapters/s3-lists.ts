// The two listings, all pages of them.
//
// A list that is wrong is worse than none: parts taken for missing are sent again, parts taken for present are lost. So
// each entry has its fields, part numbers only ascend, and a marker that does not advance is a failure. Unfinished uploads
// are only a hint to the caller, and Swift repeats a page for ever: there, a page without news ends the list.

import {
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  ListPartsCommand,
  type ListPartsCommandOutput,
} from '@aws-sdk/client-s3';
import { failureOf } from '../machines/failure.ts';
import { uploadId as asUploadId, partNumber } from '../machines/ids.ts';
import type { ListedPart } from '../machines/part-ledger.ts';
import type { ListedUpload, ObjectStore } from '../ports/object-store.ts';
import type { Outcome } from '../ports/outcome.ts';
import type { S3Session } from './s3-call.ts';
import { crc32OfBase64, required, requiredCount, requiredEtag, requiredTime } from './s3-fields.ts';
import { UnreadableReply } from './s3-replies.ts';
import { UPLOAD_GONE } from './s3-uploads.ts';

/** Ceph takes numbers beyond S3's 10,000; a marker beyond this leads through a list without end. */
const MOST_PART_NUMBER = 100_000;
/** A list of unfinished uploads longer than this is nothing that can be worked with (100 pages). */
const MAX_LISTED_UPLOADS = 100_000;

interface PartsPage {
  readonly parts: readonly ListedPart[];
  readonly expiresAtMs: number | null;
  /** Null on the last page. */
  readonly nextMarker: number | null;
}

export const listParts =
  (session: S3Session): ObjectStore['listParts'] =>
  async ({ target, uploadId }, options) => {
    const plan = { deadlineMs: session.timeouts.requestMs, options, meanings: UPLOAD_GONE };
    const parts: ListedPart[] = [];
    let marker = 0;
    for (;;) {
      const page = await session.call('ListParts', plan, async (how) => {
        const command = new ListPartsCommand({
          Bucket: target.bucket,
          Key: target.key,
          UploadId: uploadId,
          ...(marker > 0 && { PartNumberMarker: String(marker) }),
          ...(session.pageEntries !== undefined && { MaxParts: session.pageEntries }),
        });
        return partsPage(await session.client.send(command, how), uploadId, marker);
      });
      if (!page.ok) return page;
      parts.push(...page.value.parts);
      if (page.value.nextMarker === null) return { ok: true, value: { parts, expiresAtMs: page.value.expiresAtMs } };
      marker = page.value.nextMarker;
    }
  };

/** @throws UnreadableReply for a page that could not have followed `marker` */
function partsPage(answer: ListPartsCommandOutput, id: string, marker: number): PartsPage {
  if (required(answer.UploadId, 'UploadId') !== id) throw new UnreadableReply('the parts of another upload');
  let last = marker;
  const parts = (answer.Parts ?? []).map((part): ListedPart => {
    const number = requiredCount(part.PartNumber, 'PartNumber');
    if (number <= last) throw new UnreadableReply(`part ${number} is listed after part ${last}`);
    last = number;
    const crc32 = crc32OfBase64(part.ChecksumCRC32);
    return {
      partNumber: partNumber(number),
      sizeBytes: requiredCount(part.Size, 'Size'),
      etag: requiredEtag(part.ETag),
      ...(crc32 && { crc32: crc32.hex }),
    };
  });
  const expiresAtMs = answer.AbortDate?.getTime() ?? null;
  if (!answer.IsTruncated) return { parts, expiresAtMs, nextMarker: null };
  const nextMarker = answer.NextPartNumberMarker ? Number(answer.NextPartNumberMarker) : last;
  if (!(nextMarker > marker)) throw new UnreadableReply(`the marker of the list stays at ${marker}`);
  if (nextMarker > MOST_PART_NUMBER) throw new UnreadableReply(`a marker beyond all part numbers: ${nextMarker}`);
  return { parts, expiresAtMs, nextMarker };
}

interface UploadsMarker {
  readonly key: string;
  readonly uploadId: string;
}

interface UploadsPage {
  readonly uploads: readonly ListedUpload[];
  readonly next: UploadsMarker | null;
}

export const listUploads =
  (session: S3Session): ObjectStore['listUploads'] =>
  async ({ bucket, prefix }, options) => {
    const plan = { deadlineMs: session.timeouts.requestMs, options };
    const found = new Map<string, ListedUpload>();
    let marker: UploadsMarker | null = null;
    for (;;) {
      const after: UploadsMarker | null = marker;
      const page: Outcome<UploadsPage> = await session.call(
        'ListMultipartUploads',
        plan,
        async (how): Promise<UploadsPage> => {
          const command: ListMultipartUploadsCommand = new ListMultipartUploadsCommand({
            Bucket: bucket,
            Prefix: prefix,
            // Keys may hold characters that XML cannot.
            EncodingType: 'url',
            ...(after && { KeyMarker: after.key, UploadIdMarker: after.uploadId }),
            ...(session.pageEntries !== undefined && { MaxUploads: session.pageEntries }),
          });
          return uploadsPage(await session.client.send(command, how));
        },
      );
      if (!page.ok) return page;
      const before = found.size;
      for (const upload of page.value.uploads) {
        if (upload.key.startsWith(prefix)) found.set(`${upload.uploadId} ${upload.key}`, upload);
      }
      marker = page.value.next;
      if (marker === null || found.size === before) return { ok: true, value: [...found.values()] };
      if (found.size > MAX_LISTED_UPLOADS) {
        const detail = `ListMultipartUploads: more than ${MAX_LISTED_UPLOADS} unfinished uploads below "${prefix}"`;
        return { ok: false, failure: failureOf('s3_request_refused', detail) };
      }
    }
  };

/** @throws UnreadableReply */
function uploadsPage(answer: ListMultipartUploadsCommandOutput): UploadsPage {
  required(answer.Bucket, 'Bucket');
  const decoded = (text: string): string => (answer.EncodingType === 'url' ? decodeUrl(text) : text);
  const uploads = (answer.Uploads ?? []).map((upload) => ({
    key: decoded(required(upload.Key, 'Key')),
    uploadId: asUploadId(required(upload.UploadId, 'UploadId')),
    initiatedAtMs: requiredTime(upload.Initiated, 'Initiated'),
  }));
  if (!answer.IsTruncated) return { uploads, next: null };
  const last = uploads.at(-1);
  const key = answer.NextKeyMarker ? decoded(answer.NextKeyMarker) : last?.key;
  const uploadId = answer.NextUploadIdMarker || last?.uploadId;
  return { uploads, next: key !== undefined && uploadId !== undefined ? { key, uploadId } : null };
}

/** Providers encode a blank as `+` or `%20`, and a plus always as `%2B`. */
function decodeUrl(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new UnreadableReply('a key is not URL-encoded as announced');
  }
}
