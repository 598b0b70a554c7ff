// Whole objects: looking at one, writing a small one, reading and deleting.
//
// Absent is only what S3 itself calls absent: a HEAD answered 404, or a GET answered NoSuchKey. 403 is a failure. A
// bodiless HEAD cannot tell a missing bucket from a missing key; every other request can. Where the server refuses
// conditions on a put (found by the probe), the condition is not sent: who cares looks first.

import { crc32 } from 'node:zlib';
import { DeleteObjectCommand, GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { failureOf } from '../machines/failure.ts';
import { MAX_SMALL_OBJECT_BYTES, type ObjectHead, type ObjectStore } from '../ports/object-store.ts';
import type { S3Session } from './s3-call.ts';
import { failureOfError, GivenUp } from './s3-errors.ts';
import { base64OfHex, crc32OfBase64, requiredCount, requiredEtag, requiredTime } from './s3-fields.ts';
import { RefusedReply, UnreadableReply } from './s3-replies.ts';
import { conditionFields } from './s3-uploads.ts';

/** If-Match on an object that is not there. */
const OBJECT_GONE = { NoSuchKey: 'precondition_failed' } as const;

/** What `request` resolves to, or null where S3 says that the object is absent. */
async function orAbsent<T>(request: Promise<T>, isHead: boolean): Promise<T | null> {
  try {
    return await request;
  } catch (error) {
    if (!(error instanceof RefusedReply) || error.status !== 404) throw error;
    const absent = isHead ? error.s3Name === null && !error.foreignBody : error.s3Name === 'NoSuchKey';
    if (!absent) throw error;
    return null;
  }
}

export const headObject =
  (session: S3Session): ObjectStore['headObject'] =>
  (target, options) => {
    const plan = { deadlineMs: session.timeouts.requestMs, options };
    return session.call('HeadObject', plan, async (how): Promise<ObjectHead | null> => {
      // A server without checksums may refuse a request that asks for one.
      const mode = session.capabilities.checksum === 'crc32' && ({ ChecksumMode: 'ENABLED' } as const);
      const command = new HeadObjectCommand({ Bucket: target.bucket, Key: target.key, ...mode });
      const answer = await orAbsent(session.client.send(command, how), true);
      if (!answer) return null;
      const sum = crc32OfBase64(answer.ChecksumCRC32);
      const kind = answer.ChecksumType ?? (sum?.composite ? 'COMPOSITE' : 'FULL_OBJECT');
      return {
        sizeBytes: requiredCount(answer.ContentLength, 'Content-Length'),
        etag: requiredEtag(answer.ETag),
        metadata: answer.Metadata ?? {},
        lastModifiedMs: requiredTime(answer.LastModified, 'Last-Modified'),
        ...(sum && { crc32: { kind, value: sum.hex } }),
      };
    });
  };

export const putObject =
  (session: S3Session): ObjectStore['putObject'] =>
  async ({ target, body, contentType, metadata, condition }, options) => {
    if (body.byteLength > MAX_SMALL_OBJECT_BYTES) {
      return { ok: false, failure: failureOf('bug', `PutObject: ${body.byteLength} bytes are not a small object`) };
    }
    const plan = { deadlineMs: session.timeouts.requestMs, options, meanings: OBJECT_GONE };
    return session.call('PutObject', plan, async (how) => {
      const command = new PutObjectCommand({
        Bucket: target.bucket,
        Key: target.key,
        Body: body,
        ContentLength: body.byteLength,
        ContentType: contentType,
        Metadata: { ...metadata },
        ...(session.capabilities.checksum === 'crc32' && { ChecksumCRC32: base64OfHex(crc32Hex(body)) }),
        ...(session.conditionalPut && conditionFields(condition)),
      });
      const answer = await session.client.send(command, how);
      return { etag: requiredEtag(answer.ETag) };
    });
  };

const crc32Hex = (bytes: Uint8Array): string => crc32(bytes).toString(16).padStart(8, '0');

export const getObject =
  (session: S3Session): ObjectStore['getObject'] =>
  ({ target, offset = 0, sizeBytes }, options) => {
    const plan = { deadlineMs: session.timeouts.requestMs, options };
    return session.call('GetObject', plan, async (how) => {
      const ranged = offset > 0 || sizeBytes !== undefined;
      const end = sizeBytes === undefined ? '' : offset + sizeBytes - 1;
      const command = new GetObjectCommand({
        Bucket: target.bucket,
        Key: target.key,
        ...(ranged && { Range: `bytes=${offset}-${end}` }),
      });
      const answer = await orAbsent(session.client.send(command, how), false);
      if (!answer) return null;
      requiredEtag(answer.ETag);
      const body = answer.Body as Bytes | undefined;
      if (ranged && !answer.ContentRange?.startsWith(`bytes ${offset}-`)) {
        body?.destroy();
        throw new UnreadableReply('the answer is not the range that was asked for');
      }
      if (!body) throw new UnreadableReply('the answer has no body');
      return wholeBody(body, requiredCount(answer.ContentLength, 'Content-Length'), options?.signal);
    });
  };

type Bytes = AsyncIterable<Uint8Array> & { destroy(error?: Error): void };

/** Yields all of the body; throws an error that carries `failure` when it ends early or the signal fires. */
async function* wholeBody(body: Bytes, sizeBytes: number, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  const onAbort = () => body.destroy(new GivenUp('given up by the caller', false));
  signal?.addEventListener('abort', onAbort, { once: true });
  let receivedBytes = 0;
  try {
    if (signal?.aborted) throw new GivenUp('given up by the caller', false);
    for await (const chunk of body) {
      receivedBytes += chunk.byteLength;
      yield chunk;
    }
    if (receivedBytes !== sizeBytes) throw new UnreadableReply(`${receivedBytes} of ${sizeBytes} bytes arrived`);
  } catch (error) {
    const failure = failureOfError('GetObject', error);
    throw Object.assign(new Error(failure.detail), { name: 'InterruptedRead', failure });
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

export const deleteObject =
  (session: S3Session): ObjectStore['deleteObject'] =>
  (target, options) => {
    const plan = { deadlineMs: session.timeouts.requestMs, options };
    return session.call('DeleteObject', plan, async (how) => {
      const command = new DeleteObjectCommand({ Bucket: target.bucket, Key: target.key });
      // S3 calls this a success when there is nothing to delete; some cousins say NoSuchKey.
      await orAbsent(session.client.send(command, how), false);
      return null;
    });
  };
