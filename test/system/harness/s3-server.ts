// dev-s3 for a test, in this process or (to be killed) in one of its own, with an SDK client in front of it that sees the
// bucket as any user of it would.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import {
  AbortMultipartUploadCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { FaultRule } from '../../../src/dev-s3/faults.ts';
import type { LoggedRequest } from '../../../src/dev-s3/request-log.ts';
import { type DevS3, startDevS3 } from '../../../src/dev-s3/server.ts';
import { freePort } from '../../fixtures/free-port.ts';
import { builtProgram } from './built-program.ts';
import { type OwnedProcess, type OwnerTest, ownProcess } from './owned-processes.ts';
import { until } from './waiting.ts';

export const BUCKET = 'takes';
export const CREDENTIALS = { accessKeyId: 'system-key', secretAccessKey: 'system-secret' };

const PROBE_FOLDER = '.tailrace-probe/';

export interface ObjectSeen {
  readonly sizeBytes: number;
  readonly sha256: string;
  /** 8 hex digits. */
  readonly crc32: string;
  readonly etag: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface OpenUpload {
  readonly key: string;
  readonly uploadId: string;
}

export interface S3ServerOptions {
  /** A process of its own, so that `kill` is a real kill -9. */
  readonly ownProcess?: boolean;
}

export class S3Server {
  /** The same over its whole life, also after a restart. */
  readonly url: string;
  readonly #test: OwnerTest;
  readonly #folder: string;
  readonly #port: number;
  readonly #isApart: boolean;
  readonly #client: S3Client;
  #inside: DevS3 | null;
  #apart: OwnedProcess | null;
  #former: readonly LoggedRequest[] = [];

  /** Use `startS3`. */
  constructor(test: OwnerTest, folder: string, started: Started) {
    this.#test = test;
    this.#folder = folder;
    this.url = started.url;
    this.#port = Number(new URL(started.url).port);
    this.#isApart = started.apart !== null;
    this.#inside = started.inside;
    this.#apart = started.apart;
    this.#client = new S3Client({
      endpoint: started.url,
      region: 'us-east-1',
      credentials: CREDENTIALS,
      forcePathStyle: true,
      maxAttempts: 1,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
    test.onTestFinished(async () => {
      this.#client.destroy();
      await this.stop();
    });
  }

  /** Ends it: in a process of its own by kill -9, otherwise by closing everything at once. The folder keeps what it has. */
  async stop(): Promise<void> {
    this.#former = this.#inside ? [...this.#former, ...this.#inside.requests.all()] : this.#former;
    await this.#inside?.close();
    await this.#apart?.end('SIGKILL');
    this.#inside = null;
    this.#apart = null;
  }

