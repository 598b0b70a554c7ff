// The mirror against a Redis that is away, emptied, rolled back, or another's.

import { describe, expect, it } from 'vitest';
import { RegistryMirror } from '../../src/actors/registry-mirror.ts';
import type { Registry } from '../../src/ports/registry.ts';
import { firstUpload, sampleMemory, sampleRow, secondUpload } from '../fixtures/records/sample-record.ts';
import { mirrors, one, partSaved, partsIn, pass, recordOf, setsOf, stageWithMirror, two } from './mirror-stage.ts';
import { createStage, FOLDER, FOLDER_ID, type Stage, settle } from './stage.ts';

describe('M1: Redis follows the journal, and nothing waits for it', () => {
  it('shows the record, its set and its parts', async () => {
    const { stage } = await stageWithMirror();
    for (const n of [1, 2, 3]) await partSaved(stage, one, n);
    expect(setsOf(stage, one)).toEqual(['streams:active']);
    expect(partsIn(stage, one)).toEqual([1, 2, 3]);
    expect(stage.redis.events.map((event) => event['status'])).toEqual(['active']);
  });

  it('F47 what comes while Redis is away is written when it is back: the newest record and all rows', async () => {
    const { stage } = await stageWithMirror();
    await partSaved(stage, one, 1);
    stage.redis.isAway = true;
    for (const n of [2, 3, 4]) await partSaved(stage, one, n);
    await pass(stage, 60_000);
    expect(partsIn(stage, one)).toEqual([1]);
    stage.redis.isAway = false;
    await pass(stage, 2_000);
    expect(partsIn(stage, one)).toEqual([1, 2, 3, 4]);
  });

  it('F51 a save that was executed without an answer is not lost, and nothing after it', async () => {
    const { stage } = await stageWithMirror();
    await partSaved(stage, one, 1);
    stage.redis.loseNextReply = true;
    await partSaved(stage, one, 2);
    await partSaved(stage, one, 3);
    await pass(stage, 3_000);
    expect(partsIn(stage, one)).toEqual([1, 2, 3]);
  });

  it('the ledger of a new upload replaces the former one', async () => {
    const { stage } = await stageWithMirror();
    await partSaved(stage, one, 1);
    const { upload } = sampleMemory();
    await partSaved(stage, one, 7, { upload: upload && { ...upload, uploadId: secondUpload } });
    expect(partsIn(stage, one)).toEqual([7]);
  });

  it('rows of a former upload that Redis never saw do not get into the ledger of the next one', async () => {
    const { stage } = await stageWithMirror();
    stage.redis.isAway = true;
    await partSaved(stage, one, 1);
    const { upload } = sampleMemory();
    await partSaved(stage, one, 7, { upload: upload && { ...upload, uploadId: secondUpload } });
    stage.redis.isAway = false;
    await pass(stage, 2_000);
    expect(partsIn(stage, one)).toEqual([7]);
  });

  it('a higher revision in Redis is gone beyond, in Redis and in the journal', async () => {
    const { stage } = await stageWithMirror();
    await partSaved(stage, one, 1);
    const meta = stage.redis.metas.get(one) ?? {};
    stage.redis.metas.set(one, { ...meta, rev: '40', fence: '1' });
    await partSaved(stage, one, 2);
    await pass(stage, 3_000);
    expect(partsIn(stage, one)).toEqual([1, 2]);
    expect(Number(stage.redis.metas.get(one)?.['rev'])).toBeGreaterThan(40);
    await partSaved(stage, one, 3);
    expect(stage.saved.at(-1)?.save.stored.rev).toBeGreaterThan(41);
    expect(partsIn(stage, one)).toEqual([1, 2, 3]);
  });
});

it('a save that comes while all of a stream is read from the journal is not lost under its own revision', async () => {
  const { stage } = await stageWithMirror();
  await partSaved(stage, one, 1);
  stage.redis.empty();
  const { journal } = stage.world;
  const { rows } = journal;
  let meanwhile: Promise<void> | null = null;
  journal.rows = async (...asked) => {
    meanwhile ??= (async () => {
      stage.world.writeAhead.offer(recordOf(one, 's3_completed.done', { upload: null }), null);
      await stage.world.writeAhead.settled(one);
    })();
    await meanwhile;
    return await rows.apply(journal, asked);
  };
  await partSaved(stage, one, 2);
  await pass(stage, 15_000);
  expect(meanwhile).not.toBeNull();
  expect(setsOf(stage, one)).toEqual(['streams:completed']);
  expect(stage.redis.snapshots.has(one)).toBe(false);
});

