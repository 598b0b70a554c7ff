// Bodies in chunks, as SDKs send streams: `Content-Encoding: aws-chunked`, told by x-amz-content-sha256.
//
//   STREAMING-UNSIGNED-PAYLOAD-TRAILER             <hex length>\r\n <bytes>\r\n ... 0\r\n <name>:<value>\r\n \r\n
//   STREAMING-AWS4-HMAC-SHA256-PAYLOAD[-TRAILER]   <hex length>;chunk-signature=<hex>\r\n ..., and x-amz-trailer-signature
//
// Each chunk's signature signs the chunk and the signature before it, the first one that of the request's headers; so no chunk can
// be changed, dropped or moved. A chunk is passed on only after its signature was checked: at most MAX_CHUNK_BYTES are held.
// Source: "Transferring payload in multiple chunks" and "Including trailing headers" in the API reference of S3.

import { createHash, createHmac } from 'node:crypto';
import { S3Error } from './errors.ts';
import { MAX_CHUNK_BYTES, MAX_CHUNK_LINE_BYTES, MAX_TRAILER_LINES } from './limits.ts';
import type { Signing } from './sigv4.ts';

const NOTHING_SHA256 = sha256Hex('');

/** Signs one chunk or trailer after the other, as the sender did. */
export class ChunkSigner {
  readonly #signing: Signing;
  #before: string;

  constructor(signing: Signing) {
    this.#signing = signing;
    this.#before = signing.signature;
  }

  signChunk(bytes: Uint8Array): string {
    return this.#sign('AWS4-HMAC-SHA256-PAYLOAD', NOTHING_SHA256, sha256Hex(bytes));
  }

  /** @param lines `name:value\n` each, in the order in which they were sent */
  signTrailer(lines: string): string {
    return this.#sign('AWS4-HMAC-SHA256-TRAILER', sha256Hex(lines));
  }

  #sign(algorithm: string, ...hashes: readonly string[]): string {
    const { time, scope, key } = this.#signing;
    const toSign = [algorithm, time, scope, this.#before, ...hashes].join('\n');
    this.#before = createHmac('sha256', key).update(toSign).digest('hex');
    return this.#before;
  }
}

/** The decoder of one body. */
export class ChunkedBody {
  readonly #input: ByteReader;
  readonly #signer: ChunkSigner | null;
  readonly #hasTrailer: boolean;
  readonly #trailer = new Map<string, string>();

  /** @param signing null for unsigned chunks */
  constructor(chunks: AsyncGenerator<Buffer>, signing: Signing | null, hasTrailer: boolean) {
    this.#input = new ByteReader(chunks);
    this.#signer = signing && new ChunkSigner(signing);
    this.#hasTrailer = hasTrailer;
  }

  /** By name in lower case; all of it is there once `chunks` has ended. */
  get trailer(): ReadonlyMap<string, string> {
    return this.#trailer;
  }

  /** The bytes without the framing. @throws S3Error IncompleteBody, SignatureDoesNotMatch, InvalidRequest, EntityTooLarge */
  async *chunks(): AsyncGenerator<Buffer> {
    for (;;) {
      const { sizeBytes, signature } = readChunkLine(await this.#input.line());
      if (this.#signer === null) yield* this.#input.pieces(sizeBytes);
      else {
        const bytes = await this.#input.bytes(sizeBytes);
        if (this.#signer.signChunk(bytes) !== signature) throw new S3Error('SignatureDoesNotMatch');
        if (sizeBytes > 0) yield bytes;
      }
      if (sizeBytes === 0) break;
      if ((await this.#input.line()) !== '') throw malformed('a chunk is longer than it says');
    }
    await this.#readTrailer();
    await this.#input.end();
  }

  async #readTrailer(): Promise<void> {
    let signed = '';
    for (let count = 0; ; count += 1) {
      const line = await this.#input.line();
      if (line === '') break;
      if (!this.#hasTrailer || count >= MAX_TRAILER_LINES) throw malformed('lines after the last chunk');
      const colon = line.indexOf(':');
      if (colon < 1) throw malformed('a trailer without a name');
      const [name, value] = [line.slice(0, colon).toLowerCase().trim(), line.slice(colon + 1).trim()];
      this.#trailer.set(name, value);
      if (name !== SIGNATURE_TRAILER) signed += `${name}:${value}\n`;
    }
    const signature = this.#trailer.get(SIGNATURE_TRAILER);
    if (this.#signer === null || !this.#hasTrailer) return;
    if (this.#signer.signTrailer(signed) !== signature) throw new S3Error('SignatureDoesNotMatch');
  }
}

const SIGNATURE_TRAILER = 'x-amz-trailer-signature';

function readChunkLine(line: string): { readonly sizeBytes: number; readonly signature: string | null } {
  const match = /^([0-9a-fA-F]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line);
  if (match === null) throw malformed('a chunk without its length');
  return { sizeBytes: Number.parseInt(match[1] ?? '', 16), signature: match[2] ?? null };
}

/** Reads lines and runs of bytes from a stream, holding no more than it is asked for. */
class ByteReader {
  readonly #source: AsyncGenerator<Buffer>;
  #held: Buffer = Buffer.alloc(0);

  constructor(source: AsyncGenerator<Buffer>) {
    this.#source = source;
  }

  /** Without its CRLF. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#held.indexOf('\r\n');
      if (end >= 0)
        return this.#take(end + 2)
          .subarray(0, end)
          .toString('latin1');
      if (this.#held.length > MAX_CHUNK_LINE_BYTES) throw malformed('a line without an end');
      await this.#more();
    }
  }

  async bytes(count: number): Promise<Buffer> {
    if (count > MAX_CHUNK_BYTES) {
      throw new S3Error('EntityTooLarge', undefined, { ProposedSize: count, MaxSizeAllowed: MAX_CHUNK_BYTES });
    }
    const pieces: Buffer[] = [];
    for await (const piece of this.pieces(count)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  async *pieces(count: number): AsyncGenerator<Buffer> {
    for (let rest = count; rest > 0; ) {
      if (this.#held.length === 0) await this.#more();
      const piece = this.#take(Math.min(rest, this.#held.length));
      rest -= piece.length;
      yield piece;
    }
  }

  /** @throws if there is anything more */
  async end(): Promise<void> {
    const { done } = this.#held.length > 0 ? { done: false } : await this.#source.next();
    if (!done) throw malformed('bytes after the end');
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#source.next();
    if (done) throw new S3Error('IncompleteBody');
    this.#held = this.#held.length === 0 ? value : Buffer.concat([this.#held, value]);
  }

  #take(count: number): Buffer {
    const taken = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(count);
    return taken;
  }
}

function malformed(reason: string): S3Error {
  return new S3Error('InvalidRequest', `The aws-chunked body is malformed: ${reason}.`);
}

function sha256Hex(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
