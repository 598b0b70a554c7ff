// uploadParts: sends numbers, reports each, and at last that nothing is in flight.

import { describe, expect, it } from 'vitest';
import { uploadParts } from '../../../src/actors/effects/upload-parts.ts';
import { UploadSlots } from '../../../src/actors/upload-slots.ts';
import { failureOf } from '../../../src/machines/failure.ts';
import type { UploadPartsInput } from '../../../src/machines/stream.effects.ts';
import type { StreamEvent } from '../../../src/machines/stream.events.ts';
import type { ObjectStore } from '../../../src/ports/object-store.ts';
import { bytes, createStage, expectOutcome, PART_BYTES, runEffect, settle, startEffect } from '../stage.ts';
import { aFile, anUpload, FILE_BYTES, owed, unavailable, withStore } from './effect-stage.ts';

async function begin(content = bytes(FILE_BYTES)) {
  const stage = await createStage();
  const file = await aFile(stage, content);
  const upload = await anUpload(stage, file);
  const input = (numbers: readonly number[], frozenBytes: number | null = null): UploadPartsInput => ({
    ...{ ...owed(file), upload, former: null, numbers, frozenBytes },
  });
  const listed = async () => {
    const parts = await stage.world.store.listParts(upload);
    return parts.ok ? parts.value.parts.map((part) => [part.partNumber, part.sizeBytes]) : parts.failure;
  };
  return { stage, file, upload, input, listed };
}

const uploadedIn = (facts: readonly StreamEvent[]) =>
  facts.flatMap((fact) => (fact.type === 'part.uploaded' ? [fact.partNumber as number] : []));

it('each part that S3 acknowledged is reported with its place, and last that nothing is in flight', async () => {
  const { stage, input, listed } = await begin();
  const running = startEffect(uploadParts(stage.world), input([1, 2]));
  const settled = expectOutcome(await stage.until(running.outcome), 'parts.settled');
  expect(settled).toMatchObject({ failure: null, unanswered: false, stat: { sizeBytes: FILE_BYTES } });
  expect(running.facts.at(-1)?.type).toBe('parts.settled');
  expect(running.facts.filter((fact) => fact.type === 'part.uploaded')).toMatchObject([
    { partNumber: 1, offset: 0, sizeBytes: PART_BYTES },
    { partNumber: 2, offset: PART_BYTES, sizeBytes: PART_BYTES },
  ]);
  expect(await listed()).toEqual([
    [1, PART_BYTES],
    [2, PART_BYTES],
  ]);
});

it('F64 the ledger has two hashes of the very bytes that were sent, before the part is reported', async () => {
  const { stage, file, upload, input } = await begin();
  await runEffect(stage, uploadParts(stage.world), input([2]));
  const rows = await stage.world.writeAhead.rows(file.streamId, upload.uploadId);
  const hash = stage.world.hasher.start();
  hash.update(bytes(FILE_BYTES).subarray(PART_BYTES, 2 * PART_BYTES));
  expect(rows.ok && rows.value.get(2)).toMatchObject(hash.digest());
});

it('while the file grows parts are whole; of a frozen file the last one is the tail', async () => {
  const { stage, input, listed } = await begin();
  await runEffect(stage, uploadParts(stage.world), input([3], FILE_BYTES));
  expect(await listed()).toEqual([[3, 300]]);
  const grown = expectOutcome(await runEffect(stage, uploadParts(stage.world), input([3])), 'parts.settled');
  expect(grown.failure).toMatchObject({ code: 'source_changed' });
});

it('a number that is sent again overwrites itself', async () => {
  const { stage, file, input, listed } = await begin();
  await runEffect(stage, uploadParts(stage.world), input([1]));
  stage.files.write(file.path, 'patched header', 0);
  await runEffect(stage, uploadParts(stage.world), input([1]));
  expect(await listed()).toEqual([[1, PART_BYTES]]);
});

it('a part too large for memory is streamed from the file, and is the same', async () => {
  const { stage, file, upload, input, listed } = await begin(bytes(PART_BYTES));
  const world = { ...stage.world, slots: new UploadSlots({ concurrency: 1, bufferBytes: 0 }) };
  await runEffect(stage, uploadParts(world), input([1]));
  expect(await listed()).toEqual([[1, PART_BYTES]]);
  const rows = await world.writeAhead.rows(file.streamId, upload.uploadId);
  const hash = world.hasher.start({ md5: true });
  hash.update(bytes(PART_BYTES));
  const { md5, ...hashes } = hash.digest();
  expect(rows.ok && rows.value.get(1)).toMatchObject({ ...hashes, etag: md5 });
});

