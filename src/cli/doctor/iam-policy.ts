// The policy that the daemon needs, no more: for AWS, and for servers that know its policies (MinIO, Ceph).
//
// Without s3:ListBucket AWS answers 403 for an object that is not there, which is never taken for absence. It has no condition on the
// prefix: HeadObject, for which it is needed, has none to compare. s3:DeleteObject is for the probe's own object alone.

export interface IamPolicy {
  readonly Version: '2012-10-17';
  readonly Statement: readonly {
    readonly Sid: string;
    readonly Effect: 'Allow';
    readonly Action: readonly string[];
    readonly Resource: string;
  }[];
}

export function iamPolicy(bucket: string, prefix: string, region: string | null): IamPolicy {
  const { bucketArn, objectsArn } = arnsOf(bucket, region ?? '');
  const allow = (Sid: string, Action: readonly string[], Resource: string) =>
    ({ Sid, Effect: 'Allow', Action, Resource }) as const;
  return {
    Version: '2012-10-17',
    Statement: [
      allow('TailraceBucket', ['s3:ListBucket', 's3:ListBucketMultipartUploads'], bucketArn),
      allow(
        'TailraceObjects',
        ['s3:PutObject', 's3:GetObject', 's3:ListMultipartUploadParts', 's3:AbortMultipartUpload'],
        `${objectsArn}/${prefix}*`,
      ),
      allow('TailraceProbe', ['s3:DeleteObject'], `${objectsArn}/${prefix}.tailrace-probe/*`),
    ],
  };
}

/** An access point is named by its own ARN, and its objects below `/object`. */
function arnsOf(bucket: string, region: string): { readonly bucketArn: string; readonly objectsArn: string } {
  if (bucket.startsWith('arn:')) return { bucketArn: bucket, objectsArn: `${bucket}/object` };
  const partition = region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
  const bucketArn = `arn:${partition}:s3:::${bucket}`;
  return { bucketArn, objectsArn: bucketArn };
}
