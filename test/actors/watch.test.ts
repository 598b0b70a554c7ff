// What the sweep makes of files that are known already: whom it tells, and whom it leaves alone.

import { beforeEach, describe, expect, test } from 'vitest';
import { createActor, setup } from 'xstate';
import { watchLogic } from '../../src/actors/watch.ts';
import { initialContext } from '../../src/machines/stream.context.ts';
import type { SupervisorEvent } from '../../src/machines/supervisor.machine.ts';
import type { SweepFinding } from '../../src/ports/watcher.ts';
import { createStage, FOLDER, SETTINGS } from './stage.ts';

const PATH = `${FOLDER}/take.mkv`;

type Seen = Extract<SupervisorEvent, { readonly type: 'file.seen' }>;

/** A daemon's watch over one file, whose sweeps tell the stats as the real one's do. */
async function watched() {
  const stage = await createStage();
  const { files, clock } = stage;
  files.write(PATH, 'first');
  const { streamId } = await stage.fileRef(PATH);
  const source = stage.world.files;
  let looks = 0;
  const sweep = async function* (): AsyncGenerator<SweepFinding> {
    for (const path of files.paths()) {
      const found = await source.identify(FOLDER, path);
      if (found.ok && found.value) yield { folder: FOLDER, path, stat: found.value.stat };
    }
  };
  const world = {
    ...stage.world,
    watcher: { ...stage.world.watcher, sweep },
    files: {
      ...source,
      identify(folder: string, path: string) {
        looks += 1;
        return source.identify(folder, path);
      },
    },
  };
  const seen: Seen[] = [];
  let sweeps = 0;
  const hear = (event: SupervisorEvent): void => {
    if (event.type === 'file.seen') seen.push(event);
    if (event.type === 'sweep.finished') sweeps += 1;
  };
  // As the supervisor does: what is told of its file makes the stream.
  const take = async (state: string): Promise<void> => {
    const stat = (await source.identify(FOLDER, PATH)) as { value: { stat: Seen['stat'] } };
    const file = await stage.fileRef(PATH);
    const context = initialContext({
      ...{ file, settings: SETTINGS, record: null, mustRecall: false },
      ...{ stat: stat.value.stat, atMs: clock.nowMs() },
    });
    world.streams.set({ id: streamId, state, context, tell: () => {} });
  };
  const supervisor = setup({ actors: { watch: watchLogic(world) } }).createMachine({
    invoke: { src: 'watch', input: {} },
    on: { '*': { actions: ({ event }) => hear(event as SupervisorEvent) } },
  });
  const actor = createActor(supervisor);
  return {
    ...{ world, files, clock, seen, streamId, take },
    start: () => void actor.start(),
    stop: () => void actor.stop(),
    nextSweep: async (times = 1): Promise<void> => {
      const goal = sweeps + times;
      await stage.until(() => (sweeps >= goal ? true : null));
    },
    looks: () => looks,
  };
}

describe('sweeps over files that are known', () => {
  let watch: Awaited<ReturnType<typeof watched>>;

  beforeEach(async () => {
    watch = await watched();
    watch.start();
    await watch.nextSweep();
    expect(watch.seen).toHaveLength(1);
    return () => watch.stop();
  });

  test('a silent file whose stream lives is neither looked at nor told of again, and the scan may leave it to the sweep', async () => {
    const { world, streamId, take, looks, clock } = watch;
    await take('active.waiting');
    await watch.nextSweep();
    // The first look is the scan's: it opens the file.
    expect(world.streams.lookAt(streamId)).toBeUndefined();
    world.streams.noteLook(streamId, { atMs: clock.nowMs(), bySweep: false });
    const before = looks();
    await watch.nextSweep(20);
    expect(looks()).toBe(before);
    expect(watch.seen).toHaveLength(1);
    expect(world.streams.lookAt(streamId)).toEqual({ atMs: clock.nowMs(), bySweep: true });
  });

  test('growth of a file that the scan looks at makes it look at once; a stat that may be old by now is not told', async () => {
    const { world, streamId, take, files, clock } = watch;
    await take('active.waiting');
    world.streams.noteLook(streamId, { atMs: clock.nowMs(), bySweep: false });
    files.append(PATH, 'more');
    await watch.nextSweep();
    expect(world.streams.lookAt(streamId)).toBeUndefined();
    expect(watch.seen).toHaveLength(1);
  });

  test.each(['failed.ended', 'recovering'])(
    'growth of a file in `%s` is told, for the scan does not look at it',
    async (state) => {
      await watch.take(state);
      await watch.nextSweep();
      expect(watch.seen).toHaveLength(1);
      watch.files.append(PATH, 'more');
      await watch.nextSweep();
      expect(watch.seen.map(({ stat }) => stat.sizeBytes)).toEqual([5, 9]);
    },
  );

  test('growth seen while the stream lived, which left before it could look, is told by the next sweep', async () => {
    await watch.take('active.waiting');
    watch.files.append(PATH, 'more');
    await watch.nextSweep();
    watch.world.streams.drop(watch.streamId);
    await watch.nextSweep();
    expect(watch.seen.map(({ stat }) => stat.sizeBytes)).toEqual([5, 9]);
  });

  test('another path of the file is told at once', async () => {
    await watch.take('active.waiting');
    watch.files.rename(PATH, `${FOLDER}/renamed.mkv`);
    await watch.nextSweep();
    expect(watch.seen.map(({ file }) => file.path)).toEqual([PATH, `${FOLDER}/renamed.mkv`]);
  });

  test('another file at the path is told at once', async () => {
    await watch.take('active.waiting');
    watch.files.unlink(PATH);
    watch.files.write(PATH, 'other');
    await watch.nextSweep();
    const [first, second] = watch.seen.map(({ file }) => file.streamId);
    expect(second).toBeDefined();
    expect(second).not.toBe(first);
  });

  test('a file that no stream lives of is told again within six sweeps, so that a broken stream comes back', async () => {
    await watch.nextSweep(6);
    expect(watch.seen).toHaveLength(2);
  });
});
