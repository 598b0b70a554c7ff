// publishReceipt: `<key>.metadata.json` beside the object: what was sent, how it was verified. Owed by `s3_completed.publishing`.
//
// Safe to run twice: the key is fixed and its content follows from the record. A receipt key that is taken by something else
// is left alone; then the receipt goes to `<key>~receipt.json`. Of an object that was found again after its record was lost the
// receipt that is there tells more than a new one could; only if there is none, the parts are computed from the file.
//
// What kind of media it is comes from the file itself, as long as that is still the one that was proven; it never fails a receipt.

import { failureOf } from '../../machines/failure.ts';
import { sameContentStat } from '../../machines/file-identity.ts';
import type { LedgerRow } from '../../machines/part-ledger.ts';
import type { PublishReceiptInput } from '../../machines/stream.effects.ts';
import type { CompleteCondition, ObjectTarget } from '../../machines/stream-record.ts';
import type { Outcome } from '../../ports/outcome.ts';
import type { Probed } from '../../ports/prober.ts';
import { digestOfParts } from '../content-digest.ts';
import { effect, type Run } from '../effect.ts';
import type { World } from '../world.ts';
import { failed } from './failing.ts';
import { isReceiptOf, receiptKeysOf, receiptMetadata } from './object-metadata.ts';
import { rowsFromFile } from './rows-from-file.ts';

const RECEIPT_VERSION = 1;

export const publishReceipt = effect<PublishReceiptInput>(
  { name: 'publishReceipt', waitsForJournal: false },
  async (input, run, world) => {
    const place = await placeOf(input, run, world);
    if (!place.ok) return failed(place.failure, run.now());
    if (!input.upload && place.value.condition.kind === 'ours') return { type: 'receipt.published', atMs: run.now() };
    const rows = await rowsOf(input, run, world);
    if (!rows.ok) return failed(rows.failure, run.now());
    const probed = await probedIn(input, run, world);
    const body = new TextEncoder().encode(`${JSON.stringify(receiptOf(input, rows.value, probed), null, 2)}\n`);
    const put = await world.store.putObject(
      { ...place.value, body, contentType: 'application/json', metadata: receiptMetadata(input.streamId) },
      { signal: run.signal },
    );
    return put.ok ? { type: 'receipt.published', atMs: run.now() } : failed(put.failure, run.now());
  },
);

async function rowsOf(input: PublishReceiptInput, run: Run, world: World): Promise<Outcome<readonly LedgerRow[]>> {
  const { completion, file, streamId, upload } = input;
  if (upload) {
    const rows = await world.writeAhead.rows(streamId, upload.uploadId);
    return rows.ok ? { ok: true, value: [...rows.value.values()] } : rows;
  }
  const { plan, sizeBytes, completedAtMs: uploadedAtMs } = completion;
  const rows = await rowsFromFile({ file, plan, sizeBytes, uploadedAtMs }, run, world);
  const isStillIt =
    rows.ok &&
    completion.digest ===
      digestOfParts(
        world.hasher,
        rows.value.map((row) => row.xxh64),
      );
  // A receipt without its parts is better than none.
  return isStillIt ? rows : { ok: true, value: [] };
}

async function placeOf(
  input: PublishReceiptInput,
  run: Run,
  world: World,
): Promise<Outcome<{ target: ObjectTarget; condition: CompleteCondition }>> {
  const { bucket, key } = input.completion.target;
  for (const name of receiptKeysOf(key)) {
    const target = { bucket, key: name };
    const reserved = await world.journal.reserveKey(target, input.streamId);
    if (!reserved.ok) return reserved;
    if (!reserved.value.granted) continue;
    const head = await world.store.headObject(target, { signal: run.signal });
    if (!head.ok) return head;
    if (head.value === null) return { ok: true, value: { target, condition: { kind: 'absent' } } };
    if (isReceiptOf(head.value, input.streamId))
      return { ok: true, value: { target, condition: { kind: 'ours', etag: head.value.etag } } };
  }
  return { ok: false, failure: failureOf('foreign_object', `both receipt keys of ${key} are taken`) };
}

const CHANGED: Probed = { media: null, reason: 'the file changed after the object was proven' };

async function probedIn({ file, completion }: PublishReceiptInput, run: Run, world: World): Promise<Probed> {
  const isProvenOne = async () => {
    const stat = await world.files.stat(file);
    // What cannot be looked at (deleted meanwhile) cannot be probed either: the prober says why.
    return !stat.ok || sameContentStat(stat.value, completion.freeze);
  };
  if (!(await isProvenOne())) return CHANGED;
  const giveBack = await world.probes.take(1, run.signal);
  if (!giveBack) return { media: null, reason: 'stopped' };
  try {
    const probed = await world.prober.probe(file, run.signal);
    return (await isProvenOne()) ? probed : CHANGED;
  } finally {
    giveBack();
  }
}

const HOW_VERIFIED: Record<PublishReceiptInput['verified'], string> = {
  full: 'every range re-read and compared by CRC32 and XXH64',
  'append-only':
    'head and last parts re-read and compared by CRC32 and XXH64; the rest on the word of VERIFY_SOURCE=append-only',
};

const iso = (epochMs: number): string => new Date(epochMs).toISOString();
const isoNs = (ns: string): string => iso(Number(BigInt(ns) / 1_000_000n));

function receiptOf(input: PublishReceiptInput, rows: readonly LedgerRow[], probed: Probed): unknown {
  const { completion, file } = input;
  return {
    receipt_version: RECEIPT_VERSION,
    stream_id: input.streamId,
    generation: completion.generation,
    source: {
      path: file.path,
      size: completion.sizeBytes,
      modified_at_utc: isoNs(completion.freeze.mtimeNs),
      changed_at_utc: isoNs(completion.freeze.ctimeNs),
      seen_first_at_utc: iso(input.startedAtMs),
    },
    bucket: completion.target.bucket,
    key: completion.target.key,
    size: completion.sizeBytes,
    etag: completion.etag,
    crc32: completion.crc32,
    parts: rows.map((row) => ({
      number: row.partNumber,
      offset: row.offset,
      size: row.sizeBytes,
      etag: row.etag,
      crc32: row.crc32,
      xxh64: row.xxh64,
      uploaded_at_utc: iso(row.uploadedAtMs),
    })),
    verified: { source: HOW_VERIFIED[input.verified], object: completion.provenBy },
    finalized_because: input.finalizeReason,
    completed_at_utc: iso(completion.completedAtMs),
    media: probed.media,
    ...(probed.media === null && { media_reason: probed.reason }),
  };
}
