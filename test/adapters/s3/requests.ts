// One request of each kind, for tests that only care how it ends.

import { partNumber, uploadId } from '../../../src/machines/ids.ts';
import type { CallOptions, ObjectStore } from '../../../src/ports/object-store.ts';
import type { Outcome } from '../../../src/ports/outcome.ts';

export const TARGET = { bucket: 'streams', key: 'a/file.mp4' };
export const UPLOAD = { target: TARGET, uploadId: uploadId('upload-1') };
export const ETAG = 'b1946ac92492d2347c6235b4d2611184';
const BYTES = Buffer.from('hello\n');
const CRC32 = '363a3020';

type Send = (store: ObjectStore, options?: CallOptions) => Promise<Outcome<unknown>>;

type Method = keyof Omit<ObjectStore, 'capabilities' | 'probe' | 'close'>;

export const SENDS: Readonly<Record<Method, Send>> = {
  createUpload: (store, options) => store.createUpload({ target: TARGET, metadata: {} }, options),
  uploadPart: (store, options) => {
    const body = { kind: 'bytes', bytes: BYTES } as const;
    return store.uploadPart({ ...UPLOAD, partNumber: partNumber(1), body, crc32: CRC32 }, options);
  },
  copyPart: (store, options) => {
    const source = { target: TARGET, etag: ETAG };
    const range = { partNumber: partNumber(1), source, offset: 0, sizeBytes: 6, crc32: CRC32 };
    return store.copyPart({ ...UPLOAD, ...range }, options);
  },
  listParts: (store, options) => store.listParts(UPLOAD, options),
  listUploads: (store, options) => store.listUploads({ bucket: TARGET.bucket, prefix: '' }, options),
  completeUpload: (store, options) => {
    const parts = [{ partNumber: partNumber(1), etag: ETAG, crc32: CRC32 }];
    return store.completeUpload({ ...UPLOAD, parts, sizeBytes: 6, condition: { kind: 'absent' } }, options);
  },
  abortUpload: (store, options) => store.abortUpload(UPLOAD, options),
  headObject: (store, options) => store.headObject(TARGET, options),
  putObject: (store, options) => {
    const condition = { kind: 'any' } as const;
    const request = { target: TARGET, body: BYTES, contentType: 'text/plain', metadata: {}, condition };
    return store.putObject(request, options);
  },
  getObject: (store, options) => store.getObject({ target: TARGET }, options),
  deleteObject: (store, options) => store.deleteObject(TARGET, options),
};

export const METHODS = Object.keys(SENDS) as Method[];
