// Which operation a request asks for: by method, by what it names (nothing, a bucket, a key), and by its query.
//
// A parameter that the operation does not know means that something was asked for which this server would not
// do: NotImplemented, never a reply to another question (headers: header-rules.ts). A further operation is a row here and a function in operations.ts.

import { S3Error } from './errors.ts';
import type { S3Request } from './request.ts';

const ROUTES = [
  { operation: 'ListBuckets', method: 'GET', names: 'nothing', needs: [], takes: [] },
  { operation: 'CreateBucket', method: 'PUT', names: 'bucket', needs: [], takes: [] },
  { operation: 'HeadBucket', method: 'HEAD', names: 'bucket', needs: [], takes: [] },
  { operation: 'DeleteBucket', method: 'DELETE', names: 'bucket', needs: [], takes: [] },
  {
    operation: 'ListMultipartUploads',
    method: 'GET',
    names: 'bucket',
    needs: ['uploads'],
    takes: ['prefix', 'key-marker', 'upload-id-marker', 'max-uploads', 'encoding-type'],
  },
  {
    operation: 'ListObjectsV2',
    method: 'GET',
    names: 'bucket',
    needs: ['list-type'],
    takes: ['prefix', 'delimiter', 'max-keys', 'start-after', 'continuation-token', 'encoding-type', 'fetch-owner'],
  },
  {
    operation: 'UploadPartCopy',
    method: 'PUT',
    names: 'key',
    needs: ['partNumber', 'uploadId'],
    takes: [],
    copies: true,
  },
  {
    operation: 'UploadPart',
    method: 'PUT',
    names: 'key',
    needs: ['partNumber', 'uploadId'],
    takes: [],
  },
  { operation: 'CopyObject', method: 'PUT', names: 'key', needs: [], takes: [], copies: true },
  { operation: 'PutObject', method: 'PUT', names: 'key', needs: [], takes: [] },
  {
    operation: 'ListParts',
    method: 'GET',
    names: 'key',
    needs: ['uploadId'],
    takes: ['max-parts', 'part-number-marker'],
  },
  { operation: 'GetObject', method: 'GET', names: 'key', needs: [], takes: [] },
  { operation: 'HeadObject', method: 'HEAD', names: 'key', needs: [], takes: ['partNumber'] },
  { operation: 'AbortMultipartUpload', method: 'DELETE', names: 'key', needs: ['uploadId'], takes: [] },
  { operation: 'DeleteObject', method: 'DELETE', names: 'key', needs: [], takes: [] },
  { operation: 'CreateMultipartUpload', method: 'POST', names: 'key', needs: ['uploads'], takes: [] },
  { operation: 'CompleteMultipartUpload', method: 'POST', names: 'key', needs: ['uploadId'], takes: [] },
] as const satisfies readonly Route[];

type Route = {
  readonly operation: string;
  readonly method: string;
  readonly names: 'nothing' | 'bucket' | 'key';
  /** Parameters that make it this operation. */
  readonly needs: readonly string[];
  /** Parameters that it understands besides. */
  readonly takes: readonly string[];
  /** Its bytes are those of another object, named by a header. */
  readonly copies?: true;
};

export type OperationName = (typeof ROUTES)[number]['operation'];
export const OPERATION_NAMES: readonly OperationName[] = ROUTES.map(({ operation }) => operation);

/** Every SDK says by this parameter which operation it means; it means nothing to S3. */
const IGNORED_PARAMETER = 'x-id';

/** @throws S3Error NotImplemented */
export function findOperation(request: S3Request): OperationName {
  const given = request.query.map(([name]) => name).filter((name) => name !== IGNORED_PARAMETER);
  const names = namesOf(request);
  const copies = request.headers['x-amz-copy-source'] !== undefined;
  const routes: readonly (Route & { readonly operation: OperationName })[] = ROUTES;
  const route = routes.find(
    (one) =>
      one.method === request.method &&
      one.names === names &&
      (one.copies ?? false) === copies &&
      one.needs.every((need) => given.includes(need)),
  );
  if (route === undefined) throw new S3Error('NotImplemented', `${request.method} is not implemented here`);
  const known: readonly string[] = [...route.needs, ...route.takes];
  const unknown = given.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new S3Error('NotImplemented', `${route.operation} with ${unknown} is not implemented`);
  }
  return route.operation;
}

function namesOf({ bucket, key }: S3Request): 'nothing' | 'bucket' | 'key' {
  if (bucket === '') return 'nothing';
  return key === '' ? 'bucket' : 'key';
}
