// The object store's contract, third chapter: what is refused, and what is given up.

import { describe, expect, test } from 'vitest';
import { failureOf } from '../../src/machines/failure.ts';
import { partNumber, uploadId as uploadIdOf } from '../../src/machines/ids.ts';
import type { CallOptions, ObjectStore, PartBody } from '../../src/ports/object-store.ts';
import type { Outcome } from '../../src/ports/outcome.ts';
import { answerOf, type Bed, bytesOf, crc32Of, got } from './object-store-fixture.ts';

type Request = (store: ObjectStore, bucket: string, options?: CallOptions) => Promise<Outcome<unknown>>;

/** Every method, as it is called for a bucket. */
const REQUESTS: Readonly<Record<keyof Omit<ObjectStore, 'capabilities' | 'close'>, Request>> = {
  probe: (store, bucket, options) => store.probe(bucket, options),
  createUpload: (store, bucket, options) => store.createUpload({ target: at(bucket), metadata: {} }, options),
  uploadPart: (store, bucket, options) => {
    const body = { kind: 'bytes', bytes: Buffer.from('x') } as const;
    const request = { ...upload(bucket), partNumber: partNumber(1), body, crc32: crc32Of(body.bytes) };
    return store.uploadPart(request, options);
  },
  copyPart: (store, bucket, options) => {
    const range = { partNumber: partNumber(1), offset: 0, sizeBytes: 1, crc32: '00000000' };
    const source = { target: at(bucket), etag: '0'.repeat(32) };
    return store.copyPart({ ...upload(bucket), ...range, source }, options);
  },
  listParts: (store, bucket, options) => store.listParts(upload(bucket), options),
  listUploads: (store, bucket, options) => store.listUploads({ bucket, prefix: 'x' }, options),
  completeUpload: (store, bucket, options) => {
    const part = { partNumber: partNumber(1), etag: '0'.repeat(32), crc32: '00000000' };
    const request = { ...upload(bucket), parts: [part], sizeBytes: 1, condition: { kind: 'any' } as const };
    return store.completeUpload(request, options);
  },
  abortUpload: (store, bucket, options) => store.abortUpload(upload(bucket), options),
  headObject: (store, bucket, options) => store.headObject(at(bucket), options),
  putObject: (store, bucket, options) => {
    const body = Buffer.from('x');
    const request = { target: at(bucket), body, contentType: 'text/plain', metadata: {}, condition: { kind: 'any' } };
    return store.putObject(request as Parameters<ObjectStore['putObject']>[0], options);
  },
  getObject: (store, bucket, options) => store.getObject({ target: at(bucket) }, options),
  deleteObject: (store, bucket, options) => store.deleteObject(at(bucket), options),
};

const METHODS = Object.keys(REQUESTS) as (keyof typeof REQUESTS)[];
const at = (bucket: string) => ({ bucket, key: 'contract-refusals' });
const upload = (bucket: string) => ({ target: at(bucket), uploadId: uploadIdOf('bm9zdWNoaWQ') });

export function refusalPromises(bed: () => Bed): void {
  describe('refusals', () => {
    test.each(METHODS)('%s with wrong credentials says so; a bodiless HEAD can only say "denied"', async (method) => {
      const { server, differences } = bed();
      for (const [credentials, code] of [
        ['wrong key', differences.wrongKey],
        ['wrong secret', differences.wrongSecret],
      ] as const) {
        const stranger = server.connect({ credentials });
        const answer = answerOf(await REQUESTS[method](stranger, server.bucket));
        stranger.close();
        expect(method === 'headObject' ? [code, 's3_access_denied'] : [code]).toContain(answer);
      }
    });

    test.each(METHODS)('%s on a bucket that is not there says so; a bodiless HEAD finds nothing', async (method) => {
      const outcome = await REQUESTS[method](bed().store, 'no-such-bucket-of-tailrace');
      expect(answerOf(outcome)).toBe(method === 'headObject' ? 'success' : 's3_no_such_bucket');
      if (method === 'headObject') expect(got(outcome)).toBeNull();
    });

    test.each(METHODS)('%s is not begun once its signal has fired', async (method) => {
      const { store, server } = bed();
      const outcome = await REQUESTS[method](store, server.bucket, { signal: AbortSignal.abort() });
      expect(answerOf(outcome)).toBe('s3_unavailable');
      // Never sent: there is no doubt about it.
      if (!outcome.ok) expect(outcome.failure.answered).not.toBe(false);
    });

    const bytes = bytesOf(200_000, 1);
    const ownFailure = failureOf('source_changed', 'the bytes are not those that were hashed');
    test.each([
      ['that ends early', bytes.subarray(0, 100_000), null, 'source_read_error'],
      ['that does not end', Buffer.concat([bytes, bytes]), null, 'source_read_error'],
      ['that throws', bytes.subarray(0, 70_000), new Error('EIO: i/o error'), 'source_read_error'],
      ['that throws a failure', bytes.subarray(0, 70_000), { failure: ownFailure }, 'source_changed'],
    ] as const)('a streamed part %s is no part', async (_, sent, thrown, code) => {
      const { store } = bed();
      const target = bed().target();
      const uploadId = await bed().open(target);
      let ended = 0;
      const open = async function* () {
        try {
          for (let at = 0; at < sent.length; at += 10_000) yield sent.subarray(at, at + 10_000);
          if (thrown) throw thrown;
        } finally {
          ended += 1;
        }
      };
      const body: PartBody = { kind: 'stream', sizeBytes: bytes.length, open };
      const outcome = await bed().tryToSend(target, uploadId, 1, bytes, body);
      expect(answerOf(outcome)).toBe(code);
      expect(ended).toBe(1);
      expect(got(await store.listParts({ target, uploadId })).parts).toEqual([]);
    });
  });
}
