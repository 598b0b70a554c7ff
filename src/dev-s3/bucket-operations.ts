// Buckets: list, create, head, delete.

import type { Call } from './call.ts';
import { readDocument } from './payload.ts';
import { emptyReply, type Reply, xmlReply } from './reply.ts';
import { parseXml, type Xml, xmlTime } from './xml.ts';

/** There is one account, and it owns everything. */
const OWNER: Xml = [
  'Owner',
  [
    ['ID', 'dev-s3'],
    ['DisplayName', 'dev-s3'],
  ],
];

export async function listBuckets({ buckets }: Call): Promise<Reply> {
  const listed = buckets.sorted().map(
    ({ name, createdAtMs }): Xml => [
      'Bucket',
      [
        ['Name', name],
        ['CreationDate', xmlTime(createdAtMs)],
      ],
    ],
  );
  return xmlReply(['ListAllMyBucketsResult', [OWNER, ['Buckets', listed]]]);
}

export async function createBucket(call: Call): Promise<Reply> {
  const { request, buckets, nowMs } = call;
  // A LocationConstraint is read for its form only: there is one place.
  const text = await readDocument(call);
  if (text !== '') parseXml(text, 'CreateBucketConfiguration');
  await buckets.create(request.bucket, nowMs);
  return emptyReply(200, { location: `/${request.bucket}` });
}

export async function headBucket({ request, buckets, region }: Call): Promise<Reply> {
  buckets.get(request.bucket);
  return emptyReply(200, { 'x-amz-bucket-region': region });
}

export async function deleteBucket({ request, buckets }: Call): Promise<Reply> {
  await buckets.remove(request.bucket);
  return emptyReply(204);
}
