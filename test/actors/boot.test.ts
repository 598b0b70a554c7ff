// boot: leases, records, and the newer of journal and registry.

import { describe, expect, it } from 'vitest';
import { createActor, setup } from 'xstate';
import { bootLogic } from '../../src/actors/boot.ts';
import { RegistryMirror } from '../../src/actors/registry-mirror.ts';
import { writeStored } from '../../src/adapters/stored-record.ts';
import { failureOf } from '../../src/machines/failure.ts';
import type { StoredRecord } from '../../src/machines/stream-record.ts';
import type { SupervisorEvent } from '../../src/machines/supervisor.machine.ts';
import type { Registry } from '../../src/ports/registry.ts';
import { firstUpload, sampleId, sampleMemory, sampleRecord, sampleRow } from '../fixtures/records/sample-record.ts';
import { BUCKET, createStage, FOLDER, FOLDER_ID, type Stage, settle } from './stage.ts';

const one = sampleId(1);
const two = sampleId(2);

const recordOf = (id = one, state = 'active.waiting', memory: Parameters<typeof sampleMemory>[0] = {}) =>
  sampleRecord(id, { state, memory: sampleMemory({ folder: FOLDER, path: `${FOLDER}/take.mkv`, ...memory }) });

/** Boots, time passing as it needs it. */
async function boot(stage: Stage, mirror: RegistryMirror | null = null): Promise<SupervisorEvent> {
  let outcome: SupervisorEvent | null = null;
  const machine = setup({ actors: { boot: bootLogic(stage.world, mirror) } }).createMachine({
    invoke: { src: 'boot', input: {} },
    on: {
      '*': {
        actions: ({ event }) => {
          outcome = event as unknown as SupervisorEvent;
        },
      },
    },
  });
  const actor = createActor(machine);
  actor.start();
  const event = await stage.until(() => outcome);
  actor.stop();
  return event;
}

const journaled = (stage: Stage, stored: StoredRecord, parts: readonly number[] = []) =>
  stage.world.journal.save([
    { stored, uploadId: firstUpload, replaceRows: true, rows: parts.map((n) => sampleRow(n)) },
  ]);

/** Puts a record into Redis as a daemon with this fence would have. */
async function registered(stage: Stage, stored: StoredRecord, parts: readonly number[] = []): Promise<void> {
  const id = stored.record.streamId;
  stage.redis.sets.get('streams:active')?.add(id);
  stage.redis.snapshots.set(id, writeStored(stored));
  const { rev, fence } = stored;
  const meta = { status: 'active', rev: String(rev), fence: String(fence), s3_upload_id: firstUpload };
  stage.redis.metas.set(id, meta);
  stage.redis.parts.set(id, new Map(parts.map((n) => [n, sampleRow(n)])));
}

const restoredOf = (event: SupervisorEvent) => {
  if (event.type !== 'daemon.booted') throw new Error(JSON.stringify(event));
  return event.restored;
};

describe('B1: the lease of a folder', () => {
  const holdBy = async (stage: Stage, holder: string) =>
    (stage.world.registry as Registry).acquireLease(FOLDER_ID, holder, 15_000, 0);

  it('that a living daemon holds: we do not start, and name it; the journal is untouched', async () => {
    const stage = await createStage({ withRedis: true });
    const held = await holdBy(stage, 'daemon-b');
    if (!held.ok || !held.value.held) throw new Error();
    const { lease } = held.value;
    let isOver = false;
    const renewing = (async () => {
      while (!isOver) {
        await stage.clock.waitUntil(stage.clock.nowMs() + 5_000, new AbortController().signal);
        await stage.world.registry?.renewLease(lease, 15_000);
      }
    })();
    const refused = await boot(stage);
    expect(refused).toMatchObject({ type: 'daemon.refused', failure: { code: 'lease_lost' } });
    expect(refused.type === 'daemon.refused' && refused.failure.detail).toContain('daemon-b');
    expect(stage.redis.leases.get(FOLDER_ID)?.holder).toBe('daemon-b');
    isOver = true;
    stage.clock.advanceMs(5_000);
    await renewing;
  });

  it('that a dead daemon left behind is waited for, no longer than it lasts', async () => {
    const stage = await createStage({ withRedis: true });
    await holdBy(stage, 'daemon-b');
    const beganMs = stage.clock.nowMs();
    expect((await boot(stage)).type).toBe('daemon.booted');
    expect(stage.clock.nowMs() - beganMs).toBeLessThanOrEqual(16_000);
    expect(stage.redis.leases.get(FOLDER_ID)?.holder).toBe('daemon-a');
  });

  it('of our own name is taken at once: whoever has the lock of the folder knows that its former holder is dead', async () => {
    const stage = await createStage({ withRedis: true });
    await holdBy(stage, 'daemon-a');
    const beganMs = stage.clock.nowMs();
    expect((await boot(stage)).type).toBe('daemon.booted');
    expect(stage.clock.nowMs()).toBe(beganMs);
  });

  it('of a Redis that does not answer stops nothing', async () => {
    const stage = await createStage({ withRedis: true });
    await journaled(stage, { record: recordOf(), rev: 3, fence: 1 });
    stage.redis.isAway = true;
    expect(restoredOf(await boot(stage))).toHaveLength(1);
    expect(stage.log.some((line) => line.level === 'warn')).toBe(true);
  });

  it('gets a fence above every one that is on record, also after Redis was emptied', async () => {
    const stage = await createStage({ withRedis: true });
    await journaled(stage, { record: recordOf(), rev: 3, fence: 11 });
    await boot(stage);
    expect(stage.world.leases.get(FOLDER_ID)?.fence).toBe(12);
    expect(stage.world.writeAhead.fenceOf(FOLDER)).toBe(12);
  });
});

