// What tests of a stream's whole life begin with: a daemon on fakes, an S3 that counts what it is asked, and the moments between
// two steps of a stream, at which something may happen.

import { afterEach, expect } from 'vitest';
import type { ObjectStore } from '../../../src/ports/object-store.ts';
import type { StreamView } from '../../../src/ports/stream-view.ts';
import { type FakeDaemon, startFakeDaemon } from '../fake-daemon.ts';
import { BUCKET, bytes, FOLDER, PART_BYTES, type Stage } from '../stage.ts';

export const TAKE = `${FOLDER}/take.mkv`;
/** Four whole parts and a tail. */
export const CONTENT = bytes(4 * PART_BYTES + 100);
export const PARTS = 5;

const running: FakeDaemon[] = [];
afterEach(() => {
  for (const daemon of running.splice(0)) daemon.crash();
});

export async function start(stage: Stage): Promise<FakeDaemon> {
  const daemon = await startFakeDaemon(stage);
  running.push(daemon);
  return daemon;
}

export interface Counted {
  /** Numbers of the parts that were sent, in order. */
  readonly parts: number[];
  completes: number;
  creates: number;
  aborts: number;
}

/** Counts what the stage's S3 is asked from the next `restart` on. `change`: what it does otherwise. */
export function count(stage: Stage, change: (store: ObjectStore) => Partial<ObjectStore> = () => ({})): Counted {
  const counted: Counted = { parts: [], completes: 0, creates: 0, aborts: 0 };
  const plain = stage.s3.connect();
  const store = { ...plain, ...change(plain) };
  stage.store = {
    ...store,
    uploadPart: (request, options) => {
      counted.parts.push(request.partNumber);
      return store.uploadPart(request, options);
    },
    completeUpload: (request, options) => {
      counted.completes += 1;
      return store.completeUpload(request, options);
    },
    createUpload: (request, options) => {
      counted.creates += 1;
      return store.createUpload(request, options);
    },
    abortUpload: (request, options) => {
      counted.aborts += 1;
      return store.abortUpload(request, options);
    },
  };
  return counted;
}

/** `what` is done in the moment in which the stream is first seen in the state. */
export function onEntering(stage: Stage, state: string, what: () => void): void {
  const { views } = stage.world;
  let isOver = false;
  const streamChanged = (view: StreamView): void => {
    views.streamChanged(view);
    if (isOver || view.state !== state) return;
    isOver = true;
    what();
  };
  (stage.world as { views: typeof views }).views = { ...views, streamChanged };
}

export const never = (): Promise<never> => new Promise(() => {});

export const openUploads = (stage: Stage) => [...stage.s3.uploads.values()].filter((upload) => stage.s3.isOpen(upload));

export const keysOf = (stage: Stage): readonly string[] =>
  [...stage.s3.bucket(BUCKET).keys()].filter((key) => !key.endsWith('.json')).sort();

export function expectObject(stage: Stage, key: string, content: Uint8Array | null): void {
  expect(Buffer.from(stage.objectBytes(key) ?? []).equals(Buffer.from(content ?? [])), `${key} is the file`).toBe(true);
}

export async function letPass(stage: Stage, forMs: number): Promise<void> {
  const endMs = stage.clock.nowMs() + forMs;
  void stage.clock.waitUntil(endMs, new AbortController().signal);
  await stage.until(() => stage.clock.nowMs() >= endMs, 2 * forMs);
}
