// The proof that needs no trust at all: the object read back in ranges and compared with the file, byte by byte, up to the first
// difference. A range that could not be read is asked for again, a few times.

import type { FileHandle } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { type Failure, failureOf, kindOf } from '../../machines/failure.ts';
import type { ObjectTarget } from '../../machines/stream-record.ts';
import type { ObjectStore } from '../../ports/object-store.ts';

export type BytesCompared =
  | { readonly kind: 'equal'; readonly readBytes: number }
  | { readonly kind: 'different'; readonly offset: number; readonly readBytes: number }
  | { readonly kind: 'failed'; readonly failure: Failure };

/** A lost connection costs this much again at most. */
const RANGE_BYTES = 32 * 2 ** 20;
const ATTEMPTS = 4;
const FIRST_WAIT_MS = 500;

export async function compareBytes(
  file: FileHandle,
  target: ObjectTarget,
  sizeBytes: number,
  store: ObjectStore,
  told: (bytes: number) => void,
): Promise<BytesCompared> {
  for (let offset = 0; offset < sizeBytes; offset += RANGE_BYTES) {
    const range = { target, offset, sizeBytes: Math.min(RANGE_BYTES, sizeBytes - offset) };
    const compared = await withRetries(() => compareRange(file, range, store, told));
    if (compared.kind !== 'equal') return compared;
  }
  return { kind: 'equal', readBytes: sizeBytes };
}

async function withRetries(attempt: () => Promise<BytesCompared>): Promise<BytesCompared> {
  for (let failed = 1; ; failed += 1) {
    const compared = await attempt();
    if (compared.kind !== 'failed' || kindOf(compared.failure) !== 'transient' || failed === ATTEMPTS) return compared;
    await wait(FIRST_WAIT_MS * 2 ** (failed - 1));
  }
}

interface Range {
  readonly target: ObjectTarget;
  readonly offset: number;
  readonly sizeBytes: number;
}

async function compareRange(
  file: FileHandle,
  range: Range,
  store: ObjectStore,
  told: (bytes: number) => void,
): Promise<BytesCompared> {
  const got = await store.getObject(range);
  if (!got.ok) return { kind: 'failed', failure: got.failure };
  if (!got.value) return { kind: 'failed', failure: failureOf('object_not_found', range.target.key) };
  let offset = range.offset;
  try {
    for await (const chunk of got.value) {
      const same = await equalBytes(file, chunk, offset);
      if (same < chunk.length) return { kind: 'different', offset: offset + same, readBytes: offset + chunk.length };
      offset += chunk.length;
      told(offset);
    }
  } catch (error) {
    // What comes from S3 carries its failure; all else is the file's.
    const carried = (error as { failure?: Failure } | null)?.failure;
    return { kind: 'failed', failure: carried ?? failureOf('source_read_error', String(error)) };
  }
  return { kind: 'equal', readBytes: offset };
}

/** How many bytes of the chunk the file has at this place, up to the first that differs. */
async function equalBytes(file: FileHandle, chunk: Uint8Array, offset: number): Promise<number> {
  const own = Buffer.alloc(chunk.length);
  let filled = 0;
  while (filled < own.length) {
    const { bytesRead } = await file.read(own, filled, own.length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  if (filled === own.length && own.equals(chunk)) return chunk.length;
  for (let at = 0; at < filled; at += 1) if (own[at] !== chunk[at]) return at;
  return filled;
}
