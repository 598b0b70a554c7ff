// A thrown error in one stream, a message to one just gone, and a double admission touch no other stream: on the real actor
// system, with fakes for the world.

import { afterEach, describe, expect, test } from 'vitest';
import { type FakeDaemon, startFakeDaemon } from '../actors/fake-daemon.ts';
import { bytes, createStage, FOLDER, PART_BYTES, type Stage } from '../actors/stage.ts';

const NAMES = Array.from({ length: 20 }, (_, at) => `${FOLDER}/take-${at}.mkv`);
const VICTIM = `${FOLDER}/take-7.mkv`;
const running: FakeDaemon[] = [];
afterEach(() => {
  for (const daemon of running.splice(0)) daemon.crash();
});

/** Twenty streams in the middle of their files. */
async function twentyStreams(): Promise<{ stage: Stage; daemon: FakeDaemon; id: string }> {
  const stage = await createStage();
  for (const [at, path] of NAMES.entries()) stage.files.write(path, bytes(3 * PART_BYTES + at, at + 1));
  const daemon = await startFakeDaemon(stage);
  running.push(daemon);
  for (const path of NAMES) await daemon.waitFor(path, 'active.waiting');
  return { stage, daemon, id: daemon.viewOf(VICTIM)?.id ?? '' };
}

async function expectAllDelivered(stage: Stage, daemon: FakeDaemon, names = NAMES): Promise<void> {
  for (const path of names) {
    await daemon.waitFor(path, 'completed');
    const file = stage.files.bytesOf(path) ?? new Uint8Array();
    expect(stage.objectBytes(path.slice(FOLDER.length + 1)), path).toEqual(Buffer.from(file));
  }
  expect(daemon.supervisor.getSnapshot().status).toBe('active');
  const open = [...stage.s3.uploads.values()].map((upload) => `${FOLDER}/${upload.target.key}`);
  expect(
    open.filter((path) => names.includes(path)),
    'uploads left open',
  ).toEqual([]);
}

const tell = (daemon: FakeDaemon, id: string, event: unknown) =>
  daemon.supervisor.send({ type: 'stream.told', streamId: id as never, event: event as never });

describe('no stream feels what happens to another', () => {
  test('A thrown error in one stream touches no other stream', async () => {
    const { stage, daemon, id } = await twentyStreams();
    tell(daemon, id, { type: 'file.observed', stat: null, path: VICTIM, atMs: stage.clock.nowMs() });
    expect(daemon.supervisor.getSnapshot().context.brokenStreams).toBe(1);
    const told = stage.log.filter(({ level, fields }) => level === 'error' && fields['streamId'] === id);
    expect(told, 'it is told once, loudly').toHaveLength(1);
    expect(daemon.viewOf(VICTIM)?.failure, 'and shown').toMatchObject({ code: 'bug' });
    expect(stage.world.streams.get(id as never), 'nobody talks to it any more').toBeUndefined();
    await expectAllDelivered(
      stage,
      daemon,
      NAMES.filter((path) => path !== VICTIM),
    );
    // And the one that broke is taken up again from its record, when its file is seen.
    stage.files.append(VICTIM, 'late');
    await expectAllDelivered(stage, daemon);
  });

  test('A message to one just gone touches no other stream', async () => {
    const { stage, daemon, id } = await twentyStreams();
    tell(daemon, id, { type: 'file.observed', stat: null, path: VICTIM, atMs: stage.clock.nowMs() });
    for (const type of ['operator.finalize', 'operator.abort', 'operator.retry', 'stream.due'])
      tell(daemon, id, { type, atMs: stage.clock.nowMs() });
    tell(daemon, 'f'.repeat(32), { type: 'operator.abort', atMs: stage.clock.nowMs() });
    expect(daemon.supervisor.getSnapshot().context.brokenStreams).toBe(1);
    stage.files.append(VICTIM, 'late');
    await expectAllDelivered(stage, daemon);
    for (const { id: done } of [...stage.views.values()]) tell(daemon, done, { type: 'operator.retry', atMs: 0 });
    expect(daemon.supervisor.getSnapshot().status).toBe('active');
  });

  test('A double admission touches no other stream', async () => {
    const { stage, daemon } = await twentyStreams();
    for (let time = 0; time < 3; time += 1) {
      for (const path of NAMES) {
        const file = await stage.fileRef(path);
        const stat = await stage.world.files.stat(file);
        if (!stat.ok) throw new Error(stat.failure.detail);
        daemon.supervisor.send({ type: 'file.seen', file, stat: stat.value, atMs: stage.clock.nowMs() });
      }
    }
    await expectAllDelivered(stage, daemon);
    expect(stage.s3.objects.get('takes')?.size).toBe(2 * NAMES.length);
    expect(daemon.supervisor.getSnapshot().context.brokenStreams).toBe(0);
  });
});