describe('B2: the newer of journal and registry', () => {
  it('F48 an empty journal is filled from the registry: record, rows and reserved key', async () => {
    const stage = await createStage({ withRedis: true });
    await registered(stage, { record: recordOf(), rev: 7, fence: 2 }, [1, 2, 4]);
    expect(restoredOf(await boot(stage))).toEqual([recordOf()]);
    const rows = await stage.world.journal.rows(one, firstUpload);
    expect(rows.ok && rows.value.map((row) => row.partNumber)).toEqual([1, 2, 4]);
    const { target } = recordOf().memory;
    const keys = await stage.world.journal.reservedKeys(one);
    expect(keys.ok && keys.value).toEqual([target]);
  });

  it('a record that owed the opening of its upload brings the key that it may have been opened for', async () => {
    const stage = await createStage({ withRedis: true });
    const opening = recordOf(one, 'active.opening', { target: null, upload: null });
    await registered(stage, { record: opening, rev: 2, fence: 1 });
    await boot(stage);
    const keys = await stage.world.journal.reservedKeys(one);
    expect(keys.ok && keys.value).toEqual([{ bucket: BUCKET, key: 'take.mkv' }]);
  });

  it.each([
    ['of a higher revision', { rev: 9, fence: 2 }, 'theirs'],
    ['of a daemon after us, whatever its revision', { rev: 2, fence: 3 }, 'theirs'],
    ['of a lower revision', { rev: 6, fence: 2 }, 'ours'],
    ['the same', { rev: 7, fence: 2 }, 'ours'],
    ['of a daemon before us, whatever its revision', { rev: 99, fence: 1 }, 'ours'],
  ] as const)('a record in Redis %s', async (_what, { rev, fence }, winner) => {
    const stage = await createStage({ withRedis: true });
    await journaled(stage, { record: recordOf(one, 'active.waiting', { generation: 1 }), rev: 7, fence: 2 });
    await registered(stage, { record: recordOf(one, 'active.waiting', { generation: 2 }), rev, fence });
    const generation = restoredOf(await boot(stage))[0]?.memory.generation;
    expect(generation).toBe(winner === 'ours' ? 1 : 2);
  });

  it('what was saved while Redis was away is newer than what Redis has from before', async () => {
    const stage = await createStage({ withRedis: true });
    await registered(stage, { record: recordOf(one, 'active.waiting', { generation: 1 }), rev: 10, fence: 5 });
    await journaled(stage, { record: recordOf(one, 'active.waiting', { generation: 1 }), rev: 10, fence: 5 });
    stage.redis.isAway = true;
    await boot(stage);
    stage.world.writeAhead.offer(recordOf(one, 'active.waiting', { generation: 2 }), null);
    await stage.world.writeAhead.settled(one);
    await stage.restart();
    stage.redis.isAway = false;
    expect(restoredOf(await boot(stage))[0]?.memory.generation).toBe(2);
  });

  it('what is over is taken too, so that a finished file that was renamed is known and not sent again', async () => {
    const stage = await createStage({ withRedis: true });
    const over = { record: recordOf(one, 's3_completed.done', { upload: null }), rev: 4, fence: 1 };
    stage.redis.sets.get('streams:completed')?.add(one);
    stage.redis.metas.set(one, { rev: '4', fence: '1', final_record: writeStored(over) });
    expect(await boot(stage)).toMatchObject({ type: 'daemon.booted', restored: [], known: [{ streamId: one }] });
    const record = await stage.world.journal.record(one);
    expect(record.ok && record.value?.rev).toBe(4);
  });

  it('the keys that a stream reserved elsewhere are its own here, also of a file that was renamed since', async () => {
    const stage = await createStage({ withRedis: true });
    const opening = recordOf(one, 'active.opening', { target: null, upload: null });
    await registered(stage, { record: opening, rev: 2, fence: 1 });
    const reserved = [{ bucket: BUCKET, key: 'as-it-was-called.mkv' }];
    stage.redis.metas.set(one, { ...stage.redis.metas.get(one), reserved: JSON.stringify(reserved) });
    await boot(stage);
    const keys = await stage.world.journal.reservedKeys(one);
    expect(keys.ok && keys.value).toContainEqual(reserved[0]);
  });

  it('with STANDBY a registry that cannot be read is waited for: another host may have gone on from there', async () => {
    const stage = await createStage({ withRedis: true, options: { standby: true } });
    await registered(stage, { record: recordOf(), rev: 7, fence: 2 }, [1]);
    stage.world.leases.set(FOLDER_ID, { folderId: FOLDER_ID, holder: 'daemon-a', fence: 3, standsUntilMs: 0 });
    const { load } = stage.world.registry as Registry;
    let refusals = 3;
    Object.assign(stage.world.registry as Registry, {
      load: async (...args: Parameters<Registry['load']>) =>
        refusals-- > 0
          ? { ok: false, failure: failureOf('registry_unavailable', 'LOADING') }
          : await load.apply(stage.world.registry, args),
    });
    expect(restoredOf(await boot(stage))).toEqual([recordOf()]);
  });

  it('records of folders that are not ours stay where they are', async () => {
    const stage = await createStage({ withRedis: true });
    const other = recordOf(two, 'active.waiting', { folder: '/elsewhere' });
    await registered(stage, { record: other, rev: 1, fence: 1 });
    expect(restoredOf(await boot(stage))).toEqual([]);
  });

  it('the next save comes after the newest revision, and Redis follows from there', async () => {
    const stage = await createStage({ withRedis: true });
    const mirror = new RegistryMirror(stage.world, stage.world.registry as Registry);
    stage.onSaved = (saved) => mirror.push(saved);
    await registered(stage, { record: recordOf(), rev: 41, fence: 2 }, [1]);
    await boot(stage, mirror);
    stage.world.writeAhead.addRow(one, firstUpload, sampleRow(2));
    stage.world.writeAhead.offer(recordOf(), null);
    await stage.world.writeAhead.settled(one);
    await settle();
    expect(stage.redis.metas.get(one)).toMatchObject({ rev: '42' });
    expect([...(stage.redis.parts.get(one)?.keys() ?? [])]).toEqual([1, 2]);
    mirror.stop();
  });
});

