// The fields of S3's answers in our words. A field that must be there and is not makes the answer unreadable: an HTML
// page or a proxy's invention must never become a fact.

import { UnreadableReply } from './s3-replies.ts';

export function required<T>(value: T | null | undefined, name: string): T {
  if (value === undefined || value === null || value === '') throw new UnreadableReply(`the answer has no ${name}`);
  return value;
}

/** Without quotes; '' when there is none. */
export const plainEtag = (etag: string | undefined): string => (etag ?? '').replace(/^W\//, '').replaceAll('"', '');

export const requiredEtag = (etag: string | undefined): string => required(plainEtag(etag), 'ETag');

export const quotedEtag = (etag: string): string => `"${etag}"`;

export function requiredTime(time: Date | undefined, name: string): number {
  const ms = required(time, name).getTime();
  if (Number.isNaN(ms)) throw new UnreadableReply(`${name} is no time`);
  return ms;
}

export function requiredCount(value: number | undefined, name: string): number {
  const count = required(value, name);
  if (!Number.isSafeInteger(count) || count < 0) throw new UnreadableReply(`${name} is no whole number`);
  return count;
}

/** CRC32 travels as base64 of its four bytes; we speak of 8 hex digits. */
export const base64OfHex = (hex: string): string => Buffer.from(hex, 'hex').toString('base64');

/** Null for what is no CRC32 of four bytes. A composite one ends in `-` and the number of parts. */
export function crc32OfBase64(text: string | undefined): { readonly hex: string; readonly composite: boolean } | null {
  const found = /^([A-Za-z0-9+/]{6}==)(-\d+)?$/.exec(text ?? '');
  if (!found?.[1]) return null;
  return { hex: Buffer.from(found[1], 'base64').toString('hex'), composite: found[2] !== undefined };
}
