// The operator's verbs on the real actor system, with fakes for the world.

import { afterEach, describe, expect, test } from 'vitest';
import { transition } from 'xstate';
import { MAX_ENTRIES } from '../../src/actors/stream-history.ts';
import type { StreamId } from '../../src/machines/ids.ts';
import { streamMachine } from '../../src/machines/stream.machine.ts';
import { isFinal } from '../../src/machines/stream-status.ts';
import type { Wish } from '../../src/ports/operator.ts';
import { type FakeDaemon, startFakeDaemon } from './fake-daemon.ts';
import { bytes, createStage, FOLDER, PART_BYTES, type Stage, settle } from './stage.ts';

const TAKE = `${FOLDER}/take.mkv`;
/** All in which a stream lives. */
const STATES = Object.entries(streamMachine.states)
  .flatMap(([top, { states }]) => {
    const below = Object.keys(states);
    return below.length === 0 ? [top] : below.map((sub) => `${top}.${sub}`);
  })
  .filter((state) => !isFinal(state));

const running: FakeDaemon[] = [];
afterEach(() => {
  for (const daemon of running.splice(0)) daemon.crash();
});

async function start(stage: Stage): Promise<FakeDaemon> {
  const daemon = await startFakeDaemon(stage);
  running.push(daemon);
  return daemon;
}

interface Living {
  readonly stage: Stage;
  readonly daemon: FakeDaemon;
  readonly id: StreamId;
}

/** A stream with three parts in S3, whose file has a writer. */
async function living(withRedis = false): Promise<Living> {
  const stage = await createStage({ withRedis });
  stage.files.write(TAKE, bytes(3 * PART_BYTES + 100));
  stage.writers.otherwise = 'open';
  const daemon = await start(stage);
  const view = await daemon.waitFor(TAKE, ({ state, partsHeld }) => state === 'active.waiting' && partsHeld === 3);
  return { stage, daemon, id: view.id };
}

/** The same after S3 has begun to refuse: it waits for a person. */
async function parked(withRedis = false, restarted = (_: Stage) => {}): Promise<Living> {
  const { stage, daemon, id } = await living(withRedis);
  await stage.world.writeAhead.drain();
  daemon.crash();
  stage.store = stage.s3.connect({ credentials: 'wrong' });
  await stage.restart();
  restarted(stage);
  const again = await start(stage);
  stage.files.append(TAKE, bytes(2 * PART_BYTES));
  await again.waitFor(TAKE, 'failed.parked');
  return { stage, daemon: again, id };
}

const wish = ({ daemon, id }: Living, what: Wish) => daemon.operator.wish(id, what);

