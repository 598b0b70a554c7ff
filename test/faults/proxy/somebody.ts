// Somebody else at the server itself: a lifecycle rule, an operator, another program. With the same credentials, past the proxy.

import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { Recognized } from './operations.ts';
import type { Deed } from './plan.ts';

export interface Access {
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** What a foreign object holds: nobody's recording is this. */
export const FOREIGN_BYTES = Buffer.from("somebody else's object\n");

export class Somebody {
  readonly #client: S3Client;

  constructor(url: string, { region, ...credentials }: Access) {
    this.#client = new S3Client({
      endpoint: url,
      region,
      credentials,
      forcePathStyle: true,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
  }

  async does(deed: Deed, { bucket, key, uploadId }: Pick<Recognized, 'bucket' | 'key' | 'uploadId'>): Promise<void> {
    const target = { Bucket: bucket, Key: key };
    switch (deed) {
      case 'the upload is aborted':
        for (const id of uploadId === null ? await this.#openUploads(bucket, key) : [uploadId]) {
          await this.#client.send(new AbortMultipartUploadCommand({ ...target, UploadId: id }));
        }
        return;
      case 'a foreign object is put':
        await this.#client.send(new PutObjectCommand({ ...target, Body: FOREIGN_BYTES }));
        return;
      case 'another part 1 is uploaded': {
        const [id = ''] = uploadId === null ? await this.#openUploads(bucket, key) : [uploadId];
        const part = { ...target, UploadId: id, PartNumber: 1, Body: FOREIGN_BYTES };
        await this.#client.send(new UploadPartCommand(part));
        return;
      }
      case 'the object is deleted':
        await this.#client.send(new DeleteObjectCommand(target));
    }
  }

  async #openUploads(bucket: string, key: string): Promise<readonly string[]> {
    const page = await this.#client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: key }));
    return (page.Uploads ?? []).flatMap((upload) => (upload.Key === key && upload.UploadId ? [upload.UploadId] : []));
  }

  close(): void {
    this.#client.destroy();
  }
}
