// One daemon with a stream in each state: dev-s3 refuses, key by key, what would lead on. And what must be true of Redis when all is
// quiet again: it shows what the journal holds.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TestContext } from 'vitest';
import type { FaultRule } from '../../../src/dev-s3/faults.ts';
import type { StreamRecord } from '../../../src/machines/stream-record.ts';
import { isFinal, setOf, statusOf } from '../../../src/machines/stream-status.ts';
import { content } from '../../fixtures/writers/content.ts';
import { Recording } from '../../fixtures/writers/recording.ts';
import type { Wanted } from '../harness/daemon.ts';
import type { OwnerTest } from '../harness/owned-processes.ts';
import { expectDelivered } from '../harness/proof.ts';
import { CHUNK_BYTES, MIB, openScene, type Scene, type SceneOptions } from '../harness/scene.ts';
import { until } from '../harness/waiting.ts';
import { onceEach, RedisSight, timesTaken } from '../recovery/looking.ts';

export const GROWING = 'growing.bin';

const refused = (operation: FaultRule['operation'], key: string): FaultRule => ({
  operation,
  key,
  fault: 'status503',
});

interface Held {
  readonly name: string;
  /** Its writer goes on, so that it is not finalized. */
  readonly isWritten: boolean;
  readonly sizeBytes: number;
  readonly faults: readonly FaultRule[];
  readonly wanted: Wanted;
}

const held = (name: string, sizeBytes: number, wanted: Wanted, ...faults: readonly FaultRule[]): Held => ({
  ...{ name, sizeBytes, wanted, faults, isWritten: String(wanted).startsWith('active.') },
});

const HELD: readonly Held[] = [
  held('opening.bin', CHUNK_BYTES + 1, 'active.opening', refused('CreateMultipartUpload', 'opening.bin')),
  held('uploading.bin', 2 * CHUNK_BYTES + 1, 'active.uploading', {
    ...refused('UploadPart', 'uploading.bin'),
    partNumber: 2,
  }),
  held('resending.bin', 1_000, 'finalizing.resending', refused('UploadPart', 'resending.bin')),
  held('checking.bin', 1_001, 'finalizing.checking', refused('ListParts', 'checking.bin')),
  held('probing.bin', 1_002, 'finalizing.probing', {
    ...{ operation: 'CompleteMultipartUpload', key: 'probing.bin', fault: 'dropRequest' },
  }),
  held('parked.bin', 1_003, 'failed.parked', {
    ...refused('CompleteMultipartUpload', 'parked.bin'),
    code: 'AccessDenied',
  }),
  held('publishing.bin', 1_004, 's3_completed.publishing', refused('PutObject', 'publishing.bin.metadata.json')),
  held('done.bin', CHUNK_BYTES + 5, 'completed'),
  held('empty.bin', 0, 'aborted_no_parts'),
];

const DELIVERED = HELD.filter(({ sizeBytes }) => sizeBytes > 0).map(({ name }) => name);

export interface HeldStreams {
  readonly scene: Scene;
  readonly sight: RedisSight;
  /** A file that is being written: two parts are sent, and Redis knows. */
  readonly growing: Writer;
  /** The other files that are being written. */
  readonly written: readonly Writer[];
}

const PULSE_MS = 500;

/** A writer that goes on and on, a byte at a time: also where nobody may look who writes, no idle time ends its file. */
export class Writer {
  readonly #recording: Recording;
  #last: Promise<void> = Promise.resolve();
  readonly #pulse: NodeJS.Timeout;

  private constructor(recording: Recording) {
    this.#recording = recording;
    this.#pulse = setInterval(() => void this.append(1), PULSE_MS);
  }

  static async start(test: OwnerTest, path: string, sizeBytes: number): Promise<Writer> {
    const recording = await Recording.start(test, path);
    await recording.append(sizeBytes);
    const writer = new Writer(recording);
    test.onTestFinished(() => writer.close());
    return writer;
  }

  append(sizeBytes: number): Promise<void> {
    this.#last = this.#last.then(() => this.#recording.append(sizeBytes));
    return this.#last;
  }

