// Copying a range of an object into a part of an upload: the bytes stay with S3.
//
// The answer tells the part's ETag and, where the server computes one, its CRC32: that must be the one of the range, as the caller read it
// from the file. The deadline grows with the size: the server reads and writes all of it before it answers.

import { UploadPartCopyCommand } from '@aws-sdk/client-s3';
import { failureOf } from '../machines/failure.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { S3Session } from './s3-call.ts';
import { crc32OfBase64, requiredEtag } from './s3-fields.ts';
import { partDeadlineMs } from './s3-parts.ts';
import { UPLOAD_GONE } from './s3-uploads.ts';

export const copyPart =
  (session: S3Session): ObjectStore['copyPart'] =>
  async (request, options) => {
    const { target, source, offset, sizeBytes } = request;
    const plan = {
      deadlineMs: partDeadlineMs(session, sizeBytes),
      ...(options ? { options } : {}),
      meanings: UPLOAD_GONE,
    };
    const outcome = await session.call('UploadPartCopy', plan, async (how) => {
      const answer = await session.client.send(
        new UploadPartCopyCommand({
          Bucket: target.bucket,
          Key: target.key,
          UploadId: request.uploadId,
          PartNumber: request.partNumber,
          CopySource: `${source.target.bucket}/${source.target.key.split('/').map(encodeURIComponent).join('/')}`,
          CopySourceRange: `bytes=${offset}-${offset + sizeBytes - 1}`,
          CopySourceIfMatch: `"${source.etag}"`,
        }),
        how,
      );
      const { ETag, ChecksumCRC32 } = answer.CopyPartResult ?? {};
      return { etag: requiredEtag(ETag), echo: crc32OfBase64(ChecksumCRC32) };
    });
    if (!outcome.ok) return outcome;
    const { etag, echo } = outcome.value;
    if (echo && echo.hex !== request.crc32) {
      const detail = `UploadPartCopy: part ${request.partNumber} has CRC32 ${echo.hex}, the file ${request.crc32}`;
      return { ok: false, failure: failureOf('part_digest_mismatch', detail) };
    }
    return { ok: true, value: { etag } };
  };
