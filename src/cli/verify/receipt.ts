// The receipt beside an object, read for one thing: where its parts begin. It is not believed: it counts only when its parts lie one after
// the other, have the object's size, and their ETags give the object's own ETag.

import { createHash } from 'node:crypto';
import type { ObjectTarget } from '../../machines/stream-record.ts';
import { MAX_SMALL_OBJECT_BYTES, type ObjectHead, type ObjectStore } from '../../ports/object-store.ts';

export interface ReceiptPart {
  readonly end: number;
  readonly etag: string;
}

export interface Receipt {
  readonly key: string;
  readonly parts: readonly ReceiptPart[];
}

const keysOf = (key: string): readonly string[] => [`${key}.metadata.json`, `${key}~receipt.json`];

/** Null: there is none, or none for this object. */
export async function readReceipt(target: ObjectTarget, head: ObjectHead, store: ObjectStore): Promise<Receipt | null> {
  for (const key of keysOf(target.key)) {
    const content = await readJson({ bucket: target.bucket, key }, store);
    const parts = partsIn(content);
    if (parts && parts.at(-1)?.end === head.sizeBytes && etagOf(parts) === head.etag) return { key, parts };
  }
  return null;
}

async function readJson(target: ObjectTarget, store: ObjectStore): Promise<unknown> {
  const head = await store.headObject(target);
  if (!head.ok || !head.value || head.value.sizeBytes > MAX_SMALL_OBJECT_BYTES) return null;
  const object = await store.getObject({ target });
  if (!object.ok || !object.value) return null;
  try {
    const chunks: Uint8Array[] = [];
    for await (const chunk of object.value) chunks.push(chunk);
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    // Cut short, or no JSON: as if it were not there.
    return null;
  }
}

function partsIn(content: unknown): readonly ReceiptPart[] | null {
  const { parts } = (content ?? {}) as { readonly parts?: unknown };
  if (!Array.isArray(parts) || parts.length === 0) return null;
  const found: ReceiptPart[] = [];
  let end = 0;
  for (const [index, part] of parts.entries()) {
    const { number, offset, size, etag } = (part ?? {}) as Readonly<Record<string, unknown>>;
    const follows = number === index + 1 && offset === end && Number.isSafeInteger(size) && Number(size) > 0;
    if (!follows || typeof etag !== 'string' || !/^[0-9a-f]{32}$/.test(etag)) return null;
    end += Number(size);
    found.push({ end, etag });
  }
  return found;
}

function etagOf(parts: readonly ReceiptPart[]): string {
  const whole = createHash('md5');
  for (const { etag } of parts) whole.update(Buffer.from(etag, 'hex'));
  return `${whole.digest('hex')}-${parts.length}`;
}