describe('wishes', () => {
  test('finalize: now, whoever holds the file open', async () => {
    const all = await living();
    expect(wish(all, 'finalize')).toEqual({ accepted: true });
    const done = await all.daemon.waitFor(TAKE, 'completed');
    expect(done.completion?.sizeBytes).toBe(3 * PART_BYTES + 100);
    expect(all.stage.objectBytes('take.mkv')).toEqual(Buffer.from(all.stage.files.bytesOf(TAKE) ?? ''));
    expect(wish(all, 'finalize')).toMatchObject({ accepted: false, why: 'refused' });
  });

  test('abort: the upload is gone, the file stays', async () => {
    const all = await living();
    expect(wish(all, 'abort')).toEqual({ accepted: true });
    await all.daemon.waitFor(TAKE, 'aborted_by_operator');
    expect([...all.stage.s3.uploads.values()]).toEqual([]);
    expect(all.stage.files.bytesOf(TAKE)).not.toBeNull();
    for (const what of ['abort', 'retry', 'finalize'] as const)
      expect(wish(all, what)).toMatchObject({ accepted: false, why: 'refused' });
  });

  test('retry: what failed looks again at once; what has not failed refuses', async () => {
    const all = await parked();
    const { stage, daemon } = all;
    expect(wish(all, 'finalize')).toMatchObject({ reason: expect.stringContaining('retry it first') });
    const before = stage.clock.nowMs();
    Object.assign(stage.world, { store: stage.s3.connect() });
    expect(wish(all, 'retry')).toEqual({ accepted: true });
    await daemon.waitFor(TAKE, 'active.waiting', 1_000);
    expect(stage.clock.nowMs() - before).toBeLessThan(stage.options.settings.parkedRetryMs);
    expect(wish(all, 'retry')).toMatchObject({ accepted: false, why: 'refused' });
  });

  test('are accepted where the chart hears them, and refused where it would ignore them', async () => {
    const { daemon, id, stage } = await living();
    const live = stage.world.streams.get(id);
    if (!live) throw new Error('it lives');
    const { context } = live;
    const memory = { ...context.memory, freeze: context.seen };
    // Without its effects: there is none to be told to stop.
    const chart = streamMachine.provide({ actions: { stopSending: () => {} } });
    const snapshotIn = (state: string) => {
      const [top = '', sub] = state.split('.');
      const value = (sub === undefined ? top : { [top]: sub }) as never;
      return chart.resolveState({ value, context: { ...context, memory, dirty: [1] } });
    };
    for (const state of STATES) {
      for (const what of ['finalize', 'retry', 'abort'] as const) {
        const before = snapshotIn(state);
        const [after] = transition(chart, before, { type: `operator.${what}`, atMs: 0 });
        const isHeard =
          JSON.stringify(after.value) !== JSON.stringify(before.value) ||
          after.context.memory.wishes !== before.context.memory.wishes;
        stage.world.streams.set({ ...live, state, tell: () => {} });
        const { accepted } = daemon.operator.wish(id, what);
        // Heard, but for nothing: the object is there, or the upload on its way out.
        const isVain = what === 'finalize' && /^s3_completed|aborting$/.test(state);
        expect({ state, what, accepted }).toEqual({ state, what, accepted: isHeard && !isVain });
      }
    }
    expect(daemon.operator.wish('f'.repeat(32) as StreamId, 'abort')).toMatchObject({ accepted: false });
  });

  test('nobody hears while the daemon drains', async () => {
    const all = await living();
    all.daemon.supervisor.send({ type: 'operator.drain', atMs: all.stage.clock.nowMs() });
    expect(wish(all, 'abort')).toMatchObject({ accepted: false, why: 'unavailable' });
    expect(await all.daemon.operator.forget(all.id)).toMatchObject({ accepted: false, why: 'unavailable' });
  });
});

