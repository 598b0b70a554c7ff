// P3: what people see of a stream never lies, also in the moments in which nothing is known yet.

import { afterEach, describe, expect, test } from 'vitest';
import { type FakeDaemon, startFakeDaemon } from '../actors/fake-daemon.ts';
import { bytes, createStage, FOLDER, PART_BYTES, type Stage } from '../actors/stage.ts';

const TAKE = `${FOLDER}/take.mkv`;
const running: FakeDaemon[] = [];
afterEach(() => {
  for (const daemon of running.splice(0)) daemon.crash();
});

async function start(stage: Stage): Promise<FakeDaemon> {
  const daemon = await startFakeDaemon(stage);
  running.push(daemon);
  return daemon;
}

/** All that was ever shown of a stream's state and status, in order. */
function noteShown(stage: Stage): readonly string[] {
  const shown: string[] = [];
  const { views } = stage.world;
  const world = stage.world as { views: typeof views };
  world.views = {
    ...views,
    streamChanged(view) {
      shown.push(`${view.state} ${view.status}`);
      views.streamChanged(view);
    },
  };
  return shown;
}

describe('The state never lies', () => {
  test('A stream that waits for a person is shown as failed while it looks for the cure, also after a restart', async () => {
    const stage = await createStage();
    stage.store = stage.s3.connect({ credentials: 'wrong' });
    await stage.restart();
    stage.files.write(TAKE, bytes(3 * PART_BYTES));
    const daemon = await start(stage);
    const parked = await daemon.waitFor(TAKE, 'failed.parked');
    daemon.crash();

    await stage.restart();
    const shown = noteShown(stage);
    const again = await start(stage);
    await again.waitFor(TAKE, 'failed.parked');
    expect(shown.filter((each) => each.startsWith('recovering'))).not.toEqual([]);
    expect(shown.filter((each) => each === 'recovering active')).toEqual([]);
    expect(shown).toContain(`recovering ${parked.status}`);
  });
});
