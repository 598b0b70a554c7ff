// An S3 endpoint that keeps nothing: it reads bodies and drops them, and remembers only what a client may ask for again (parts'
// sizes, checksums as given, ETags, an object's size and metadata). Runs as a process of its own, so that its CPU is not the
// client's; tells its parent of every part and object.
//
// It believes checksums, except of tiny bodies: the daemon's probe must find a server that looks at them, else it would send MD5s.
// Signatures are not checked; lists are never cut into pages.

import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { crc32 } from 'node:zlib';

/** Told to the parent, in the order of arrival. Times are epoch ms. */
export type SinkEvent =
  | { readonly event: 'listening'; readonly port: number }
  | { readonly event: 'part'; readonly key: string; readonly sizeBytes: number; readonly atMs: number }
  | { readonly event: 'object'; readonly key: string; readonly sizeBytes: number; readonly atMs: number };

interface Part {
  readonly sizeBytes: number;
  readonly etag: string;
  readonly crc32: string | null;
}

interface Upload {
  readonly id: string;
  readonly key: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly startedAt: string;
  readonly parts: Map<number, Part>;
}

interface StoredObject {
  readonly sizeBytes: number;
  readonly etag: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly modified: string;
}

interface Call {
  readonly request: IncomingMessage;
  readonly reply: ServerResponse;
  readonly key: string;
  readonly query: URLSearchParams;
}

const CHECKED_BYTES = 1024;
const partDelayMs = Number(process.argv[2] ?? 0);
const uploads = new Map<string, Upload>();
const objects = new Map<string, StoredObject>();

const tell = (event: SinkEvent): void => void process.send?.(event);

/** Counts the body's bytes; keeps it only while it is tiny. */
async function drop(request: IncomingMessage): Promise<{ sizeBytes: number; tiny: Buffer | null }> {
  let sizeBytes = 0;
  const kept: Buffer[] = [];
  request.on('data', (chunk: Buffer) => {
    sizeBytes += chunk.length;
    if (sizeBytes <= CHECKED_BYTES) kept.push(chunk);
  });
  await new Promise((resolve, reject) => request.once('end', resolve).once('error', reject));
  const decoded = Number(request.headers['x-amz-decoded-content-length'] ?? sizeBytes);
  return { sizeBytes: decoded, tiny: sizeBytes <= CHECKED_BYTES ? Buffer.concat(kept) : null };
}

function metadataOf(request: IncomingMessage): Record<string, string> {
  const found = Object.entries(request.headers).filter(([name]) => name.startsWith('x-amz-meta-'));
  return Object.fromEntries(found.map(([name, value]) => [name, String(value)]));
}

function answer(reply: ServerResponse, status: number, body = '', headers: Record<string, string> = {}): void {
  reply.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers });
  reply.end(body);
}

