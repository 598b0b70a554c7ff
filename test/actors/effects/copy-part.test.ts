// A file that changes after its object was complete: what S3 has already is copied there, and the object is the file all the same.

import { afterEach, describe, expect, test } from 'vitest';
import { failureOf } from '../../../src/machines/failure.ts';
import { MemoryS3 } from '../../fakes/memory-object-store.ts';
import { type FakeDaemon, startFakeDaemon } from '../fake-daemon.ts';
import { BUCKET, bytes, createStage, FOLDER, PART_BYTES, type Stage } from '../stage.ts';

const TAKE = `${FOLDER}/take.mkv`;
const running: FakeDaemon[] = [];
afterEach(() => {
  for (const daemon of running.splice(0)) daemon.crash();
});

/** A completed stream, and the parts that were sent or copied since. */
async function completed(s3: Partial<ConstructorParameters<typeof MemoryS3>[0]> = {}) {
  const stage = await createStage();
  stage.s3 = new MemoryS3({ buckets: [BUCKET], now: () => stage.clock.nowMs(), minPartBytes: 1, ...s3 });
  const store = stage.s3.connect();
  const sent: string[] = [];
  stage.store = {
    ...store,
    uploadPart: (request, options) => {
      sent.push(`sent ${request.partNumber}`);
      return store.uploadPart(request, options);
    },
    copyPart: async (request, options) => {
      const copied = await store.copyPart(request, options);
      if (copied.ok) sent.push(`copied ${request.partNumber}`);
      return copied;
    },
  };
  await stage.restart();
  stage.files.write(TAKE, bytes(5 * PART_BYTES + 9));
  const daemon = await startFakeDaemon(stage);
  running.push(daemon);
  await daemon.waitFor(TAKE, 'completed');
  sent.length = 0;
  return { stage, daemon, sent };
}

async function expectNext(stage: Stage, daemon: FakeDaemon): Promise<void> {
  await daemon.waitFor(TAKE, (view) => view.generation === 2 && view.status === 'completed');
  const object = Buffer.concat(stage.s3.bucket(BUCKET).get('take.mkv')?.pieces ?? []);
  expect(object).toEqual(Buffer.from(stage.files.bytesOf(TAKE) ?? []));
}

describe('the next generation', () => {
  test('of a file that was appended to sends only what is new', async () => {
    const { stage, daemon, sent } = await completed();
    stage.files.append(TAKE, bytes(2 * PART_BYTES, 2));
    await expectNext(stage, daemon);
    expect(sent.sort()).toEqual([
      'copied 1',
      'copied 2',
      'copied 3',
      'copied 4',
      'copied 5',
      'sent 6',
      'sent 7',
      'sent 8',
    ]);
  });

  test('of a file that was edited sends what differs', async () => {
    const { stage, daemon, sent } = await completed();
    stage.files.write(TAKE, 'edited', 2 * PART_BYTES + 5);
    await expectNext(stage, daemon);
    expect(sent.filter((each) => each.startsWith('sent'))).toEqual(['sent 3']);
  });

  test('sends everything where the server cannot copy, the receipt is gone, or another object is there', async () => {
    const cannot = await completed({ quirks: { copiesNothing: true } });
    cannot.stage.files.append(TAKE, 'more');
    await expectNext(cannot.stage, cannot.daemon);
    expect(cannot.sent).toHaveLength(6);

    const lost = await completed();
    lost.stage.s3.bucket(BUCKET).delete('take.mkv.metadata.json');
    lost.stage.files.append(TAKE, 'more');
    await expectNext(lost.stage, lost.daemon);
    expect(lost.sent.filter((each) => each.startsWith('copied'))).toEqual([]);
  });

  test('does not send beside a copy that may still arrive', async () => {
    const { stage, daemon, sent } = await completed();
    const { copyPart } = stage.store;
    const failedAtMs: number[] = [];
    stage.world.store.copyPart = async () => {
      failedAtMs.push(stage.clock.nowMs());
      return { ok: false, failure: failureOf('s3_unavailable', 'timed out', { answered: false }) };
    };
    stage.files.append(TAKE, 'more');
    await expectNext(stage, daemon);
    expect(failedAtMs.length).toBeGreaterThan(0);
    expect(sent.filter((each) => each.startsWith('sent')).length).toBe(6);
    stage.world.store.copyPart = copyPart;
  });
});
