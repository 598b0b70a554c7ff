// A slice of the kill campaign (docs/kill-campaign.md): the built daemon is killed at every named crash point and at moments drawn from a
// seed, with Redis and STATE_DIR lost now and then, while writers of all kinds go on. Then everything is compared.

import { beforeAll, describe, expect, test } from 'vitest';
import { type LaneResult, runCampaign } from '../../campaign/campaign.ts';
import { reportOf, textOf } from '../../campaign/report.ts';

/** On a busy machine it stays at fewer kills. */
const MINUTES = 5;
/** Beside the named points. The campaign of its own has as many as anybody wants. */
const KILLS = 200;
/** Beside the drawn kills: all named points, and the end of everything. */
const LIMIT_MINUTES = 15;
const SLICE = {
  ...{ kills: KILLS, streams: 26, seed: 1, lanes: 6, scale: 0.5, minutes: MINUTES },
  ...{ redis: true, realS3: false, points: true },
};

describe('killed again and again', () => {
  let lanes: readonly LaneResult[] = [];
  let report: ReturnType<typeof reportOf>;

  beforeAll(async () => {
    const startedMs = performance.now();
    lanes = await runCampaign(SLICE);
    const seconds = Math.round((performance.now() - startedMs) / 1_000);
    report = reportOf(SLICE, lanes, { date: new Date().toISOString(), commit: 'as it is', seconds });
    process.stderr.write(`${textOf(report)}\n`);
  }, LIMIT_MINUTES * 60_000);

  test('nothing is lost, wrong, falsely completed, left open or shown otherwise than it is', () => {
    expect(report.violations).toEqual([]);
    expect(report.claims).toBeGreaterThanOrEqual(report.objects);
    expect(report.objects).toBeGreaterThan(SLICE.streams);
  });

  test('bytes are sent again for parts in flight at a kill, and for no others', () => {
    expect(report.againBytes).toBeLessThanOrEqual(report.allowedAgainBytes);
  });
});