describe('M2: a Redis that was emptied or rolled back gets everything again', () => {
  it('also without a disconnect, in the middle of an upload: the next save brings the whole ledger', async () => {
    const { stage, registry } = await stageWithMirror();
    for (const n of [1, 2, 3]) await partSaved(stage, one, n);
    stage.redis.empty();
    await partSaved(stage, one, 4);
    expect(partsIn(stage, one)).toEqual([1, 2, 3, 4]);
    expect(setsOf(stage, one)).toEqual(['streams:active']);
    const sent: number[] = [];
    const { save } = registry;
    registry.save = (each) => {
      sent.push(each.rows.length);
      return save.call(registry, each);
    };
    await partSaved(stage, one, 5);
    expect(sent, 'rows sent with the save after that').toEqual([1]);
  });

  it('streams of which nothing is saved are found by comparing, within ten seconds', async () => {
    const { stage } = await stageWithMirror();
    await partSaved(stage, one, 1);
    await partSaved(stage, two, 1);
    stage.redis.empty();
    await pass(stage, 11_000);
    for (const id of [one, two]) {
      expect(partsIn(stage, id)).toEqual([1]);
      expect(setsOf(stage, id)).toEqual(['streams:active']);
    }
  });

  it('finished streams are shown again too', async () => {
    const { stage } = await stageWithMirror();
    stage.world.writeAhead.offer(recordOf(one, 's3_completed.done', { upload: null }), null);
    await stage.world.writeAhead.settled(one);
    await settle();
    expect(setsOf(stage, one)).toEqual(['streams:completed']);
    stage.redis.empty();
    await pass(stage, 11_000);
    expect(setsOf(stage, one)).toEqual(['streams:completed']);
    expect(stage.redis.metas.get(one)).toMatchObject({ status: 'completed' });
    expect(stage.redis.snapshots.has(one)).toBe(false);
  });

  it('so does one that remembers a higher revision of a stream that is over, from before STATE_DIR was lost', async () => {
    const { stage } = await stageWithMirror();
    await partSaved(stage, one, 1);
    const remembered = stage.redis.metas.get(one) ?? {};
    const dump = stage.redis.dump();
    stage.world.writeAhead.offer(recordOf(one, 's3_completed.done', { upload: null }), null);
    await stage.world.writeAhead.settled(one);
    await settle();
    dump();
    stage.redis.metas.set(one, { ...remembered, rev: '40' });
    await pass(stage, 12_000);
    expect(stage.redis.metas.get(one)).toMatchObject({ status: 'completed' });
    expect(setsOf(stage, one)).toEqual(['streams:completed']);
  });

  it('so does one that was away at the start, whatever revision it remembers', async () => {
    const { stage, mirror } = await stageWithMirror();
    await partSaved(stage, one, 1);
    mirror.stop();
    const dump = stage.redis.dump();
    stage.world.writeAhead.offer(recordOf(one, 's3_completed.done', { upload: null }), null);
    await stage.world.writeAhead.settled(one);
    dump();
    const rev = stage.saved.at(-1)?.save.stored.rev ?? 0;
    const remembered = stage.redis.metas.get(one) ?? {};
    stage.redis.metas.set(one, { ...remembered, rev: String(rev), fence: '9' });
    stage.world.leases.clear();
    stage.redis.isAway = true;
    const next = new RegistryMirror(stage.world, stage.world.registry as Registry);
    mirrors.push(next);
    next.start([[one, rev]]);
    stage.redis.isAway = false;
    await pass(stage, 12_000);
    expect(setsOf(stage, one)).toEqual(['streams:completed']);
  });

  it('F49 an older dump is brought up to date, rows included, also when the next save comes first', async () => {
    const { stage } = await stageWithMirror();
    for (const n of [1, 2]) await partSaved(stage, one, n);
    const dump = { meta: stage.redis.metas.get(one) ?? {}, parts: new Map(stage.redis.parts.get(one)) };
    for (const n of [3, 4]) await partSaved(stage, one, n);
    stage.redis.metas.set(one, dump.meta);
    stage.redis.parts.set(one, dump.parts);
    await partSaved(stage, one, 5);
    expect(partsIn(stage, one)).toEqual([1, 2, 3, 4, 5]);
  });

  it('what a killed daemon could not bring over any more is written after the start', async () => {
    const { stage, mirror } = await stageWithMirror();
    await partSaved(stage, one, 1);
    mirror.stop();
    for (const n of [2, 3]) await partSaved(stage, one, n);
    expect(partsIn(stage, one)).toEqual([1]);
    const rev = stage.saved.at(-1)?.save.stored.rev ?? 0;
    const successor = new RegistryMirror(stage.world, stage.world.registry as Registry);
    mirrors.push(successor);
    successor.start([[one, rev]]);
    await settle();
    expect(partsIn(stage, one)).toEqual([1, 2, 3]);
  });

  it('a record that is forgotten is not written again', async () => {
    const { stage, mirror } = await stageWithMirror();
    await partSaved(stage, one, 1);
    await stage.world.journal.forget(one);
    stage.redis.empty();
    await pass(stage, 30_000);
    expect(setsOf(stage, one)).toEqual([]);
    await mirror.drain(Number.POSITIVE_INFINITY);
  });

  it('a lease that was lost with everything else is ours again, with no lower fence', async () => {
    const { stage } = await stageWithMirror();
    stage.world.writeAhead.raiseFence(FOLDER, 8);
    stage.redis.empty();
    stage.world.leases.clear();
    await pass(stage, 6_000);
    expect(stage.redis.leases.get(FOLDER_ID)).toMatchObject({ holder: 'daemon-a' });
    expect(stage.world.leases.get(FOLDER_ID)?.fence).toBeGreaterThan(8);
    await partSaved(stage, one, 1);
    expect(stage.saved.at(-1)?.save.stored.fence).toBeGreaterThan(8);
  });
});

