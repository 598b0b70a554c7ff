// A server of its own per test file, in a folder of its own, with the real SDK in front of it; all gone afterwards.
// Time can be set, parts may be small, and nothing is synced: kill -9 needs no sync, and tests want speed.

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  GetObjectCommand,
  S3Client,
  type S3ClientConfig,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { type DevS3, type DevS3Options, startDevS3 } from '../../../src/dev-s3/server.ts';

export const BUCKET = 'recordings';
export const KEYS = { accessKeyId: 'dev-key', secretAccessKey: 'dev-secret' };
/** Small enough to write many, large enough to be refused. */
export const MIN_PART_BYTES = 1024;

export type Fixture = {
  readonly server: DevS3;
  readonly folder: string;
  readonly client: S3Client;
  end(): Promise<void>;
};

export async function startFixture(options: Partial<DevS3Options> = {}): Promise<Fixture> {
  const folder = await temporaryFolder();
  const server = await startDevS3({
    folder,
    ...KEYS,
    buckets: [BUCKET],
    minPartBytes: MIN_PART_BYTES,
    fsync: false,
    admin: true,
    ...options,
  });
  const client = clientFor(server.url);
  return {
    server,
    folder,
    client,
    end: async () => {
      client.destroy();
      await server.close();
      await rm(folder, { recursive: true });
    },
  };
}

export function temporaryFolder(): Promise<string> {
  return mkdtemp(path.join(os.tmpdir(), 'dev-s3-'));
}

/** As the daemon uses it: no hidden retries, checksums only when we say so. */
export function clientFor(url: string, config: S3ClientConfig = {}): S3Client {
  return new S3Client({
    endpoint: url,
    region: 'us-east-1',
    credentials: KEYS,
    forcePathStyle: true,
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...config,
  });
}

/** Bytes that differ from one another, and are the same for the same seed. */
export function bytesOf(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed * 2654435761 + 1;
  for (let index = 0; index < length; index += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

/** What was refused, as `404 NoSuchKey`; fails if nothing was. */
export async function refusalOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } };
    return `${$metadata?.httpStatusCode ?? 'no reply'} ${name}`;
  }
  throw new Error('this was expected to be refused');
}

export type SentPart = { readonly PartNumber: number; readonly ETag: string };

export async function createUpload(
  client: S3Client,
  key: string,
  input: Partial<CreateMultipartUploadCommandInput> = {},
): Promise<string> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket: BUCKET, Key: key, ...input }));
  return UploadId!;
}

export async function sendPart(
  client: S3Client,
  key: string,
  uploadId: string,
  partNumber: number,
  body: Buffer,
): Promise<SentPart> {
  const target = { Bucket: BUCKET, Key: key, UploadId: uploadId, PartNumber: partNumber };
  const { ETag } = await client.send(new UploadPartCommand({ ...target, Body: body }));
  return { PartNumber: partNumber, ETag: ETag! };
}

export async function complete(client: S3Client, key: string, uploadId: string, parts: readonly SentPart[]) {
  const target = { Bucket: BUCKET, Key: key, UploadId: uploadId };
  return client.send(new CompleteMultipartUploadCommand({ ...target, MultipartUpload: { Parts: [...parts] } }));
}

export async function readObject(client: S3Client, key: string): Promise<Buffer> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
  return Buffer.from(await Body!.transformToByteArray());
}

/** Every file below the folder, as paths relative to it. */
export async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
}

/** The files that hold bytes of parts and objects. */
export async function blobsIn(folder: string): Promise<string[]> {
  return (await filesIn(folder)).filter((file) => file.includes(`${path.sep}blobs${path.sep}`));
}
