// The unfinished uploads below the prefix, each with what it holds and whose it is.

import type { ListedUpload } from '../../ports/object-store.ts';
import type { Outcome } from '../../ports/outcome.ts';
import type { S3Inspection, UploadFacts } from '../tools.ts';
import type { Owners } from './owners.ts';

export interface UploadView {
  readonly key: string;
  readonly uploadId: ListedUpload['uploadId'];
  readonly initiatedAtMs: number;
  /** When it was opened or last got a part, whichever is later. */
  readonly lastActivityMs: number;
  readonly parts: number;
  readonly sizeBytes: number;
}

/** ListParts at once: a bucket may hold thousands of uploads. */
const LOOKS_AT_ONCE = 8;

export interface Sorted {
  readonly unowned: readonly ListedUpload[];
  readonly owned: readonly { readonly upload: ListedUpload; readonly owner: string }[];
}

export function sortByOwner(uploads: readonly ListedUpload[], owners: Owners): Sorted {
  const owned = uploads.flatMap((upload) => {
    const owner = owners.ownerOf(upload);
    return owner === null ? [] : [{ upload, owner }];
  });
  return { unowned: uploads.filter((upload) => owners.ownerOf(upload) === null), owned };
}

/** What each holds, oldest first. An upload that ended meanwhile is left out. */
export async function lookAt(
  bucket: string,
  uploads: readonly ListedUpload[],
  inspection: S3Inspection,
): Promise<Outcome<readonly UploadView[]>> {
  const waiting = uploads.toSorted((a, b) => a.initiatedAtMs - b.initiatedAtMs);
  const views: UploadView[] = [];
  while (waiting.length > 0) {
    const batch = waiting.splice(0, LOOKS_AT_ONCE);
    const looks = batch.map(async (upload) => ({ upload, facts: await factsOf(bucket, upload, inspection) }));
    for (const { upload, facts } of await Promise.all(looks)) {
      if (facts.ok) views.push(viewOf(upload, facts.value));
      else if (facts.failure.code !== 'upload_not_found') return facts;
    }
  }
  return { ok: true, value: views };
}

const factsOf = (bucket: string, { key, uploadId }: ListedUpload, inspection: S3Inspection) =>
  inspection.uploadFacts({ bucket, key }, uploadId);

const viewOf = (upload: ListedUpload, { parts, sizeBytes, newestPartAtMs }: UploadFacts): UploadView => ({
  ...upload,
  parts,
  sizeBytes,
  lastActivityMs: Math.max(upload.initiatedAtMs, newestPartAtMs ?? 0),
});
