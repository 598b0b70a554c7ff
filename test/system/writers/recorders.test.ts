// Real recorders write into the watched folder of the real daemon; what arrives is their file, however they went back in it.

import { watch } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { HLS, MEDIA_WRITERS, record, startRecorder } from '../../fixtures/writers/media-writers.ts';
import { callWitness, expectDelivered, expectObject, type FileSeen, fileOf } from '../harness/proof.ts';
import { CHUNK_BYTES, openScene } from '../harness/scene.ts';

describe.concurrent('the object of a recording is the file that its recorder closed', { timeout: 120_000 }, () => {
  for (const writer of Object.values(MEDIA_WRITERS)) {
    test(writer.what, async (context) => {
      const scene = await openScene(context);
      const witness = callWitness(context, scene);
      const path = scene.path(writer.file);
      const recording = record(context, writer, path, scene.folder);
      await scene.daemon.waitForState(writer.file, ({ partsHeld }) => partsHeld > 0);
      expect(await scene.s3.objectOf(writer.file), 'an object while it is recorded').toBeNull();
      await recording;
      const { receipt, stream } = await expectDelivered(scene, writer.file);
      expect(receipt.parts.length).toBeGreaterThan(2);
      expect(receipt.size).toBeGreaterThan(2 * CHUNK_BYTES);
      expect(stream.finalizeReason).toBe('writer_closed');
      await witness.testify();
    });
  }
});

describe.concurrent('recorders that do not end in peace', { timeout: 120_000 }, () => {
  test('what a killed recorder left arrives as it is', async (context) => {
    const scene = await openScene(context);
    const witness = callWitness(context, scene);
    const recorder = await startRecorder(context, MEDIA_WRITERS.mkv, scene.path('killed.mkv'), scene.folder);
    await scene.daemon.waitForState('killed.mkv', ({ partsHeld }) => partsHeld >= 2);
    await recorder.end('SIGKILL');
    await expectDelivered(scene, 'killed.mkv');
    await witness.testify();
  });

  test('segments that are unlinked seconds after they were whole all arrive', async (context) => {
    const scene = await openScene(context);
    const segments = new Map<string, Promise<FileSeen>>();
    // A segment is whole when it gets its name: its bytes are looked at there and then.
    const watching = watch(scene.recordings, (event, name) => {
      if (event === 'rename' && name?.endsWith('.ts') && !segments.has(name))
        segments.set(name, fileOf(scene.path(name)));
    });
    context.onTestFinished(() => watching.close());
    await record(context, HLS, scene.path(HLS.file), scene.folder);
    expect(segments.size).toBeGreaterThanOrEqual(7);
    await scene.daemon.waitForStreams(
      'all segments are completed',
      (streams) => streams.length === segments.size && streams.every(({ status }) => status === 'completed'),
    );
    for (const [name, segment] of segments) await expectObject(scene, name, await segment);
    expect(await scene.s3.keys()).toHaveLength(2 * segments.size);
    expect(await scene.s3.openUploads()).toEqual([]);
  });
});