const xml = (root: string, inner: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><${root}>${inner}</${root}>`;
const refuse = (reply: ServerResponse, status: number, code: string): void =>
  answer(reply, status, xml('Error', `<Code>${code}</Code><Message>${code}</Message>`));

function conditionFails({ request, key }: Call): boolean {
  const object = objects.get(key);
  const wanted = request.headers['if-match'];
  if (request.headers['if-none-match'] === '*') return object !== undefined;
  return wanted !== undefined && wanted.replaceAll('"', '') !== object?.etag;
}

function keep(key: string, object: Omit<StoredObject, 'modified'>): void {
  objects.set(key, { ...object, modified: new Date().toUTCString() });
  tell({ event: 'object', key, sizeBytes: object.sizeBytes, atMs: Date.now() });
}

async function putPart({ request, reply, key, query }: Call): Promise<void> {
  const { sizeBytes, tiny } = await drop(request);
  const given = request.headers['x-amz-checksum-crc32'];
  const sum = typeof given === 'string' ? given : null;
  if (tiny && sum) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(crc32(tiny));
    if (bytes.toString('base64') !== sum) return refuse(reply, 400, 'BadDigest');
  }
  const upload = uploads.get(query.get('uploadId') ?? '');
  if (!upload) return refuse(reply, 404, 'NoSuchUpload');
  if (partDelayMs > 0) await wait(partDelayMs);
  const number = Number(query.get('partNumber'));
  // No MD5, and does not look like one: nobody can compute it, so nobody expects another.
  const etag = `null-${number}-${sizeBytes}`;
  upload.parts.set(number, { sizeBytes, etag, crc32: sum });
  tell({ event: 'part', key, sizeBytes, atMs: Date.now() });
  answer(reply, 200, '', { etag: `"${etag}"`, ...(sum && { 'x-amz-checksum-crc32': sum }) });
}

async function putObject(call: Call): Promise<void> {
  const { sizeBytes } = await drop(call.request);
  if (conditionFails(call)) return refuse(call.reply, 412, 'PreconditionFailed');
  keep(call.key, { sizeBytes, etag: randomUUID(), metadata: metadataOf(call.request) });
  answer(call.reply, 200, '', { etag: `"${objects.get(call.key)?.etag}"` });
}

async function createUpload({ request, reply, key }: Call): Promise<void> {
  await drop(request);
  const id = randomUUID();
  const startedAt = new Date().toISOString();
  uploads.set(id, { id, key, metadata: metadataOf(request), startedAt, parts: new Map() });
  const names = `<Bucket>bench</Bucket><Key>${key}</Key><UploadId>${id}</UploadId>`;
  answer(reply, 200, xml('InitiateMultipartUploadResult', names));
}

async function completeUpload(call: Call): Promise<void> {
  const { request, reply, key, query } = call;
  await drop(request);
  const upload = uploads.get(query.get('uploadId') ?? '');
  if (!upload) return refuse(reply, 404, 'NoSuchUpload');
  if (conditionFails(call)) return refuse(reply, 412, 'PreconditionFailed');
  uploads.delete(upload.id);
  const sizeBytes = [...upload.parts.values()].reduce((sum, part) => sum + part.sizeBytes, 0);
  const etag = `${randomUUID()}-${upload.parts.size}`;
  keep(key, { sizeBytes, etag, metadata: upload.metadata });
  answer(reply, 200, xml('CompleteMultipartUploadResult', `<Key>${key}</Key><ETag>&quot;${etag}&quot;</ETag>`));
}

async function listParts({ reply, key, query }: Call): Promise<void> {
  const upload = uploads.get(query.get('uploadId') ?? '');
  if (!upload) return refuse(reply, 404, 'NoSuchUpload');
  const entries = [...upload.parts].sort(([a], [b]) => a - b);
  const parts = entries.map(([number, { sizeBytes, etag, crc32: sum }]) => {
    const checksum = sum ? `<ChecksumCRC32>${sum}</ChecksumCRC32>` : '';
    const fields = `<PartNumber>${number}</PartNumber><ETag>"${etag}"</ETag><Size>${sizeBytes}</Size>${checksum}`;
    return `<Part>${fields}<LastModified>${upload.startedAt}</LastModified></Part>`;
  });
  const head = `<Bucket>bench</Bucket><Key>${key}</Key><UploadId>${upload.id}</UploadId><MaxParts>10000</MaxParts>`;
  answer(reply, 200, xml('ListPartsResult', `${head}<IsTruncated>false</IsTruncated>${parts.join('')}`));
}

function listUploads({ reply, query }: Call): void {
  const prefix = query.get('prefix') ?? '';
  const found = [...uploads.values()].filter((upload) => upload.key.startsWith(prefix));
  const entries = found.map(
    ({ id, key, startedAt }) =>
      `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${startedAt}</Initiated></Upload>`,
  );
  const head = `<Bucket>bench</Bucket><Prefix>${prefix}</Prefix><IsTruncated>false</IsTruncated>`;
  answer(reply, 200, xml('ListMultipartUploadsResult', `${head}${entries.join('')}`));
}

function headObject({ reply, key }: Call): void {
  const object = objects.get(key);
  reply.writeHead(object ? 200 : 404, {
    ...(object && {
      'content-length': object.sizeBytes,
      etag: `"${object.etag}"`,
      'last-modified': object.modified,
      ...object.metadata,
    }),
  });
  reply.end();
}

function remove({ reply, key, query }: Call): void {
  if (query.has('uploadId')) uploads.delete(query.get('uploadId') ?? '');
  else objects.delete(key);
  answer(reply, 204);
}

async function route(call: Call): Promise<void> {
  const { request, reply, query } = call;
  const isUpload = query.has('uploadId');
  if (request.method === 'PUT') return await (isUpload ? putPart(call) : putObject(call));
  if (request.method === 'POST') return await (isUpload ? completeUpload(call) : createUpload(call));
  request.resume();
  if (request.method === 'HEAD') return headObject(call);
  if (request.method === 'DELETE') return remove(call);
  if (isUpload) return await listParts(call);
  if (query.has('uploads')) return listUploads(call);
  refuse(reply, 501, 'NotImplemented');
}

const server = createServer((request, reply) => {
  const url = new URL(request.url ?? '/', 'http://sink');
  const key = decodeURIComponent(url.pathname.split('/').slice(2).join('/'));
  route({ request, reply, key, query: url.searchParams }).catch(() => reply.destroy());
});
server.keepAliveTimeout = 30_000;
server.listen(0, '127.0.0.1', () => tell({ event: 'listening', port: (server.address() as AddressInfo).port }));
process.on('disconnect', () => process.exit(0));
