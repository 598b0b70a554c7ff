// What the checker needs to know of a simulated world at the end of its run.

import type { Evidence, ObjectState, OpenUpload, RegistryState } from './checker/evidence.ts';
import { BUCKET, UPLOAD_CONCURRENCY } from './daemon.ts';
import { digestOf } from './disk.ts';
import type { SimulatedWorld } from './simulated-world.ts';

/** As src/actors/effects/upload-parts.ts has it. */
const PARTS_PER_STREAM = 4;

export function gather(world: SimulatedWorld): Evidence {
  const { log, disk, scenario, network, ranWild } = world;
  const { journal, daemon } = world.carrier ?? world.hosts[0];
  return {
    events: log.events,
    files: disk.states(),
    objects: objectsOf(world),
    uploads: uploadsOf(world),
    records: world.records(),
    journalRows: new Map([...journal.streams].map(([id, { rows }]) => [id, rows.size])),
    registry: registryOf(world),
    unfinished: world.unfinished(),
    timers: daemon?.process.waiting ?? 0,
    ranWild,
    pendingRequests: network.pending,
    limits: { partsInFlight: UPLOAD_CONCURRENCY, partsInFlightPerUpload: PARTS_PER_STREAM },
    seesWriters: scenario.sight === 'all',
    listsUploads: scenario.provider.quirks.listsNoUploads !== true,
    conditionalComplete: scenario.provider.capabilities.conditionalComplete !== false,
  };
}

function objectsOf({ network }: SimulatedWorld): ObjectState[] {
  return [...network.server.bucket(BUCKET)].map(([key, { head, pieces }]) => ({
    key,
    sizeBytes: head.sizeBytes,
    digest: digestOf(Buffer.concat(pieces)),
    metadata: head.metadata,
  }));
}

function uploadsOf({ network }: SimulatedWorld): OpenUpload[] {
  const open = [...network.server.uploads.values()].filter((upload) => network.server.isOpen(upload));
  return open.map(({ id, target, parts, metadata }) => ({
    key: target.key,
    uploadId: id,
    parts: parts.size,
    metadata,
  }));
}

function registryOf({ redis }: SimulatedWorld): RegistryState[] | null {
  if (!redis) return null;
  const ids = new Set([...redis.metas.keys(), ...[...redis.sets.values()].flatMap((members) => [...members])]);
  return [...ids].map((streamId) => ({
    streamId,
    status: redis.metas.get(streamId)?.['status'] ?? '',
    sets: [...redis.sets].filter(([, members]) => members.has(streamId)).map(([name]) => name),
    rows: redis.parts.get(streamId)?.size ?? 0,
    hasSnapshot: redis.snapshots.has(streamId),
  }));
}
