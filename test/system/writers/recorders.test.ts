// Real recorders write into the watched folder of the real daemon; what arrives is their file, however they went back in it.

import { describe, expect, test } from 'vitest';
import { MEDIA_WRITERS, record } from '../../fixtures/writers/media-writers.ts';
import { callWitness, expectDelivered } from '../harness/proof.ts';
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
