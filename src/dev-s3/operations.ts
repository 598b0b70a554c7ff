// The operations by name. Which one a request asks for is said in router.ts; that every one has its function, by this type.

import { createBucket, deleteBucket, headBucket, listBuckets } from './bucket-operations.ts';
import type { Operation } from './call.ts';
import { copyObject, uploadPartCopy } from './copy-operations.ts';
import { listMultipartUploads, listObjectsV2, listParts } from './listing-operations.ts';
import { deleteObject, getObject, headObject, putObject } from './object-operations.ts';
import type { OperationName } from './router.ts';
import {
  abortMultipartUpload,
  completeMultipartUpload,
  createMultipartUpload,
  uploadPart,
} from './upload-operations.ts';

export const OPERATIONS: Readonly<Record<OperationName, Operation>> = {
  ListBuckets: listBuckets,
  CreateBucket: createBucket,
  HeadBucket: headBucket,
  DeleteBucket: deleteBucket,
  ListObjectsV2: listObjectsV2,
  ListMultipartUploads: listMultipartUploads,
  PutObject: putObject,
  CopyObject: copyObject,
  GetObject: getObject,
  HeadObject: headObject,
  DeleteObject: deleteObject,
  CreateMultipartUpload: createMultipartUpload,
  UploadPart: uploadPart,
  UploadPartCopy: uploadPartCopy,
  ListParts: listParts,
  CompleteMultipartUpload: completeMultipartUpload,
  AbortMultipartUpload: abortMultipartUpload,
};
