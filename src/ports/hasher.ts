// The two hashes of a range, and the digests that S3 servers make of parts. Incremental, so that a part of any size is hashed
// in pieces and the event loop is never blocked for long.

export interface RangeHash {
  update(bytes: Uint8Array): void;
  /** crc32: 8 hex digits; xxh64: 16 hex digits; md5: 32 hex digits when asked for at `start`. */
  digest(): { readonly crc32: string; readonly xxh64: string; readonly md5?: string };
}

export interface Hasher {
  start(options?: { readonly md5?: boolean }): RangeHash;
  /** S3's ETag of a multipart object from its parts' MD5 ETags: `<md5 of the md5s>-<count>`. Null if an ETag is no MD5. */
  multipartEtag(partEtags: readonly string[]): string | null;
}