describe('forget', () => {
  test('drops a failed stream everywhere, and names the upload that stays in S3', async () => {
    const { stage, daemon, id } = await parked(true);
    stage.files.unlink(TAKE);
    const uploads = [...stage.s3.uploads.values()];
    const forgotten = await daemon.operator.forget(id);
    expect(forgotten).toEqual({
      accepted: true,
      leftUploads: [{ target: { bucket: 'takes', key: 'take.mkv' }, uploadId: uploads[0]?.id, parts: 3 }],
    });
    expect([...stage.s3.uploads.values()]).toEqual(uploads);
    expect(stage.views.get(id)).toBeUndefined();
    expect(stage.world.streams.get(id)).toBeUndefined();
    expect((await stage.world.journal.record(id)) as object).toMatchObject({ value: null });
    expect(daemon.operator.history(id)).toEqual([]);
    await stage.until(() => false, 200_000).catch(() => {});
    expect(stage.redis.metas.has(id), 'Redis does not bring it back').toBe(false);
    expect(stage.views.get(id), 'nor its parked retry').toBeUndefined();
    daemon.crash();
    await stage.restart();
    const again = await start(stage);
    await settle();
    expect(again.viewOf(TAKE)).toBeNull();
  });

  test('drops a finished stream; its file is seen as a new one, and its object is taken for what it is', async () => {
    const all = await living();
    const { stage, daemon, id } = all;
    wish(all, 'finalize');
    await daemon.waitFor(TAKE, 'completed');
    const object = stage.objectBytes('take.mkv');
    expect(await daemon.operator.forget(id)).toEqual({ accepted: true, leftUploads: [] });
    expect(daemon.viewOf(TAKE)).toBeNull();
    stage.writers.otherwise = 'none';
    await daemon.waitFor(TAKE, 'completed');
    expect(stage.objectBytes('take.mkv')).toEqual(object);
    expect([...stage.s3.bucket('takes').keys()].filter((key) => !key.includes('json'))).toEqual(['take.mkv']);
  });

  test('a stream that lives refuses', async () => {
    const { daemon, id, stage } = await living();
    expect(await daemon.operator.forget(id)).toMatchObject({ accepted: false, why: 'refused' });
    expect(stage.views.get(id)).toBeDefined();
  });

  test('waits for a save that is on its way: it would come to Redis after the forgetting', async () => {
    const held: (() => void)[] = [];
    const { stage, daemon, id } = await parked(true, ({ world: { journal } }) => {
      const save = journal.save.bind(journal);
      journal.save = async (saves) => {
        await new Promise<void>((go) => held.push(go));
        return await save(saves);
      };
    });
    let isDone = false;
    const forgotten = daemon.operator.forget(id).finally(() => {
      isDone = true;
    });
    for (let turn = 0; turn < 5; turn += 1) await settle();
    expect({ isDone, waiting: held.length }).toEqual({ isDone: false, waiting: 1 });
    while (!isDone) {
      for (const go of held.splice(0)) go();
      await settle();
    }
    expect(await forgotten).toMatchObject({ accepted: true });
    for (let turn = 0; turn < 5; turn += 1) await settle();
    expect(stage.redis.metas.has(id)).toBe(false);
  });

  test('while Redis is away it is not half forgotten: it is refused for now, and done later', async () => {
    const { stage, daemon, id } = await parked(true);
    stage.redis.isAway = true;
    expect(await daemon.operator.forget(id)).toMatchObject({ accepted: false, why: 'unavailable' });
    expect(stage.views.get(id)).toBeDefined();
    stage.redis.isAway = false;
    expect(await daemon.operator.forget(id)).toMatchObject({ accepted: true });
    expect(stage.redis.metas.has(id)).toBe(false);
  });
});

describe('parts', () => {
  test('are those that S3 has, with what the ledger says', async () => {
    const { daemon, id, stage } = await living();
    const parts = await daemon.operator.parts(id);
    expect(parts).toMatchObject({ ok: true, value: { streamId: id, generation: 1 } });
    const rows = parts.ok ? parts.value.parts : [];
    expect(rows.map(({ partNumber, offset, sizeBytes, state }) => [partNumber, offset, sizeBytes, state])).toEqual([
      [1, 0, PART_BYTES, 'sent'],
      [2, PART_BYTES, PART_BYTES, 'sent'],
      [3, 2 * PART_BYTES, PART_BYTES, 'sent'],
    ]);
    expect(rows[0]).toMatchObject({ crc32: expect.stringMatching(/^[0-9a-f]{8}$/), etag: expect.any(String) });
    expect(new Date(rows[0]?.uploadedAt ?? '').getTime()).toBeLessThanOrEqual(stage.clock.nowMs());
  });

  test('in flight, dirty and verified follow from what the stream knows', async () => {
    const { daemon, id, stage } = await living();
    const live = stage.world.streams.get(id);
    if (!live?.context.seen) throw new Error('it lives');
    const { context } = live;
    const statesOf = async () => {
      const parts = await daemon.operator.parts(id);
      return parts.ok ? parts.value.parts.map(({ partNumber, state }) => `${partNumber} ${state}`) : [];
    };
    const grown = { ...context.seen!, sizeBytes: 10 * PART_BYTES };
    stage.world.streams.set({ ...live, state: 'active.uploading', context: { ...context, seen: grown } });
    expect(await statesOf()).toEqual([
      ...['1 sent', '2 sent', '3 sent'],
      ...['4 in_flight', '5 in_flight', '6 in_flight', '7 in_flight'],
    ]);
    const memory = { ...context.memory, freeze: context.seen };
    const verified = { ...context, memory, verified: true, dirty: [2, 4] };
    stage.world.streams.set({ ...live, state: 'finalizing.checking', context: verified });
    expect(await statesOf()).toEqual(['1 verified', '2 dirty', '3 verified', '4 dirty']);
    stage.world.streams.set({ ...live, state: 'finalizing.resending', context: verified });
    expect(await statesOf()).toEqual(['1 verified', '2 in_flight', '3 verified', '4 in_flight']);
  });

  test('a finished stream has none', async () => {
    const all = await living();
    wish(all, 'finalize');
    await all.daemon.waitFor(TAKE, 'completed');
    expect(await all.daemon.operator.parts(all.id)).toMatchObject({ ok: true, value: { parts: [] } });
  });
});

