// Opening, completing and aborting a multipart upload.
//
// Complete is a success only with a whole CompleteMultipartUploadResult that names the key, the place or the ETag (Ceph's
// first answer has an empty ETag). It is sent once; what an unclear end means is the caller's to find out. Nothing is
// aborted here by itself.

import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
} from '@aws-sdk/client-s3';
import { uploadId as asUploadId } from '../machines/ids.ts';
import type { CompleteCondition } from '../machines/stream-record.ts';
import type { CompleteRequest, ObjectStore } from '../ports/object-store.ts';
import type { S3Session } from './s3-call.ts';
import { base64OfHex, plainEtag, quotedEtag, required } from './s3-fields.ts';
import { UnreadableReply } from './s3-replies.ts';

/** Ceph says NoSuchKey for an upload that is gone. */
export const UPLOAD_GONE = { NoSuchKey: 'upload_not_found' } as const;
/** With If-Match, NoSuchKey says that the object we meant to replace is not there. */
const OBJECT_GONE = { NoSuchKey: 'precondition_failed' } as const;

export const createUpload =
  (session: S3Session): ObjectStore['createUpload'] =>
  ({ target, metadata, contentType }, options) => {
    const plan = { deadlineMs: session.timeouts.requestMs, options };
    return session.call('CreateMultipartUpload', plan, async (how) => {
      const command = new CreateMultipartUploadCommand({
        Bucket: target.bucket,
        Key: target.key,
        Metadata: { ...metadata },
        ContentType: contentType ?? 'application/octet-stream',
        ...(session.capabilities.checksum === 'crc32' && {
          ChecksumAlgorithm: 'CRC32',
          ...(session.checksumType === 'FULL_OBJECT' && { ChecksumType: 'FULL_OBJECT' }),
        }),
      });
      const answer = await session.client.send(command, how);
      return {
        uploadId: asUploadId(required(answer.UploadId, 'UploadId')),
        expiresAtMs: answer.AbortDate?.getTime() ?? null,
      };
    });
  };

export const completeUpload =
  (session: S3Session): ObjectStore['completeUpload'] =>
  (request, options) => {
    const { capabilities, timeouts } = session;
    const condition = capabilities.conditionalComplete ? request.condition : ({ kind: 'any' } as const);
    const meanings = condition.kind === 'ours' ? OBJECT_GONE : UPLOAD_GONE;
    const plan = { deadlineMs: timeouts.completeMs, options, meanings };
    return session.call('CompleteMultipartUpload', plan, async (how) => {
      const { target, uploadId, sizeBytes } = request;
      const withChecksums = capabilities.checksum === 'crc32' && capabilities.checksumsInComplete;
      const command = new CompleteMultipartUploadCommand({
        Bucket: target.bucket,
        Key: target.key,
        UploadId: uploadId,
        MultipartUpload: { Parts: partsOf(request, withChecksums) },
        ...(withChecksums && { MpuObjectSize: sizeBytes }),
        ...conditionFields(condition),
      });
      const answer = await session.client.send(command, how);
      const etag = plainEtag(answer.ETag);
      if (!etag && !answer.Key && !answer.Location) throw new UnreadableReply('the answer names no object');
      if (answer.Key && answer.Key !== target.key) throw new UnreadableReply('the answer names another key');
      return { etag };
    });
  };

function partsOf({ parts }: CompleteRequest, withChecksums: boolean) {
  return parts.map(({ partNumber, etag, crc32 }) => ({
    PartNumber: partNumber,
    ETag: quotedEtag(etag),
    ...(withChecksums && { ChecksumCRC32: base64OfHex(crc32) }),
  }));
}

export function conditionFields(condition: CompleteCondition): { IfNoneMatch?: string; IfMatch?: string } {
  if (condition.kind === 'absent') return { IfNoneMatch: '*' };
  return condition.kind === 'ours' ? { IfMatch: quotedEtag(condition.etag) } : {};
}

export const abortUpload =
  (session: S3Session): ObjectStore['abortUpload'] =>
  ({ target, uploadId }, options) => {
    const plan = { deadlineMs: session.timeouts.requestMs, options, meanings: UPLOAD_GONE };
    return session.call('AbortMultipartUpload', plan, async (how) => {
      const where = { Bucket: target.bucket, Key: target.key, UploadId: uploadId };
      await session.client.send(new AbortMultipartUploadCommand(where), how);
      return null;
    });
  };
