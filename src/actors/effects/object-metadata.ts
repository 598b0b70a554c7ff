// How an object says whose it is: user metadata that we set when the upload opens and ask for at every HEAD.

import type { StreamId } from '../../machines/ids.ts';
import type { ObjectHead } from '../../ports/object-store.ts';

const STREAM = 'tailrace-stream';
const GENERATION = 'tailrace-generation';
const RECEIPT_OF = 'tailrace-receipt-of';

export const objectMetadata = (id: StreamId, generation: number): Readonly<Record<string, string>> => ({
  [STREAM]: id,
  [GENERATION]: String(generation),
});
export const receiptMetadata = (id: StreamId): Readonly<Record<string, string>> => ({ [RECEIPT_OF]: id });

/** Where an object's receipt goes: the first that is free. */
export const receiptKeysOf = (key: string): readonly string[] => [`${key}.metadata.json`, `${key}~receipt.json`];

export const isOfStream = (head: ObjectHead, id: StreamId): boolean => head.metadata[STREAM] === id;
export const isOfGeneration = (head: ObjectHead, id: StreamId, generation: number): boolean =>
  isOfStream(head, id) && head.metadata[GENERATION] === String(generation);
export const isReceiptOf = (head: ObjectHead, id: StreamId): boolean => head.metadata[RECEIPT_OF] === id;

/** 0: not an object of ours. */
export const generationOf = (head: ObjectHead): number => Number.parseInt(head.metadata[GENERATION] ?? '0', 10) || 0;
