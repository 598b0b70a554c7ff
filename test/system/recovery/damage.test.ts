// Records that cannot be read: a disk that lied, a version that nobody knows. They are told and stop nothing; the stream is rebuilt
// from the file and S3.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { Recording } from '../../fixtures/writers/recording.ts';
import { expectDelivered } from '../harness/proof.ts';
import { CHUNK_BYTES, MIB, openScene, type Scene } from '../harness/scene.ts';
import { loseStateDir, onceEach, RedisSight, timesTaken } from './looking.ts';

const NAME = 'take.mkv';

const DAMAGES = [
  ['is no JSON', '{"schemaVersion":1,"streamId":'],
  ['is of a version that nobody knows', '{"schemaVersion":999,"streamId":"x","state":"a","memory":{}}'],
  ['lacks what it must have', '{"schemaVersion":1,"streamId":"x","state":"active.waiting"}'],
] as const;

async function growing(context: Parameters<typeof openScene>[0], redis: boolean) {
  const scene = await openScene(context, { redis });
  const recording = await Recording.start(context, scene.path(NAME));
  await recording.append(3 * CHUNK_BYTES + MIB);
  const { id } = await scene.daemon.waitForState(NAME, ({ partsHeld }) => partsHeld === 3);
  return { scene, recording, id };
}

async function expectRebuilt(scene: Scene, recording: Recording, id: string): Promise<void> {
  await scene.daemon.start();
  await recording.append(CHUNK_BYTES);
  await scene.daemon.waitForState(NAME, ({ partsHeld }) => partsHeld === 4);
  await recording.close();
  const { stream } = await expectDelivered(scene, NAME);
  expect(stream).toMatchObject({ id, generation: 1 });
  expect(await timesTaken(scene, NAME)).toEqual(onceEach(5));
}

describe.concurrent('a stored record that cannot be read', { timeout: 120_000 }, () => {
  test.for(DAMAGES)(
    'F55 in the journal, because it %s: told, and rebuilt without a part sent twice',
    async ([_what, text], context) => {
      const { scene, recording, id } = await growing(context, false);
      await scene.daemon.kill();
      const journal = new DatabaseSync(join(scene.daemon.stateDir, 'journal.sqlite'));
      const { changes } = journal.prepare('UPDATE streams SET record = ? WHERE id = ?').run(text, id);
      journal.close();
      expect(changes).toBe(1);
      await expectRebuilt(scene, recording, id);
      expect(scene.daemon.log()).toContain('a stored record cannot be read');
    },
  );

  test('F55 in Redis, with STATE_DIR lost: rebuilt without a part sent twice, and Redis is right again', async (context) => {
    const { scene, recording, id } = await growing(context, true);
    const sight = new RedisSight(context, scene);
    await sight.waitFor('three parts', id, ({ parts }) => parts.length === 3);
    await scene.daemon.kill();
    await sight.redis.set(`stream:${id}:snapshot`, '{"schemaVersion":999}');
    await loseStateDir(scene);
    await expectRebuilt(scene, recording, id);
    const seen = await sight.waitFor('it as completed', id, ({ meta }) => meta['status'] === 'completed');
    expect(seen).toMatchObject({ sets: ['streams:completed'], parts: [] });
  });
});
