// Six writers that do anything to their files at any moment, while the daemon is killed and drained and S3 fails: in the end every
// file is its object, and no upload is open but those that were left on purpose. Moves are drawn from a seed; when they meet the
// daemon's own is chance, so a failure prints what was done when.

import { rename, stat, writeFile } from 'node:fs/promises';
import { describe, expect, type TestContext, test } from 'vitest';
import type { FaultRule } from '../../../src/dev-s3/faults.ts';
import type { StreamView } from '../../../src/ports/stream-view.ts';
import { content } from '../../fixtures/writers/content.ts';
import { Recording } from '../../fixtures/writers/recording.ts';
import { callWitness, expectObject, fileOf } from '../harness/proof.ts';
import { CHUNK_BYTES, openScene, type Scene } from '../harness/scene.ts';
import { pause } from '../harness/waiting.ts';

const WRITERS = 6;
const VISITS = 6;

type Draw = (below: number) => number;

/** Whole numbers from 0 to below the given one: a 32-bit xorshift. */
function draws(seed: number): Draw {
  let state = Math.imul(seed, 0x9e3779b1) | 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return Math.floor(((state >>> 0) / 2 ** 32) * below);
  };
}

interface Play {
  readonly context: TestContext;
  readonly scene: Scene;
  note(what: string): void;
}

/** Resolves to the file's last path. */
async function write({ context, scene, note }: Play, name: string, draw: Draw): Promise<string> {
  let path = scene.path(`${name}.bin`);
  await writeFile(path, content(draw(3 * CHUNK_BYTES), draw(1_000)));
  for (let visit = 0; visit < VISITS; visit += 1) {
    await pause(draw(4) === 0 ? 4_000 + draw(5_000) : draw(1_500));
    const writer = await Recording.start(context, path, { flags: 'r+', seed: visit + 1 });
    let moves = 1 + draw(3);
    for (; moves > 0; moves -= 1) {
      const { size } = await stat(path);
      const move = draw(10);
      note(`${name}: move ${move} at ${size} bytes`);
      if (move < 4) await writer.append(draw(CHUNK_BYTES));
      else if (move < 6) await writer.overwrite(draw(Math.max(1, size)), content(1 + draw(10_000), visit));
      else if (move < 8) await writer.overwriteSecretly(draw(Math.max(1, size)), content(1 + draw(10_000), visit));
      else if (move === 8) await writer.truncate(draw(size + 1));
      else {
        const moved = scene.path(`${name}-${visit}.bin`);
        await rename(path, moved);
        path = moved;
        break;
      }
      await pause(draw(800));
    }
    await writer.close();
  }
  return path;
}

const FAULTS = ['status503', 'dropReply', 'resetMidBody', 'dropRequest', 'slow'] as const;
const OPERATIONS = [
  'UploadPart',
  'CreateMultipartUpload',
  'CompleteMultipartUpload',
  'HeadObject',
  'PutObject',
  '*',
] as const;

async function disturb({ scene, note }: Play, draw: Draw, life: { goesOn: boolean }): Promise<void> {
  const { daemon, s3 } = scene;
  while (life.goesOn) {
    await pause(2_000 + draw(6_000));
    const what = draw(10);
    if (what < 5) {
      note('kill -9');
      await daemon.restart({ until: 'listening' });
    } else if (what < 7) {
      note('drain');
      expect(await daemon.drain()).toBe(0);
      await daemon.start({ until: 'listening' });
    } else {
      const rule: FaultRule = {
        operation: OPERATIONS[draw(OPERATIONS.length)] ?? '*',
        fault: FAULTS[draw(FAULTS.length)] ?? 'slow',
        times: 1 + draw(3),
        delayMs: 300,
      };
      note(JSON.stringify(rule));
      await s3.addFaults(rule);
    }
  }
}

const isSettled = (stream: StreamView, ctimeNs: string): boolean =>
  (stream.sizeBytes === 0 && stream.status === 'aborted_no_parts') ||
  (stream.status === 'completed' && stream.completion?.freeze.ctimeNs === ctimeNs);

describe.concurrent('whatever writers do, and whatever befalls the daemon', { timeout: 240_000 }, () => {
  for (const { seed, redis } of [
    { seed: 3, redis: false },
    { seed: 6, redis: true },
  ])
    test(`every file is its object in the end (seed ${seed}, ${redis ? 'with' : 'without'} Redis)`, async (context) => {
      const done: string[] = [];
      context.onTestFailed(() => {
        process.stderr.write(`--- what was done ---\n${done.join('\n')}\n---\n`);
      });
      const scene = await openScene(context, { redis });
      const witness = callWitness(context, scene);
      const play: Play = { context, scene, note: (what) => done.push(`${new Date().toISOString()} ${what}`) };
      const life = { goesOn: true };
      const disturbing = disturb(play, draws(seed), life);
      const paths = await Promise.all(
        Array.from({ length: WRITERS }, (_, n) => write(play, `f${n}`, draws(100 * seed + n))),
      ).finally(() => {
        life.goesOn = false;
        return disturbing;
      });
      await scene.s3.clearFaults();

      const ctimes = new Map<string, string>();
      for (const path of paths) ctimes.set(path, String((await stat(path, { bigint: true })).ctimeNs));
      const streams = await scene.daemon.waitForStreams(
        'every file is settled as it is',
        (all) =>
          paths.every((path) => all.some((each) => each.path === path && isSettled(each, ctimes.get(path) ?? ''))),
        120_000,
      );
      expect(streams).toHaveLength(WRITERS);
      for (const { path, key, sizeBytes } of streams)
        if (sizeBytes > 0) await expectObject(scene, key ?? '', await fileOf(path));
      const left = new Set<string>(streams.flatMap(({ leftUploads }) => leftUploads.map(({ uploadId }) => uploadId)));
      expect((await scene.s3.openUploads()).filter(({ uploadId }) => !left.has(uploadId))).toEqual([]);
      await witness.testify();
    });
});
