// The hashes of a range: CRC32 by zlib (sent to S3), XXH64 by WebAssembly (ours, because CRC32 alone misses edits of records
// that carry their own CRC32), MD5 by node:crypto where a server offers nothing else to prove by.
//
// Hashing is synchronous: callers bound what they give at once (8 MiB of CRC32 and XXH64 take about 4 ms).

import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import createXxhash from 'xxhash-wasm';
import type { Hasher, RangeHash } from '../ports/hasher.ts';

/** WebAssembly memory grows to the largest piece ever given and never shrinks: so give it small ones. */
const WASM_PIECE_BYTES = 1024 * 1024;
const MD5_ETAG = /^"?([0-9a-f]{32})"?$/i;

/** Asynchronous, because WebAssembly is compiled first; what it resolves to never waits. */
export async function createRangeHasher(): Promise<Hasher> {
  const { create64 } = await createXxhash();

  function start(options: { readonly md5?: boolean } = {}): RangeHash {
    let crc = 0;
    const xxh = create64();
    const md5 = options.md5 ? createHash('md5') : null;
    return {
      update(bytes) {
        crc = crc32(bytes, crc);
        for (let at = 0; at < bytes.byteLength; at += WASM_PIECE_BYTES) {
          xxh.update(bytes.subarray(at, at + WASM_PIECE_BYTES));
        }
        md5?.update(bytes);
      },
      digest() {
        const hashes = {
          crc32: crc.toString(16).padStart(8, '0'),
          xxh64: xxh.digest().toString(16).padStart(16, '0'),
        };
        // A copy, because node's own hash can be asked only once.
        return md5 ? { ...hashes, md5: md5.copy().digest('hex') } : hashes;
      },
    };
  }

  function multipartEtag(partEtags: readonly string[]): string | null {
    if (partEtags.length === 0) return null;
    const whole = createHash('md5');
    for (const etag of partEtags) {
      const hex = MD5_ETAG.exec(etag)?.[1];
      if (hex === undefined) return null;
      whole.update(Buffer.from(hex, 'hex'));
    }
    return `${whole.digest('hex')}-${partEtags.length}`;
  }

  return { start, multipartEtag };
}
