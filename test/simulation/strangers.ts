// Others in the bucket: they abort our uploads, delete our objects, and put theirs where ours should be.

import { keyVariant, objectKey } from '../../src/machines/object-key.ts';
import { BUCKET } from './daemon.ts';
import { FOLDER } from './disk.ts';
import type { SimulatedWorld } from './simulated-world.ts';

export function abortSomeUpload({ network, random, log }: SimulatedWorld): void {
  const open = [...network.server.uploads.values()];
  if (open.length === 0) return;
  const upload = random.pick(open);
  network.server.uploads.delete(upload.id);
  log.add({ kind: 'fault', what: 'upload_aborted_outside', detail: upload.id });
}

/** An object that was completed and is not proven yet: of a proven one nobody looks whether it stays. */
export function deleteUnproven({ network, carrier, log }: SimulatedWorld): void {
  const bucket = network.server.bucket(BUCKET);
  for (const { state, context } of carrier?.daemon?.world.streams.all() ?? []) {
    const key = context.memory.target?.key;
    const isUnproven = state === 'finalizing.completing' || state === 'finalizing.probing';
    if (!key || !isUnproven || bucket.get(key)?.head.metadata['tailrace-stream'] !== context.streamId) continue;
    bucket.delete(key);
    log.add({ kind: 'fault', what: 'object_deleted', detail: key });
    return;
  }
}

/** At a key that the stream of such a file wants, unless an object of ours is there. */
export function putForeign({ network, random, log, scenario }: SimulatedWorld, path: string): void {
  const wanted = objectKey(scenario.settings, FOLDER, path);
  const target = { bucket: BUCKET, key: keyVariant(wanted, random.pick([1, 1, 1, 2])) };
  const there = network.server.bucket(BUCKET).get(target.key);
  if (there && 'tailrace-stream' in there.head.metadata) return;
  const body = random.bytes(random.between(1, 100));
  network.server.put({ target, body, contentType: 'text/plain', metadata: {}, condition: { kind: 'any' } });
  log.add({ kind: 'fault', what: 'foreign_put', detail: target.key });
}
