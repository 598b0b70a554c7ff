// An S3 with habits: just enough of one to be asked by the probe, and to ignore or refuse what real ones ignore or refuse.

import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type RawAnswer, type RawServer, type SeenRequest, s3Error, startRawServer, xml } from './raw-server.ts';

export interface Habits {
  /** Headers to which it answers NotImplemented. */
  readonly refuses?: readonly string[];
  /** Conditions that it does not look at. */
  readonly ignores?: readonly string[];
  readonly ignoresChecksums?: boolean;
  readonly refusesChecksumsInComplete?: boolean;
  /** A part must have the checksum that its upload was opened for (AWS, when it is a composite one). */
  readonly demandsAnnouncedChecksums?: boolean;
  readonly abortsAfterMs?: number;
}

export class StubbornServer {
  readonly raw: RawServer;
  /** Changed by a test as an upgrade would. */
  habits: Habits;
  /** Key to etag. */
  readonly #objects = new Map<string, string>();
  /** Upload id to its only part's etag. */
  readonly #uploads = new Map<string, string>();
  readonly #announced = new Set<string>();
  #opened = 0;

  private constructor(raw: RawServer, habits: Habits) {
    this.raw = raw;
    this.habits = habits;
    raw.answer = (request) => this.#answer(request);
  }

  static async start(habits: Habits): Promise<StubbornServer> {
    return new StubbornServer(await startRawServer(), habits);
  }

  leftovers(): { readonly objects: readonly string[]; readonly uploads: readonly string[] } {
    return { objects: [...this.#objects.keys()], uploads: [...this.#uploads.keys()] };
  }

  #answer(request: SeenRequest): RawAnswer {
    const refused = this.habits.refuses?.find((name) => request.headers[name] !== undefined);
    if (refused) return s3Error('NotImplemented', 501, `${refused} is not implemented`);
    const { method, url } = request;
    if (url.searchParams.has('uploads')) return method === 'GET' ? listOfNone : this.#open(request);
    const id = url.searchParams.get('uploadId');
    if (id === null) return this.#wholeObject(request);
    const etag = this.#uploads.get(id);
    if (etag === undefined) return s3Error('NoSuchUpload', 404);
    if (method === 'PUT') return this.#part(request, id);
    if (method === 'GET') return listOfParts(id, etag);
    if (method === 'POST') return this.#complete(request, id);
    this.#uploads.delete(id);
    return { status: 204 };
  }

  #open({ headers }: SeenRequest): RawAnswer {
    this.#opened += 1;
    const id = `upload-${this.#opened}`;
    this.#uploads.set(id, '');
    if (headers['x-amz-checksum-algorithm'] !== undefined) this.#announced.add(id);
    const { abortsAfterMs } = this.habits;
    const body = `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`;
    if (abortsAfterMs === undefined) return xml(body);
    return xml(body, 200, { 'x-amz-abort-date': new Date(Date.now() + abortsAfterMs).toUTCString() });
  }

  #part({ body, headers }: SeenRequest, id: string): RawAnswer {
    const claimed = headers['x-amz-checksum-crc32'];
    if (!this.habits.ignoresChecksums && claimed !== undefined && claimed !== crc32Of(body)) {
      return s3Error('BadDigest', 400);
    }
    if (this.habits.demandsAnnouncedChecksums && this.#announced.has(id) && claimed === undefined) {
      return s3Error('InvalidRequest', 400, 'Checksum Type mismatch occurred');
    }
    const etag = createHash('md5').update(body).digest('hex');
    this.#uploads.set(id, etag);
    return { status: 200, headers: { etag: `"${etag}"` } };
  }

  #complete(request: SeenRequest, id: string): RawAnswer {
    const hasChecksums = request.body.includes('ChecksumCRC32');
    if (this.habits.refusesChecksumsInComplete && hasChecksums) return s3Error('MalformedXML', 400);
    if (!this.#holds(request)) return s3Error('PreconditionFailed', 412);
    this.#objects.set(request.url.pathname, 'etag');
    this.#uploads.delete(id);
    return xml('<CompleteMultipartUploadResult><ETag>"etag-1"</ETag></CompleteMultipartUploadResult>');
  }

  #wholeObject(request: SeenRequest): RawAnswer {
    const { pathname } = request.url;
    if (request.method === 'DELETE') {
      this.#objects.delete(pathname);
      return { status: 204 };
    }
    if (request.method !== 'PUT') return { status: 404 };
    if (!this.#holds(request)) return s3Error('PreconditionFailed', 412);
    this.#objects.set(pathname, 'etag');
    return { status: 200, headers: { etag: '"etag"' } };
  }

  /** Whether the conditions hold that it looks at. */
  #holds({ headers, url }: SeenRequest): boolean {
    const etag = this.#objects.get(url.pathname);
    const looksAt = (name: string) => headers[name] !== undefined && !this.habits.ignores?.includes(name);
    if (looksAt('if-none-match') && etag !== undefined) return false;
    return !looksAt('if-match') || headers['if-match'] === `"${etag}"`;
  }
}

const crc32Of = (bytes: Buffer): string => {
  const four = Buffer.alloc(4);
  four.writeUInt32BE(crc32(bytes));
  return four.toString('base64');
};

const listOfNone = xml('<ListMultipartUploadsResult><Bucket>streams</Bucket></ListMultipartUploadsResult>');

const listOfParts = (id: string, etag: string): RawAnswer => {
  const part = etag && `<Part><PartNumber>1</PartNumber><ETag>"${etag}"</ETag><Size>38</Size></Part>`;
  return xml(`<ListPartsResult><UploadId>${id}</UploadId>${part}</ListPartsResult>`);
};
