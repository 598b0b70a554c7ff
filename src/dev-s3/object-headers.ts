// The headers that travel with an object: taken from the request that makes it, given back by every GET and HEAD.

import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { ALGORITHMS, type Checksum } from './checksums.ts';
import { S3Error } from './errors.ts';
import { MAX_USER_METADATA_BYTES } from './limits.ts';
import type { ObjectRecord } from './object-store.ts';
import { headerValue } from './request.ts';

const USER_PREFIX = 'x-amz-meta-';
const KEPT_HEADERS = ['cache-control', 'content-disposition', 'content-language', 'content-type', 'expires'];
/** What S3 calls an object whose maker did not say. */
const DEFAULT_CONTENT_TYPE = 'binary/octet-stream';

/** @throws S3Error MetadataTooLarge */
export function readObjectHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const kept: Record<string, string> = { 'content-type': DEFAULT_CONTENT_TYPE };
  let userBytes = 0;
  for (const name of Object.keys(headers)) {
    const value = headerValue(headers, name) ?? '';
    if (name === 'content-encoding') {
      // How the body travelled is not what the object is.
      const codings = value.split(',').filter((coding) => coding.trim() !== 'aws-chunked');
      if (codings.length > 0) kept[name] = codings.join(',').trim();
      continue;
    }
    if (name.startsWith(USER_PREFIX)) userBytes += name.length - USER_PREFIX.length + Buffer.byteLength(value);
    else if (!KEPT_HEADERS.includes(name)) continue;
    kept[name] = value;
  }
  if (userBytes > MAX_USER_METADATA_BYTES) {
    throw new S3Error('MetadataTooLarge', undefined, { Size: userBytes, MaxSizeAllowed: MAX_USER_METADATA_BYTES });
  }
  return kept;
}

/** Of a GET or HEAD. @param withChecksum the reader said x-amz-checksum-mode: ENABLED */
export function objectHeaders(object: ObjectRecord, withChecksum: boolean): OutgoingHttpHeaders {
  return {
    ...object.headers,
    ...(withChecksum && object.checksum !== null ? checksumHeaders(object.checksum) : {}),
    etag: `"${object.etag}"`,
    'last-modified': new Date(object.lastModifiedMs).toUTCString(),
    'accept-ranges': 'bytes',
  };
}

export function checksumHeaders({ algorithm, type, value }: Checksum): OutgoingHttpHeaders {
  return { [ALGORITHMS[algorithm].header]: value, 'x-amz-checksum-type': type };
}