  /** Starts it again, at the same address, with what is in its folder. */
  async start(): Promise<void> {
    const started = await launch(this.#test, this.#folder, this.#port, this.#isApart);
    this.#inside = started.inside;
    this.#apart = started.apart;
  }

  /** The kernel accepts connections for it, and nothing is answered, until `resume`. Only in a process of its own. */
  freeze(): void {
    this.#apart?.child.kill('SIGSTOP');
  }
  resume(): void {
    this.#apart?.child.kill('SIGCONT');
  }

  /** Behind the rules that are there. */
  async addFaults(...rules: readonly FaultRule[]): Promise<void> {
    if (this.#inside) this.#inside.faults.add(...rules);
    else await this.#admin('POST', '/-/faults', rules);
  }

  async clearFaults(): Promise<void> {
    if (this.#inside) this.#inside.faults.clear();
    else await this.#admin('DELETE', '/-/faults');
  }

  /** Oldest first. Of a process of its own: since its last start. */
  async requests(): Promise<readonly LoggedRequest[]> {
    if (this.#isApart) return (await this.#admin('GET', '/-/log')) as readonly LoggedRequest[];
    return [...this.#former, ...(this.#inside?.requests.all() ?? [])];
  }

  /** null: there is no such object. */
  async objectOf(key: string): Promise<ObjectSeen | null> {
    const found = await this.#get(key);
    if (!found) return null;
    const hash = createHash('sha256');
    let sizeBytes = 0;
    let crc = 0;
    for await (const chunk of found.Body as Readable) {
      hash.update(chunk);
      crc = crc32(chunk, crc);
      sizeBytes += chunk.length;
    }
    const sums = { sha256: hash.digest('hex'), crc32: crc.toString(16).padStart(8, '0') };
    return { sizeBytes, ...sums, etag: found.ETag ?? '', metadata: found.Metadata ?? {} };
  }

  /** null: there is no such object. For small ones. */
  async bytesOf(key: string): Promise<Buffer | null> {
    const found = await this.#get(key);
    if (!found) return null;
    const chunks: Buffer[] = [];
    for await (const chunk of found.Body as Readable) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  /** Somebody else's object. */
  async putObject(key: string, body: Uint8Array): Promise<void> {
    await this.#client.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: body }));
  }

  /** Somebody ends an upload behind the daemon's back: a lifecycle rule, an operator. */
  async abortUpload({ key, uploadId }: OpenUpload): Promise<void> {
    await this.#client.send(new AbortMultipartUploadCommand({ Bucket: BUCKET, Key: key, UploadId: uploadId }));
  }

  /** Only while it is empty. */
  async deleteBucket(): Promise<void> {
    await this.#client.send(new DeleteBucketCommand({ Bucket: BUCKET }));
  }

  async createBucket(): Promise<void> {
    await this.#client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  }

  /** All keys of the bucket, receipts included, in S3's order. */
  async keys(): Promise<readonly string[]> {
    const keys: string[] = [];
    let token: string | undefined;
    do {
      const page = await this.#client.send(
        new ListObjectsV2Command({ Bucket: BUCKET, ...(token === undefined ? {} : { ContinuationToken: token }) }),
      );
      keys.push(...(page.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key])));
      token = page.NextContinuationToken;
    } while (token !== undefined);
    return keys;
  }

  /** Those of files; a killed probe leaves one in its own folder, which a later probe ends. */
  async openUploads(): Promise<readonly OpenUpload[]> {
    const uploads: OpenUpload[] = [];
    let marker: { KeyMarker?: string; UploadIdMarker?: string } | null = {};
    while (marker) {
      const page: { Uploads?: { Key?: string; UploadId?: string }[] } & Record<string, unknown> =
        (await this.#client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET, ...marker }))) as never;
      for (const { Key = '', UploadId = '' } of page.Uploads ?? []) {
        if (!Key.startsWith(PROBE_FOLDER)) uploads.push({ key: Key, uploadId: UploadId });
      }
      marker = page['IsTruncated']
        ? { KeyMarker: String(page['NextKeyMarker']), UploadIdMarker: String(page['NextUploadIdMarker']) }
        : null;
    }
    return uploads;
  }

  async #get(key: string) {
    try {
      return await this.#client.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
    } catch (error) {
      if ((error as Error).name === 'NoSuchKey') return null;
      throw error;
    }
  }

  async #admin(method: string, path: string, body?: unknown): Promise<unknown> {
    const reply = await fetch(`${this.url}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!reply.ok) throw new Error(`dev-s3 ${method} ${path}: ${reply.status} ${await reply.text()}`);
    return reply.json();
  }
}

interface Started {
  readonly url: string;
  readonly inside: DevS3 | null;
  readonly apart: OwnedProcess | null;
}

/** `folder` is the test's; a folder of its own is made in it. */
export async function startS3(test: OwnerTest, folder: string, options: S3ServerOptions = {}): Promise<S3Server> {
  const own = join(folder, 's3');
  return new S3Server(test, own, await launch(test, own, await freePort(), options.ownProcess ?? false));
}

async function launch(test: OwnerTest, folder: string, port: number, isApart: boolean): Promise<Started> {
  if (!isApart) {
    const inside = await startDevS3({ folder, port, ...CREDENTIALS, buckets: [BUCKET], fsync: false, admin: true });
    return { url: inside.url, inside, apart: null };
  }
  const { devS3 } = await builtProgram();
  const args = ['--folder', folder, '--port', String(port), '--bucket', BUCKET, '--no-fsync', '--admin'];
  const apart = ownProcess(test, process.execPath, [devS3, ...args], {
    env: { DEV_S3_ACCESS_KEY_ID: CREDENTIALS.accessKeyId, DEV_S3_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey },
  });
  const url = await until('dev-s3 listens', () => {
    if (apart.hasEnded()) throw new Error(`dev-s3 ended: ${apart.output()}`);
    return /"url":"([^"]+)"/.exec(apart.output())?.[1] ?? null;
  });
  return { url, inside: null, apart };
}