describe('B3: records that cannot be read', () => {
  it('are told, kept where they are, and stop no other', async () => {
    const stage = await createStage();
    await journaled(stage, { record: recordOf(one), rev: 1, fence: 0 });
    await journaled(stage, { record: recordOf(two), rev: 1, fence: 0 });
    stage.disk.damage(one, '{"schemaVersion":99}');
    expect(restoredOf(await boot(stage)).map((record) => record.streamId)).toEqual([two]);
    expect(stage.log).toContainEqual(expect.objectContaining({ level: 'error', fields: { streamId: one } }));
    expect(stage.disk.streams.has(one)).toBe(true);
  });

  it('a journal that cannot be read at all refuses the start: going on without it would forget', async () => {
    const stage = await createStage();
    stage.disk.failure = failureOf('journal_unavailable', 'disk I/O error');
    expect(await boot(stage)).toMatchObject({ type: 'daemon.refused', failure: { code: 'journal_unavailable' } });
  });
});

it('finished streams are known by the stat of their object, not restored', async () => {
  const stage = await createStage();
  await journaled(stage, { record: recordOf(one, 's3_completed.done', { upload: null }), rev: 4, fence: 0 });
  const booted = await boot(stage);
  expect(booted).toMatchObject({ type: 'daemon.booted', restored: [] });
  expect(booted.type === 'daemon.booted' && booted.known).toMatchObject([
    { streamId: one, seen: { sizeBytes: 20 * 1024 * 1024 } },
  ]);
});
