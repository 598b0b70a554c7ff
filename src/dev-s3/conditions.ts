// Conditional requests: If-Match and If-None-Match against the object that is there, or is not.
//
// For writes they are asked under the key's lock, in the same turn in which the object is replaced: two clients with
// If-None-Match: * cannot both win. AWS knows If-None-Match on writes only as "*"; so do we.

import type { IncomingHttpHeaders } from 'node:http';
import { S3Error } from './errors.ts';

/** @throws S3Error PreconditionFailed, NoSuchKey (If-Match where nothing is), NotImplemented */
export function checkWriteConditions(headers: IncomingHttpHeaders, currentEtag: string | undefined): void {
  const ifMatch = headers['if-match'];
  const ifNoneMatch = headers['if-none-match'];
  if (ifNoneMatch !== undefined) {
    if (ifNoneMatch.trim() !== '*') throw new S3Error('NotImplemented');
    if (currentEtag !== undefined) throw failed('If-None-Match');
  }
  if (ifMatch !== undefined) {
    if (currentEtag === undefined) throw new S3Error('NoSuchKey');
    if (!names(ifMatch, currentEtag)) throw failed('If-Match');
  }
}

/** @returns 'not modified' for a 304 @throws S3Error PreconditionFailed */
export function checkReadConditions(headers: IncomingHttpHeaders, etag: string): 'read' | 'not modified' {
  const ifMatch = headers['if-match'];
  const ifNoneMatch = headers['if-none-match'];
  if (ifMatch !== undefined && !names(ifMatch, etag)) throw failed('If-Match');
  return ifNoneMatch !== undefined && names(ifNoneMatch, etag) ? 'not modified' : 'read';
}

/** Of what is copied. @throws S3Error PreconditionFailed */
export function checkSourceConditions(headers: IncomingHttpHeaders, etag: string): void {
  const [ifMatch, ifNoneMatch] = ['x-amz-copy-source-if-match', 'x-amz-copy-source-if-none-match'].map((name) =>
    headers[name]?.toString(),
  );
  if (ifMatch !== undefined && !names(ifMatch, etag)) throw failed('x-amz-copy-source-If-Match');
  if (ifNoneMatch !== undefined && names(ifNoneMatch, etag)) throw failed('x-amz-copy-source-If-None-Match');
}

function names(header: string, etag: string): boolean {
  return header.split(',').some((one) => one.trim() === '*' || unquote(one.trim()) === etag);
}

function failed(condition: string): S3Error {
  return new S3Error('PreconditionFailed', undefined, { Condition: condition });
}

/** ETags travel quoted and are kept bare; clients may send either. */
export function unquote(etag: string): string {
  return etag.replace(/^"(.*)"$/, '$1');
}
