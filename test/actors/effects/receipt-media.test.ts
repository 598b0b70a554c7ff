// `media` in the receipt: told by the prober of the very bytes that were proven, and never in the way of the receipt.

import { describe, expect, it } from 'vitest';
import { publishReceipt } from '../../../src/actors/effects/publish-receipt.ts';
import type { Probed } from '../../../src/ports/prober.ts';
import { scriptedProber } from '../../fakes/scripted-prober.ts';
import { createStage, expectOutcome, runEffect, type Stage, settle, startEffect } from '../stage.ts';
import { proven, receipt } from './effect-stage.ts';

const MEDIA: Probed = { media: { format: 'matroska,webm', duration_seconds: 3, stream_count: 1, streams: [] } };
const KEY = 'take.mkv.metadata.json';

const withProber = (stage: Stage, probe: () => Probed | Promise<Probed>) => ({
  ...stage.world,
  prober: scriptedProber(probe),
});

describe('media in the receipt', () => {
  it('is what the prober tells', async () => {
    const stage = await createStage();
    const world = withProber(stage, () => MEDIA);
    expectOutcome(await runEffect(stage, publishReceipt(world), await proven(stage)), 'receipt.published');
    expect(receipt(stage, KEY)).toMatchObject(MEDIA);
    expect(receipt(stage, KEY)).not.toHaveProperty('media_reason');
  });

  it('is null with the reason when the prober tells nothing', async () => {
    const stage = await createStage();
    expectOutcome(await runEffect(stage, publishReceipt(stage.world), await proven(stage)), 'receipt.published');
    expect(receipt(stage, KEY)).toMatchObject({ media: null, media_reason: 'no ffprobe' });
  });

  it('is not that of a file which changed after the proof, before the probe or during it', async () => {
    for (const when of ['before', 'during']) {
      const stage = await createStage();
      const input = await proven(stage);
      const append = () => stage.files.append(input.file.path, 'late');
      if (when === 'before') append();
      const world = withProber(stage, () => {
        if (when === 'during') append();
        return MEDIA;
      });
      expectOutcome(await runEffect(stage, publishReceipt(world), input), 'receipt.published');
      expect(receipt(stage, KEY), when).toMatchObject({ media: null, media_reason: expect.stringMatching(/changed/) });
    }
  });

  it('of a file that is gone is asked for all the same: the descriptor may be held', async () => {
    const stage = await createStage();
    const input = await proven(stage);
    stage.files.unlink(input.file.path);
    await stage.world.files.release(input.streamId);
    expectOutcome(await runEffect(stage, publishReceipt(withProber(stage, () => MEDIA)), input), 'receipt.published');
    expect(receipt(stage, KEY)).toMatchObject(MEDIA);
  });

  it('is asked for by a few streams at once', async () => {
    const stage = await createStage();
    const input = await proven(stage);
    const waiting: (() => void)[] = [];
    const world = withProber(stage, () => new Promise((resolve) => waiting.push(() => resolve(MEDIA))));
    const running = [1, 2, 3].map(() => startEffect(publishReceipt(world), input));
    for (let turn = 0; turn < 20; turn += 1) await settle();
    expect(waiting).toHaveLength(2);
    for (const each of running) each.leave();
    for (const end of waiting) end();
    await settle();
    expect(waiting).toHaveLength(2);
  });
});
