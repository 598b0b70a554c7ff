// Which S3 operation a request asks for, read off method, path and query alone: path-style addresses, any server.

import type { IncomingMessage } from 'node:http';

export type ProxiedOperation =
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'UploadPartCopy'
  | 'ListParts'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'ListMultipartUploads'
  | 'HeadObject'
  | 'GetObject'
  | 'PutObject'
  | 'DeleteObject'
  | 'other';

export interface Recognized {
  readonly operation: ProxiedOperation;
  readonly bucket: string;
  readonly key: string;
  readonly uploadId: string | null;
  readonly partNumber: number | null;
}

export function recognize({ method = '', url = '/', headers }: IncomingMessage): Recognized {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
  const [, bucket = '', rest = ''] = /^\/([^/]*)\/?(.*)$/s.exec(path) ?? [];
  const number = query.get('partNumber');
  return {
    operation: operationOf(method, rest !== '', query, headers['x-amz-copy-source'] !== undefined),
    bucket,
    key: decodeURIComponent(rest),
    uploadId: query.get('uploadId'),
    partNumber: number === null ? null : Number(number),
  };
}

function operationOf(method: string, hasKey: boolean, query: URLSearchParams, copies: boolean): ProxiedOperation {
  if (!hasKey) return method === 'GET' && query.has('uploads') ? 'ListMultipartUploads' : 'other';
  const inUpload = query.has('uploadId');
  switch (method) {
    case 'POST':
      return inUpload ? 'CompleteMultipartUpload' : query.has('uploads') ? 'CreateMultipartUpload' : 'other';
    case 'PUT':
      if (inUpload) return copies ? 'UploadPartCopy' : 'UploadPart';
      return copies ? 'other' : 'PutObject';
    case 'GET':
      return inUpload ? 'ListParts' : 'GetObject';
    case 'HEAD':
      return 'HeadObject';
    case 'DELETE':
      return inUpload ? 'AbortMultipartUpload' : 'DeleteObject';
    default:
      return 'other';
  }
}
