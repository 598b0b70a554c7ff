// What recovery tests look at: how often each part was taken by S3, what Redis shows of a stream, whose words are in the log.

import { rm } from 'node:fs/promises';
import { Redis } from 'ioredis';
import type { LoggedRequest } from '../../../src/dev-s3/request-log.ts';
import { STATUS_SETS } from '../../../src/machines/stream-status.ts';
import type { OwnerTest } from '../harness/owned-processes.ts';
import type { Scene } from '../harness/scene.ts';
import { DEADLINE_MS, until } from '../harness/waiting.ts';

/** Faults after which S3 has what was sent, though nobody heard of it. */
const EXECUTED: readonly (string | null)[] = ['slow', 'dropReply'];

export const wasExecuted = ({ status, fault }: LoggedRequest): boolean =>
  status === 200 || (status === null && EXECUTED.includes(fault));

export const isReceipt = (key: string): boolean => key.endsWith('.metadata.json') || key.endsWith('~receipt.json');

export const requestsFor = async (
  scene: Scene,
  operation: LoggedRequest['operation'],
): Promise<readonly LoggedRequest[]> => (await scene.s3.requests()).filter((each) => each.operation === operation);

/** Part number -> how often S3 took it, of the object at `key`. */
export async function timesTaken(scene: Scene, key: string): Promise<Readonly<Record<number, number>>> {
  const times: Record<number, number> = {};
  for (const request of await requestsFor(scene, 'UploadPart')) {
    const { partNumber } = request;
    if (request.key === key && partNumber !== null && wasExecuted(request)) {
      times[partNumber] = (times[partNumber] ?? 0) + 1;
    }
  }
  return times;
}

/** How many Completes reached S3, executed or not. */
export const completesSent = async (scene: Scene, key: string): Promise<number> =>
  (await requestsFor(scene, 'CompleteMultipartUpload')).filter((each) => each.key === key).length;

/** Every part exactly once. */
export const onceEach = (parts: number): Readonly<Record<number, number>> =>
  Object.fromEntries(Array.from({ length: parts }, (_, at) => [at + 1, 1]));

export interface SeenInRedis {
  readonly sets: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly parts: readonly number[];
  /** State of the stored record; null: none is stored. */
  readonly state: string | null;
}

export class RedisSight {
  readonly redis: Redis;

  constructor(test: OwnerTest, scene: Scene) {
    this.redis = new Redis(scene.redis?.url ?? '', { maxRetriesPerRequest: 1 });
    this.redis.on('error', () => {});
    test.onTestFinished(() => this.redis.disconnect());
  }

  /** All of it at one moment. */
  async of(id: string): Promise<SeenInRedis> {
    const asked = this.redis.multi();
    for (const name of STATUS_SETS) asked.sismember(name, id);
    asked.get(`stream:${id}:snapshot`).hkeys(`stream:${id}:parts`).hgetall(`stream:${id}:meta`);
    const answers = ((await asked.exec()) ?? []).map(([error, answer]) => {
      if (error) throw error;
      return answer;
    });
    const [snapshot, parts, meta] = answers.slice(STATUS_SETS.length) as [string | null, string[], SeenInRedis['meta']];
    return {
      sets: STATUS_SETS.filter((_, at) => answers[at] === 1),
      meta,
      parts: parts.map(Number).sort((a, b) => a - b),
      state: snapshot === null ? null : (JSON.parse(snapshot) as { record: { state: string } }).record.state,
    };
  }

  async waitFor(what: string, id: string, wanted: (seen: SeenInRedis) => boolean): Promise<SeenInRedis> {
    let seen: SeenInRedis | null = null;
    return await until(
      `Redis shows ${what}`,
      async () => {
        seen = await this.of(id);
        return wanted(seen) ? seen : null;
      },
      DEADLINE_MS,
      () => `Seen last: ${JSON.stringify(seen)}`,
    );
  }
}

/** A disk that was lost: everything that the daemon had in STATE_DIR. It must not run. */
export async function loseStateDir(scene: Scene): Promise<void> {
  await rm(scene.daemon.stateDir, { recursive: true });
}