  async close(): Promise<void> {
    clearInterval(this.#pulse);
    await this.#last;
    await this.#recording.close();
  }
}

/** A stream in each state, all of them in Redis. */
export async function holdStreams(context: TestContext, options: SceneOptions = {}): Promise<HeldStreams> {
  const scene = await openScene(context, { redis: true, ...options });
  const sight = new RedisSight(context, scene);
  await scene.s3.addFaults(...HELD.flatMap(({ faults }) => faults));
  const growing = await Writer.start(context, scene.path(GROWING), 2 * CHUNK_BYTES + MIB);
  const written: Writer[] = [];
  for (const { name, sizeBytes, isWritten } of HELD)
    if (isWritten) written.push(await Writer.start(context, scene.path(name), sizeBytes));
    else await writeFile(scene.path(name), content(sizeBytes, sizeBytes));
  const states = HELD.map(async ({ name, wanted }) => (await scene.daemon.waitForState(name, wanted)).id);
  const { id } = await scene.daemon.waitForState(GROWING, ({ partsHeld }) => partsHeld === 2);
  await sight.waitFor('two parts', id, ({ parts }) => parts.length === 2);
  for (const each of await Promise.all(states)) await sight.waitFor(each, each, ({ sets }) => sets.length === 1);
  return { scene, sight, growing, written };
}

/** Nothing stops: what is written goes up, new files arrive, and every stream goes on from the state in which it was held. */
export async function expectAllGoesOn({ scene, growing, written }: HeldStreams): Promise<void> {
  await scene.s3.clearFaults();
  const { partsHeld } = await scene.daemon.waitForState(GROWING, 'active');
  await growing.append(CHUNK_BYTES);
  await scene.daemon.waitForState(GROWING, (stream) => stream.partsHeld > partsHeld && stream.partsHeld >= 3);
  await writeFile(scene.path('born.bin'), content(777, 7));
  for (const writer of written) await writer.close();
  for (const name of [...DELIVERED, 'born.bin']) await scene.daemon.waitForState(name, 'completed');
}

/**
 * Every file is its object, none is doubled, no upload is left; then the daemon ends, and Redis holds what the journal holds; then the
 * file that grows ends as well. `partsAtMost`: how often S3 took any part of it.
 */
export async function expectAllRight(streams: HeldStreams, { partsAtMost = 1 } = {}): Promise<void> {
  const { scene, sight, growing } = streams;
  for (const name of DELIVERED) await expectDelivered(scene, name);
  const keys = (await scene.s3.keys()).filter((key) => !key.endsWith('.metadata.json'));
  const files = (await scene.daemon.streams()).filter(({ status }) => status === 'completed');
  if (keys.length !== files.length) throw new Error(`${files.length} streams, but the objects ${keys.join(', ')}`);
  await untilRegistryAnswers(scene);
  await scene.daemon.drain();
  await expectRegistryRight(scene, sight);
  await scene.daemon.start();
  await growing.close();
  const { receipt } = await expectDelivered(scene, GROWING);
  const taken = await timesTaken(scene, GROWING);
  if (Object.keys(taken).join() !== Object.keys(onceEach(receipt.parts.length)).join())
    throw new Error(`parts ${Object.keys(taken).join()} were sent, the receipt has ${receipt.parts.length}`);
  if (Math.max(...Object.values(taken)) > partsAtMost) throw new Error(`parts sent again: ${JSON.stringify(taken)}`);
}

export async function untilRegistryAnswers(scene: Scene): Promise<void> {
  await until('the daemon reaches Redis', async () => {
    const { daemon } = (await scene.daemon.json('/api/v1/streams?limit=1')) as { daemon: Record<string, unknown> };
    return daemon['registryReachable'] === true ? true : null;
  });
}

interface Journaled {
  readonly rev: number;
  readonly record: StreamRecord;
  /** Part number -> ETag. */
  readonly parts: Readonly<Record<string, string>>;
}

/** The daemon must not run. */
export function journalOf(scene: Scene): ReadonlyMap<string, Journaled> {
  const database = new DatabaseSync(join(scene.daemon.stateDir, 'journal.sqlite'));
  try {
    const parts = database.prepare('SELECT part_number, etag FROM parts WHERE stream_id = ?');
    const streams = database.prepare('SELECT id, rev, record FROM streams').all();
    return new Map(
      streams.map(({ id, rev, record }) => [
        String(id),
        {
          rev: Number(rev),
          record: JSON.parse(String(record)) as StreamRecord,
          parts: Object.fromEntries(
            parts.all(String(id)).map((row) => [String(row['part_number']), String(row['etag'])]),
          ),
        },
      ]),
    );
  } finally {
    database.close();
  }
}

/** Redis shows exactly what the journal holds. The daemon must have drained. */
export async function expectRegistryRight(scene: Scene, sight: RedisSight): Promise<void> {
  const { redis } = sight;
  const journal = journalOf(scene);
  for (const [id, { rev, record, parts }] of journal) {
    const status = statusOf(record.state, record.memory.failure);
    const seen = await sight.of(id);
    const rows = Object.entries(await redis.hgetall(`stream:${id}:parts`));
    const etags = Object.fromEntries(rows.map(([n, json]) => [n, (JSON.parse(json) as { etag: string }).etag]));
    const wanted = isFinal(record.state)
      ? { status, sets: [setOf(status)], state: null, parts: {} }
      : { status, sets: [setOf(status)], state: record.state, parts };
    const found = { status: seen.meta['status'], sets: seen.sets, state: seen.state, parts: etags };
    if (JSON.stringify(found) !== JSON.stringify(wanted) || Number(seen.meta['rev']) < rev)
      throw new Error(
        `${record.memory.path}: Redis has ${JSON.stringify(found)} (rev ${seen.meta['rev']}), the journal ${JSON.stringify(wanted)} (rev ${rev})`,
      );
  }
  const ids = (await redis.keys('stream:*:meta')).map((key) => key.split(':')[1] ?? '');
  const strangers = ids.filter((id) => !journal.has(id));
  if (strangers.length > 0) throw new Error(`Redis shows streams that the journal does not know: ${strangers.join()}`);
}