describe("M3: a folder that is another's", () => {
  async function takenOver(stage: Stage, registry: Registry): Promise<void> {
    const lease = stage.redis.leases.get(FOLDER_ID);
    if (lease) stage.redis.leases.set(FOLDER_ID, { ...lease, expiresAtMs: 0 });
    await registry.acquireLease(FOLDER_ID, 'daemon-b', 60_000, 0);
  }

  it('is found by the next save: nothing is written, the supervisor is told once by whom', async () => {
    const { stage, registry } = await stageWithMirror();
    await partSaved(stage, one, 1);
    await takenOver(stage, registry);
    await partSaved(stage, one, 2);
    await partSaved(stage, one, 3);
    expect(partsIn(stage, one)).toEqual([1]);
    expect(stage.world.lostTo.get(FOLDER)).toBe('daemon-b');
    expect(stage.told).toMatchObject([{ type: 'lease.lost', failure: { code: 'lease_lost' } }]);
  });

  it('is found by the renewal when nothing is saved', async () => {
    const { stage, registry } = await stageWithMirror();
    await takenOver(stage, registry);
    await pass(stage, 6_000);
    expect(stage.told).toMatchObject([{ type: 'lease.lost' }]);
  });
});

describe('M4: before start and after stop', () => {
  it('asks for no lease before it was started: whether we may run is not decided yet', async () => {
    const stage = await createStage({ withRedis: true });
    stage.redis.isAway = true;
    mirrors.push(new RegistryMirror(stage.world, stage.world.registry as Registry));
    stage.redis.isAway = false;
    await pass(stage, 30_000);
    expect(stage.redis.leases.size).toBe(0);
  });

  it('writes nothing before it was started, and then all of it', async () => {
    const stage = await createStage({ withRedis: true });
    const mirror = new RegistryMirror(stage.world, stage.world.registry as Registry);
    mirrors.push(mirror);
    stage.onSaved = (saved) => mirror.push(saved);
    stage.world.leases.set(FOLDER_ID, { folderId: FOLDER_ID, holder: 'daemon-a', fence: 1, standsUntilMs: 0 });
    await partSaved(stage, one, 1);
    expect(stage.redis.metas.size).toBe(0);
    mirror.start([]);
    await settle();
    expect(partsIn(stage, one)).toEqual([1]);
  });

  it('tells whether Redis answers from the beginning on', async () => {
    const { stage } = await stageWithMirror();
    expect(stage.daemon.at(-1)).toEqual({ registryReachable: true });
    stage.redis.isAway = true;
    expect(stage.daemon.at(-1)).toEqual({ registryReachable: false });
  });
});

describe('drain', () => {
  it('brings over what waits, and ends as soon as that is done', async () => {
    const { stage, mirror } = await stageWithMirror();
    await partSaved(stage, one, 1);
    stage.world.writeAhead.addRow(one, firstUpload, sampleRow(2));
    stage.world.writeAhead.offer(recordOf(one), null);
    await stage.world.writeAhead.drain();
    await mirror.drain(stage.clock.nowMs() + 20_000);
    expect(partsIn(stage, one)).toEqual([1, 2]);
  });

  it('waits no longer than it is told to, and lets other work go on meanwhile', async () => {
    const { stage, mirror } = await stageWithMirror();
    stage.world.leases.clear();
    await partSaved(stage, one, 1);
    let isDrained = false;
    void mirror.drain(stage.clock.nowMs() + 3_000).then(() => {
      isDrained = true;
    });
    await settle();
    expect(isDrained).toBe(false);
    await pass(stage, 3_000);
    expect(isDrained).toBe(true);
  });

  it('does not wait for a Redis that is away', async () => {
    const { stage, mirror } = await stageWithMirror();
    stage.redis.isAway = true;
    await partSaved(stage, one, 1);
    await pass(stage, 2_000);
    await mirror.drain(stage.clock.nowMs() + 20_000);
  });
});
