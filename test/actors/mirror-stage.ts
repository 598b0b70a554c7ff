// A mirror on fakes, with its lease, and what Redis shows of two streams.

import { afterEach } from 'vitest';
import { RegistryMirror } from '../../src/actors/registry-mirror.ts';
import type { StreamId } from '../../src/machines/ids.ts';
import type { Registry } from '../../src/ports/registry.ts';
import { firstUpload, sampleId, sampleMemory, sampleRecord, sampleRow } from '../fixtures/records/sample-record.ts';
import { createStage, FOLDER, FOLDER_ID, type Stage, settle } from './stage.ts';

export const one = sampleId(1);
export const two = sampleId(2);
export const mirrors: RegistryMirror[] = [];
afterEach(() => {
  for (const mirror of mirrors.splice(0)) mirror.stop();
});

export type Memory = Parameters<typeof sampleMemory>[0];
export const recordOf = (id: StreamId, state = 'active.uploading', memory: Memory = {}) =>
  sampleRecord(id, { state, memory: sampleMemory({ folder: FOLDER, ...memory }) });

export async function stageWithMirror(revisions: readonly (readonly [StreamId, number])[] = []) {
  const stage = await createStage({ withRedis: true });
  const registry = stage.world.registry as Registry;
  const mirror = new RegistryMirror(stage.world, registry);
  mirrors.push(mirror);
  stage.onSaved = (saved) => mirror.push(saved);
  const lease = await registry.acquireLease(FOLDER_ID, 'daemon-a', 15_000, 0);
  if (lease.ok && lease.value.held) stage.world.leases.set(FOLDER_ID, { ...lease.value.lease, standsUntilMs: 0 });
  mirror.start(revisions);
  await settle();
  return { stage, registry, mirror };
}

/** A part is acknowledged: its row, and the record that tells of it. */
export async function partSaved(stage: Stage, id: StreamId, n: number, memory: Memory = {}): Promise<void> {
  stage.world.writeAhead.addRow(id, sampleMemory(memory).upload?.uploadId ?? firstUpload, sampleRow(n));
  stage.world.writeAhead.offer(recordOf(id, 'active.uploading', memory), null);
  await stage.world.writeAhead.settled(id);
  await settle();
}

export const partsIn = (stage: Stage, id: StreamId) =>
  [...(stage.redis.parts.get(id)?.keys() ?? [])].sort((a, b) => a - b);
export const setsOf = (stage: Stage, id: StreamId) =>
  [...stage.redis.sets].filter(([, members]) => members.has(id)).map(([name]) => name);
export async function pass(stage: Stage, ms: number): Promise<void> {
  for (let done = 0; done < ms; done += 500) {
    stage.clock.advanceMs(500);
    await settle();
  }
}
