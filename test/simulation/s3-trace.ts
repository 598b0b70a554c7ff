// What a request does to the server, as the log tells it: looked up before it executes, and again with its outcome.

import { hash } from 'node:crypto';
import type { Outcome } from '../../src/ports/outcome.ts';
import type { MemoryS3 } from '../fakes/memory-object-store.ts';
import type { S3Event, S3Operation } from './checker/evidence.ts';
import { digestOf } from './disk.ts';
import type { Subject } from './simulated-s3.ts';

type Trace = Omit<Extract<S3Event, { readonly kind: 's3.executed' }>, 'kind' | 'request'>;

export const md5Of = (bytes: Uint8Array): string => hash('md5', bytes);

export function traceOf(
  server: MemoryS3,
  operation: S3Operation,
  subject: Subject,
): (outcome: Outcome<unknown>) => Trace {
  const { target, uploadId, partNumber = 0 } = subject;
  const upload = uploadId === undefined ? undefined : server.uploads.get(uploadId);
  const formerPart = upload?.parts.get(partNumber);
  const partsBefore = upload?.parts.size ?? 0;
  const objectBefore = server.objects.get(target.bucket)?.get(target.key);
  return (outcome) => {
    const nothing: Trace = {
      outcome: outcome.ok ? 'ok' : outcome.failure.code,
      digest: null,
      held: 0,
      uploadId: null,
      metadata: null,
    };
    if (!outcome.ok) return nothing;
    switch (operation) {
      case 'createUpload': {
        const opened = (outcome.value as { uploadId: keyof typeof server.uploads & string }).uploadId;
        return { ...nothing, uploadId: opened };
      }
      case 'copyPart':
      case 'uploadPart': {
        const part = upload?.parts.get(partNumber);
        const isSame = formerPart !== undefined && formerPart.etag === part?.etag;
        return { ...nothing, digest: part ? digestOf(part.bytes) : null, held: isSame ? 1 : 0 };
      }
      case 'completeUpload':
      case 'putObject': {
        const object = server.objects.get(target.bucket)?.get(target.key);
        // A repeated Complete is answered with success and stores nothing.
        if (!object || object === objectBefore) return { ...nothing, held: partsBefore };
        return {
          ...nothing,
          digest: digestOf(Buffer.concat(object.pieces)),
          held: partsBefore,
          metadata: object.head.metadata,
        };
      }
      case 'abortUpload':
        return { ...nothing, held: partsBefore };
      default:
        return nothing;
    }
  };
}
