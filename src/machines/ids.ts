// Names of things, as types that cannot be mixed up. All of them are plain strings and numbers at run time,
// so they survive JSON; the brand exists for the compiler alone.

declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** A stream's id: a hash of what survives a reboot (folder's and file's inode and birth time). 32 lower-case hex digits. */
export type StreamId = Branded<string, 'StreamId'>;
/** The id that S3 gave to one multipart upload. Opaque. */
export type UploadId = Branded<string, 'UploadId'>;
/** 1 to 10,000. */
export type PartNumber = Branded<number, 'PartNumber'>;
/** Bytes from the start of the file. */
export type ByteOffset = Branded<number, 'ByteOffset'>;

export const streamId = (text: string): StreamId => text as StreamId;
export const uploadId = (text: string): UploadId => text as UploadId;
export const partNumber = (n: number): PartNumber => n as PartNumber;
export const byteOffset = (bytes: number): ByteOffset => bytes as ByteOffset;
