// The bucket as any user of it sees it, on whatever server: objects with their bytes hashed, receipts, open uploads.

import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import {
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { isReceipt } from '../system/recovery/looking.ts';

export interface S3Place {
  readonly url: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly bucket: string;
}

export interface SeenObject {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface SeenUpload {
  readonly key: string;
  readonly uploadId: string;
  readonly openedAtMs: number;
}

const PROBE_FOLDER = '.tailrace-probe/';

export class BucketSight {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor({ url, region, accessKeyId, secretAccessKey, bucket }: S3Place) {
    this.#bucket = bucket;
    this.#client = new S3Client({
      ...{ endpoint: url, region, credentials: { accessKeyId, secretAccessKey }, forcePathStyle: true },
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
  }

  close(): void {
    this.#client.destroy();
  }

  /** null: there is none. */
  async object(key: string): Promise<SeenObject | null> {
    const found = await this.#get(key);
    if (!found) return null;
    const hash = createHash('sha256');
    let sizeBytes = 0;
    for await (const chunk of found.Body as Readable) {
      hash.update(chunk);
      sizeBytes += chunk.length;
    }
    return { sizeBytes, sha256: hash.digest('hex'), metadata: found.Metadata ?? {} };
  }

  /** null: there is none. */
  async json(key: string): Promise<Readonly<Record<string, unknown>> | null> {
    const found = await this.#get(key);
    return found ? (JSON.parse((await found.Body?.transformToString()) ?? '') as Record<string, unknown>) : null;
  }

  /** Without receipts and what the daemon's probe of the server leaves when it is killed. */
  async objectKeys(): Promise<readonly string[]> {
    const keys: string[] = [];
    let token: string | undefined;
    do {
      const page = await this.#client.send(
        new ListObjectsV2Command({
          Bucket: this.#bucket,
          ...(token === undefined ? {} : { ContinuationToken: token }),
        }),
      );
      keys.push(...(page.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key])));
      token = page.NextContinuationToken;
    } while (token !== undefined);
    return keys.filter((key) => !isReceipt(key) && !key.startsWith(PROBE_FOLDER));
  }

  async openUploads(): Promise<readonly SeenUpload[]> {
    const uploads = new Map<string, SeenUpload>();
    let marker = {};
    for (;;) {
      const page = await this.#client.send(new ListMultipartUploadsCommand({ Bucket: this.#bucket, ...marker }));
      const before = uploads.size;
      for (const { Key: key = '', UploadId: uploadId = '', Initiated } of page.Uploads ?? [])
        if (!key.startsWith(PROBE_FOLDER))
          uploads.set(uploadId, { key, uploadId, openedAtMs: Initiated?.getTime() ?? 0 });
      // Swift can repeat a page for ever.
      if (!page.IsTruncated || uploads.size === before) return [...uploads.values()];
      marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
    }
  }

  /** How many it holds. */
  async parts({ key, uploadId }: SeenUpload): Promise<number> {
    const listed = await this.#client.send(
      new ListPartsCommand({ Bucket: this.#bucket, Key: key, UploadId: uploadId }),
    );
    return listed.Parts?.length ?? 0;
  }

  async #get(key: string) {
    try {
      return await this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: key }));
    } catch (error) {
      if ((error as Error).name === 'NoSuchKey') return null;
      throw error;
    }
  }
}