describe('history', () => {
  test('tells facts, states, effects and outcomes in the order in which they happened, also of a stream that left', async () => {
    const all = await living();
    wish(all, 'finalize');
    await all.daemon.waitFor(TAKE, 'completed');
    const entries = all.daemon.operator.history(all.id);
    const told = entries.filter(({ name }) => name !== 'file.observed').map(({ kind, name }) => `${kind} ${name}`);
    expect(told).toEqual([
      'state recovering',
      'effect reconcile',
      'outcome stream.reconciled',
      'state active.opening',
      'effect openUpload',
      'outcome upload.opened',
      'state active.uploading',
      'effect uploadParts',
      'outcome part.uploaded',
      'outcome parts.settled',
      'state active.waiting',
      'fact operator.finalize',
      'state pending_completion',
      'effect checkWriter',
      'outcome writer.checked',
      'state finalizing.verifying',
      'effect verifySource',
      'outcome source.verified',
      'state finalizing.resending',
      'effect uploadParts',
      'outcome part.uploaded',
      'outcome parts.settled',
      'state finalizing.verifying',
      'effect verifySource',
      'outcome source.verified',
      'state finalizing.checking',
      'effect checkParts',
      'outcome parts.checked',
      'state finalizing.completing',
      'effect completeUpload',
      'outcome upload.completed',
      'state finalizing.proving',
      'effect proveObject',
      'outcome object.proven',
      'state s3_completed.publishing',
      'effect publishReceipt',
      'outcome receipt.published',
      'state s3_completed.done',
    ]);
    expect(entries.map(({ atMs }) => atMs)).toEqual(entries.map(({ atMs }) => atMs).toSorted((a, b) => a - b));
    expect(entries.find(({ name }) => name === 'part.uploaded')?.detail).toBe(`part 3, ${PART_BYTES} bytes (3 times)`);
  });

  test('tells why work failed', async () => {
    const { daemon, id } = await parked();
    expect(
      daemon.operator
        .history(id)
        .map(({ detail }) => detail)
        .join('\n'),
    ).toContain('s3_credentials_wrong');
  });

  test('of a file that grows for ever is one entry, not thousands', async () => {
    const { daemon, id, stage } = await living();
    const live = stage.world.streams.get(id);
    for (let n = 0; n < 1_000; n += 1)
      live?.tell({ type: 'file.observed', stat: live.context.seen as never, path: TAKE, atMs: stage.clock.nowMs() });
    const entries = daemon.operator.history(id);
    expect(entries.length).toBeLessThan(MAX_ENTRIES);
    expect(entries.at(-1)).toMatchObject({ name: 'file.observed', detail: expect.stringMatching(/\(100\d times\)/) });
  });
});
