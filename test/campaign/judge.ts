// The end: everything was let go, the daemon ran until nothing was owed. Every file has its object byte for byte, with a receipt; nothing
// is open but what a stream names; Redis shows what is.

import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setOf } from '../../src/machines/stream-status.ts';
import type { StreamView } from '../../src/ports/stream-view.ts';
import { pause } from '../system/harness/waiting.ts';
import type { SeenObject, SeenUpload } from './bucket-sight.ts';
import { sha256Of } from './diary.ts';
import type { Lane } from './lane.ts';

/** Far more than anything owed takes, patience between tries included, on a machine with much other work. */
const SETTLE_MS = 600_000;
const REDIS_MS = 15_000;
/** What a living daemon did is in Redis by then. */
const HEARD_BY_REDIS_MS = 5_000;
const LOOK_EVERY_MS = 250;
const FINAL: readonly string[] = ['completed', 'aborted_no_parts', 'aborted_by_operator'];

export interface Verdict {
  readonly files: number;
  readonly objects: number;
  readonly objectBytes: number;
  readonly receipts: number;
  /** Uploads that streams name as left: what was cut off of a file is kept for a person. */
  readonly leftUploads: number;
  /** Without a part, and opened so shortly before STATE_DIR was lost that Redis may not know: only `gc` lists them. */
  readonly forgottenUploads: number;
  /** Streams whose file its writer removed or replaced before it was carried. */
  readonly lostSources: number;
}

const isOver = ({ status }: StreamView): boolean => FINAL.includes(status) || status.startsWith('failed');

/** Resolves to the streams when all of them are over and each file is one; the last ones seen when the time is up. */
export async function settled(lane: Lane): Promise<readonly StreamView[]> {
  const endMs = Date.now() + SETTLE_MS;
  let streams: readonly StreamView[] = [];
  for (;;) {
    const told = await lane.victim.streams();
    streams = told ?? [];
    const open = streams.filter((stream) => !isOver(stream));
    const missing = filesIn(lane).filter((path) => !streams.some((stream) => isOfFile(stream, path)));
    // Whoever does not answer has not settled: where sources are moved away, no file is missing either.
    if (told !== null && open.length === 0 && missing.length === 0) return streams;
    if (Date.now() > endMs) {
      if (told === null) lane.blame('the daemon does not tell of its streams');
      for (const { path, state, failure } of open)
        lane.blame(`${path} is still ${state} after ${SETTLE_MS / 1000} s (${failure?.code ?? 'no failure'})`);
      for (const path of missing) lane.blame(`${path} as it is now has no stream that is over`);
      return streams;
    }
    await pause(LOOK_EVERY_MS);
  }
}

const filesIn = ({ recordings }: Lane): readonly string[] =>
  readdirSync(recordings)
    .filter((name) => !name.endsWith('.tmp'))
    .map((name) => join(recordings, name));

/** The stream is over for the file as it is now. */
function isOfFile(stream: StreamView, path: string): boolean {
  const now = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (!now || stream.path !== path) return false;
  if (now.size === 0n) return stream.status === 'aborted_no_parts' || stream.status === 'completed';
  if (stream.status !== 'completed') return stream.status.startsWith('failed');
  const { freeze } = stream.completion ?? {};
  return freeze?.mtimeNs === String(now.mtimeNs) && freeze.sizeBytes === Number(now.size);
}

