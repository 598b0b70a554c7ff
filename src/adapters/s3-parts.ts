// Sending one part.
//
// The body goes out as it is: in memory, or as a stream of known length, never re-hashed by the SDK. Its CRC32 (or MD5)
// was computed by the caller from the very bytes; S3 refuses what does not match. A stream that throws, or is not as long
// as promised, ends the request (nothing of it is kept by S3) and is told as the failure it carries, else as
// `source_read_error`. The deadline grows with the size.

import { Readable } from 'node:stream';
import { UploadPartCommand } from '@aws-sdk/client-s3';
import { type Failure, failureOf } from '../machines/failure.ts';
import type { ObjectStore, PartBody, UploadPartRequest } from '../ports/object-store.ts';
import type { S3Session } from './s3-call.ts';
import { base64OfHex, crc32OfBase64, requiredEtag } from './s3-fields.ts';
import { UPLOAD_GONE } from './s3-uploads.ts';

export const uploadPart =
  (session: S3Session): ObjectStore['uploadPart'] =>
  async (request, options) => {
    const body = openBody(request.body);
    const deadlineMs = partDeadlineMs(session, body.sizeBytes);
    // The stream's own failure must end the request at once: S3 would wait for the missing bytes.
    const signal = options?.signal ? AbortSignal.any([options.signal, body.broken.signal]) : body.broken.signal;
    const plan = { deadlineMs, options: { signal }, meanings: UPLOAD_GONE };
    const outcome = await session.call('UploadPart', plan, async (how) => {
      const answer = await session.client.send(commandFor(request, body, session), how);
      const etag = requiredEtag(answer.ETag);
      return { etag, echo: crc32OfBase64(answer.ChecksumCRC32) };
    });
    body.close();
    const failure = body.failure();
    if (failure) return { ok: false, failure };
    if (!outcome.ok) return outcome;
    const { etag, echo } = outcome.value;
    if (echo && echo.hex !== request.crc32) {
      const detail = `UploadPart: part ${request.partNumber} arrived with CRC32 ${echo.hex}, sent was ${request.crc32}`;
      return { ok: false, failure: failureOf('part_digest_mismatch', detail) };
    }
    return { ok: true, value: { etag } };
  };

export const partDeadlineMs = ({ timeouts }: S3Session, sizeBytes: number): number =>
  Math.ceil(timeouts.requestMs + (sizeBytes / timeouts.slowestBytesPerSecond) * 1000);

function commandFor(request: UploadPartRequest, body: OpenBody, { capabilities }: S3Session): UploadPartCommand {
  return new UploadPartCommand({
    Bucket: request.target.bucket,
    Key: request.target.key,
    UploadId: request.uploadId,
    PartNumber: request.partNumber,
    Body: body.content,
    ContentLength: body.sizeBytes,
    ...(capabilities.checksum === 'crc32' && { ChecksumCRC32: base64OfHex(request.crc32) }),
    ...(request.md5 !== undefined && { ContentMD5: base64OfHex(request.md5) }),
  });
}

interface OpenBody {
  readonly content: Buffer | Readable;
  readonly sizeBytes: number;
  /** Fires when the bytes could not be had. */
  readonly broken: AbortController;
  failure(): Failure | null;
  close(): void;
}

function openBody(body: PartBody): OpenBody {
  const broken = new AbortController();
  if (body.kind === 'bytes') {
    const { buffer, byteOffset, byteLength } = body.bytes;
    const content = Buffer.from(buffer, byteOffset, byteLength);
    return { content, sizeBytes: byteLength, broken, failure: () => null, close: () => undefined };
  }
  let failure: Failure | null = null;
  const content = Readable.from(exactly(body.sizeBytes, body.open), { objectMode: false });
  content.on('error', (error) => {
    failure = failureCarriedBy(error);
    broken.abort();
  });
  return {
    content,
    sizeBytes: body.sizeBytes,
    broken,
    failure: () => failure,
    // Also lets the caller's generator run its `finally`. Without an error: it is no failure of the source.
    close: () => content.destroy(),
  };
}

/** Too many bytes would break the connection's framing; too few would make S3 wait until it gives up. */
async function* exactly(sizeBytes: number, open: () => AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let sentBytes = 0;
  for await (const chunk of open()) {
    sentBytes += chunk.byteLength;
    if (sentBytes > sizeBytes) throw new Error(`the body is longer than its ${sizeBytes} bytes`);
    yield chunk;
  }
  if (sentBytes < sizeBytes) throw new Error(`the body ended after ${sentBytes} of ${sizeBytes} bytes`);
}

function failureCarriedBy(error: unknown): Failure {
  const carried = (error as { failure?: Failure } | null)?.failure;
  if (carried) return carried;
  return failureOf('source_read_error', `UploadPart: ${error instanceof Error ? error.message : 'the body failed'}`);
}