it('F64 a streamed part whose bytes changed between hashing and sending is void', async () => {
  const { stage, file, input } = await begin(bytes(PART_BYTES));
  const { store } = stage.world;
  const world = withStore(
    { ...stage.world, slots: new UploadSlots({ concurrency: 1, bufferBytes: 0 }) },
    {
      // A server that verifies nothing.
      uploadPart: async ({ body }) => {
        stage.files.poke(file.path, 'changed', 10);
        if (body.kind === 'stream') for await (const _ of body.open());
        return { ok: true, value: { etag: 'e' } };
      },
    },
  );
  expect(store).toBeDefined();
  const settled = expectOutcome(await runEffect(stage, uploadParts(world), input([1])), 'parts.settled');
  expect(settled.failure).toMatchObject({ code: 'source_changed' });
});

describe('failures', () => {
  const failing = (at: number, more = {}) => {
    const sent: number[] = [];
    const change = (store: ObjectStore): Partial<ObjectStore> => ({
      uploadPart: async (request, options) => {
        sent.push(request.partNumber);
        return request.partNumber === at ? unavailable(more) : await store.uploadPart(request, options);
      },
    });
    return { sent, change };
  };

  it('after one, no new part begins; those in flight are still reported; the first failure is told', async () => {
    const { stage, input } = await begin(bytes(40 * PART_BYTES));
    const { sent, change } = failing(1, { answered: true });
    const world = withStore(stage.world, change(stage.world.store));
    const running = startEffect(uploadParts(world), input(Array.from({ length: 40 }, (_, at) => at + 1)));
    const settled = expectOutcome(await stage.until(running.outcome), 'parts.settled');
    expect(settled).toMatchObject({ failure: { code: 's3_unavailable' }, unanswered: false });
    expect(sent.length).toBeLessThan(10);
    expect(uploadedIn(running.facts)).toEqual(sent.filter((n) => n !== 1));
  });

  it('an attempt without an answer is told: it may still arrive', async () => {
    const { stage, input } = await begin();
    const world = withStore(stage.world, failing(2, { answered: false }).change(stage.world.store));
    const settled = expectOutcome(await runEffect(stage, uploadParts(world), input([1, 2])), 'parts.settled');
    expect(settled.unanswered).toBe(true);
  });

  it('a file that cannot be read is a failure of its own', async () => {
    const { stage, input } = await begin();
    stage.files.fault = (operation) => (operation === 'read' ? failureOf('source_read_error', 'EIO') : null);
    const settled = expectOutcome(await runEffect(stage, uploadParts(stage.world), input([1])), 'parts.settled');
    expect(settled.failure).toMatchObject({ code: 'source_read_error' });
  });

  it('an exception is reported as settled too: the stream does not hang', async () => {
    const { stage, input } = await begin();
    const world = withStore(stage.world, { uploadPart: () => Promise.reject(new Error('boom')) });
    const settled = expectOutcome(await runEffect(stage, uploadParts(world), input([1])), 'parts.settled');
    expect(settled).toMatchObject({ failure: { code: 'bug' }, unanswered: true });
  });

  it('every slot is given back, whatever happens', async () => {
    const { stage, input } = await begin();
    for (const change of [
      failing(1).change(stage.world.store),
      { uploadPart: () => Promise.reject(new Error('boom')) },
    ])
      await runEffect(stage, uploadParts(withStore(stage.world, change)), input([1, 2]));
    expect(stage.world.slots.inFlight).toBe(0);
  });
});

describe('stopping', () => {
  it('does not wait for the end of a back-off', async () => {
    const { stage, input, listed } = await begin();
    const running = startEffect(uploadParts(stage.world), {
      ...input([1, 2]),
      notBeforeMs: stage.clock.nowMs() + 60_000,
    });
    await settle();
    running.tell({ type: 'sending.stop' });
    await settle();
    expect(running.outcome()).toMatchObject({ type: 'parts.settled', failure: null });
    expect(await listed()).toEqual([]);
  });

  it.each(['the stream asks', 'the daemon drains'] as const)(
    '%s: no new part begins, those in flight end',
    async (who) => {
      const { stage, input, listed } = await begin(bytes(40 * PART_BYTES));
      const ends: (() => void)[] = [];
      const { store } = stage.world;
      const world = withStore(stage.world, {
        uploadPart: async (request, options) => {
          await new Promise<void>((resolve) => ends.push(resolve));
          return await store.uploadPart(request, options);
        },
      });
      const running = startEffect(uploadParts(world), input(Array.from({ length: 40 }, (_, at) => at + 1)));
      await settle();
      const inFlight = ends.length;
      expect(inFlight).toBeGreaterThan(1);
      if (who === 'the stream asks') running.tell({ type: 'sending.stop' });
      else world.gate.close();
      for (const end of ends.splice(0)) end();
      const settled = expectOutcome(await stage.until(running.outcome), 'parts.settled');
      expect(settled.failure).toBeNull();
      expect(await listed()).toHaveLength(inFlight);
      expect(uploadedIn(running.facts)).toHaveLength(inFlight);
    },
  );
});