export async function judge(lane: Lane, streams: readonly StreamView[]): Promise<Verdict> {
  const { bucket, diary, blame } = lane;
  const objects = new Map<string, SeenObject>();
  for (const key of await bucket.objectKeys()) {
    const object = await bucket.object(key);
    if (object) objects.set(key, object);
    if (object && !diary.wasEver(object.sha256))
      blame(`the object ${key} (${object.sizeBytes} bytes) is something that no file ever was`);
  }
  for (const path of filesIn(lane)) await judgeFile(lane, path, streams, objects);
  if (lane.flavour === 'move' || lane.flavour === 'delete') await judgeDisposed(lane, objects);
  let receipts = 0;
  for (const stream of streams)
    if (stream.status === 'completed' && (await hasReceipt(lane, stream, objects))) receipts += 1;
  const left = new Set<string>(streams.flatMap((stream) => stream.leftUploads.map(({ uploadId }) => uploadId)));
  for (const { status, uploadId } of streams) if (status.startsWith('failed') && uploadId) left.add(uploadId);
  let forgotten = 0;
  for (const upload of await bucket.openUploads()) {
    if (left.has(upload.uploadId)) continue;
    if (await wasForgotten(lane, upload)) forgotten += 1;
    else blame(`the upload ${upload.uploadId} of ${upload.key} is open, and no stream names it`);
  }
  await judgeRedis(lane, streams);
  return {
    files: diary.finals().size,
    objects: objects.size,
    objectBytes: [...objects.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    receipts,
    leftUploads: left.size,
    forgottenUploads: forgotten,
    lostSources: streams.filter(({ status }) => status === 'failed_source').length,
  };
}

const wasForgotten = async ({ bucket, stateLostAtMs }: Lane, upload: SeenUpload): Promise<boolean> =>
  stateLostAtMs.some((atMs) => atMs > upload.openedAtMs && atMs < upload.openedAtMs + HEARD_BY_REDIS_MS) &&
  (await bucket.parts(upload)) === 0;

async function judgeFile(
  { blame, flavour }: Lane,
  path: string,
  streams: readonly StreamView[],
  objects: ReadonlyMap<string, SeenObject>,
): Promise<void> {
  const name = basename(path);
  if (statSync(path).size === 0) return;
  if (flavour === 'move' || flavour === 'delete') blame(`${name} is still there, AFTER_COMPLETE=${flavour}`);
  // One that was replaced has the same path, and failed.
  const able = streams.filter((each) => isOfFile(each, path));
  const stream = able.find(({ status }) => status === 'completed') ?? able[0];
  if (stream?.status !== 'completed') {
    const failure = streams.find((each) => each.path === path)?.failure;
    blame(`${name} is there and has no object: ${stream?.status ?? 'no stream'} ${failure?.detail ?? ''}`);
    return;
  }
  const object = objects.get(stream.completion?.target.key ?? '');
  if (!object) blame(`${name} is completed and has no object`);
  else if (object.sha256 !== (await sha256Of(path)))
    blame(`the object of ${name} (${object.sizeBytes} bytes) is not the file (${statSync(path).size} bytes)`);
}

/** What was moved or removed is, byte for byte, an object. */
async function judgeDisposed(lane: Lane, objects: ReadonlyMap<string, SeenObject>): Promise<void> {
  const stored = new Set([...objects.values()].map(({ sha256 }) => sha256));
  for (const [path, { sha256, sizeBytes }] of lane.diary.finals()) {
    const name = basename(path);
    if (sizeBytes === 0) continue;
    if (!stored.has(sha256)) lane.blame(`${name} (${sizeBytes} bytes) is gone and has no object`);
    if (lane.flavour !== 'move') continue;
    const moved = join(lane.moved, name);
    if (!existsSync(moved)) lane.blame(`${name} is not where it was to be moved`);
    else if ((await sha256Of(moved)) !== sha256) lane.blame(`${name} was moved and is not what it was`);
  }
}

async function hasReceipt(
  { bucket, blame }: Lane,
  { path, id, generation, completion }: StreamView,
  objects: ReadonlyMap<string, SeenObject>,
): Promise<boolean> {
  const key = completion?.target.key ?? '';
  const object = objects.get(key);
  // Its key went over to a file that took its place, with that one's receipt.
  if (object && object.metadata['tailrace-stream'] !== id) return false;
  const receipt = (await bucket.json(`${key}.metadata.json`)) ?? (await bucket.json(`${key}~receipt.json`));
  if (!receipt) blame(`${path} is completed and has no receipt`);
  else if (receipt['stream_id'] !== id || receipt['generation'] !== generation || receipt['size'] !== object?.sizeBytes)
    blame(
      `the receipt of ${path} tells of something else: generation ${receipt['generation']}, size ${receipt['size']}`,
    );
  else return true;
  return false;
}

/** Redis is written behind the journal: soon, not at once. */
async function judgeRedis({ redisClient, blame }: Lane, streams: readonly StreamView[]): Promise<void> {
  if (!redisClient) return;
  const endMs = Date.now() + REDIS_MS;
  const wrong = async (): Promise<string[]> => {
    const shown = await Promise.all(
      streams.map(async ({ id, path, status }) => {
        const [isThere, there] = await Promise.all([
          redisClient.sismember(setOf(status), id),
          redisClient.hget(`stream:${id}:meta`, 'status'),
        ]);
        return isThere === 1 && there === status ? null : `Redis shows ${path} as ${there}, but it is ${status}`;
      }),
    );
    return shown.filter((each) => each !== null);
  };
  let found = await wrong();
  while (found.length > 0 && Date.now() < endMs) {
    await pause(LOOK_EVERY_MS);
    found = await wrong();
  }
  for (const sentence of found) blame(sentence);
}
