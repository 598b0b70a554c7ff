// Finds out what this server can do, because no server says so: by one small upload below a key of our own.
//
// Order: credentials and bucket first (a listing, whose refusals are named), then the checksum (a part with a wrong one
// must be refused), then what Complete understands. Completing on top of our own probe object tells whether conditions are
// honoured: Ceph and Swift ignore them silently. What was given by the user is not asked. Leaves nothing behind: the
// upload is aborted and the object deleted however the probe ends; on a versioned bucket its versions remain, and where
// deleting is not allowed one object of a few bytes remains (told as a warning).
//
// Killed in between: an object or upload named `.tailrace-probe/...`, recognisable as ours; a later probe ends the upload.

import { randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type Failure, failureOf } from '../machines/failure.ts';
import { partNumber, type UploadId } from '../machines/ids.ts';
import type { CompleteCondition, ObjectTarget } from '../machines/stream-record.ts';
import type { CallOptions, ListedUpload, ObjectStore, StoreCapabilities } from '../ports/object-store.ts';
import type { Outcome } from '../ports/outcome.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { S3Session } from './s3-call.ts';
import { listParts, listUploads } from './s3-lists.ts';
import { deleteObject, putObject } from './s3-objects.ts';
import { uploadPart } from './s3-parts.ts';
import { abortUpload, completeUpload, createUpload } from './s3-uploads.ts';

interface ProbeOptions {
  readonly capabilities?: Partial<StoreCapabilities> | undefined;
  readonly probePrefix?: string | undefined;
  readonly telemetry?: Telemetry | undefined;
}

/** What AWS can do; assumed until the probe knows better. */
export const AWS_CAPABILITIES: StoreCapabilities = {
  checksum: 'crc32',
  checksumsInComplete: true,
  conditionalComplete: true,
  requiresEqualParts: false,
  maxUploadAgeMs: null,
};

const PROBE_FOLDER = '.tailrace-probe/';
const PROBE_BYTES = Buffer.from('tailrace asks what this server can do\n');
const hexOf = (n: number): string => (n >>> 0).toString(16).padStart(8, '0');
const PROBE_CRC32 = hexOf(crc32(PROBE_BYTES));
const WRONG_CRC32 = hexOf(crc32(PROBE_BYTES) ^ 1);
/** No object has it. */
const WRONG_ETAG = '0'.repeat(32);

export const probe =
  (session: S3Session, { capabilities: given = {}, probePrefix = '', telemetry }: ProbeOptions): ObjectStore['probe'] =>
  async (bucket, options) => {
    const prefix = `${probePrefix}${PROBE_FOLDER}`;
    const reached = await listUploads(session)({ bucket, prefix }, options);
    if (!reached.ok) return reached;
    await endLeftovers(session, bucket, reached.value);
    // Tried out on a copy: real work may run beside a later probe.
    const best: S3Session = {
      ...session,
      capabilities: { ...AWS_CAPABILITIES, ...given },
      checksumType: 'FULL_OBJECT',
      conditionalPut: given.conditionalComplete ?? true,
    };
    const trial = new Trial(best, { bucket, key: `${prefix}${randomUUID()}` }, given, options);
    const failure = await trial.run();
    const left = await trial.cleanUp();
    if (left) telemetry?.warn('the probe left something behind', { key: trial.target.key, reason: left.detail });
    if (failure) return { ok: false, failure };
    session.capabilities = trial.session.capabilities;
    session.checksumType = trial.session.checksumType;
    session.conditionalPut = trial.session.conditionalPut;
    return { ok: true, value: session.capabilities };
  };

/** A probe that was killed leaves its upload behind; one under way takes seconds at most. */
const LEFTOVER_AGE_MS = 60_000;
/** Crash loops must not make the next start slow. */
const MAX_LEFTOVERS_ENDED = 100;

async function endLeftovers(session: S3Session, bucket: string, found: readonly ListedUpload[]): Promise<void> {
  const old = found.filter(({ initiatedAtMs }) => Date.now() - initiatedAtMs > LEFTOVER_AGE_MS);
  for (const { key, uploadId } of old.slice(0, MAX_LEFTOVERS_ENDED)) {
    // One that cannot be ended is met again by the next probe.
    await abortUpload(session)({ target: { bucket, key }, uploadId });
  }
}

/** One probe under way. Its steps answer null, or the failure that ends it. */
class Trial {
  readonly session: S3Session;
  readonly target: ObjectTarget;
  readonly #given: Partial<StoreCapabilities>;
  readonly #options: CallOptions | undefined;
  #uploadId: UploadId | null = null;
  #etag = '';
  #mayHaveObject = false;

  constructor(
    session: S3Session,
    target: ObjectTarget,
    given: Partial<StoreCapabilities>,
    options: CallOptions | undefined,
  ) {
    this.session = session;
    this.target = target;
    this.#given = given;
    this.#options = options;
  }

  async run(): Promise<Failure | null> {
    return (
      (await this.#open()) ??
      (await this.#learnChecksum()) ??
      (await this.#sendPart()) ??
      (await this.#findPart()) ??
      (await this.#learnComplete())
    );
  }

  /** What could not be removed. Not stopped by the caller's signal. */
  async cleanUp(): Promise<Failure | null> {
    const aborted = await this.#abort();
    if (!this.#mayHaveObject) return aborted;
    const deleted = await deleteObject(this.session)(this.target);
    return deleted.ok ? aborted : deleted.failure;
  }

  #can(found: Partial<StoreCapabilities>): void {
    this.session.capabilities = { ...this.session.capabilities, ...found };
  }

  /** Opens the upload with as much of checksums as the server takes. */
  async #open(): Promise<Failure | null> {
    for (;;) {
      const opened = await createUpload(this.session)({ target: this.target, metadata: {} }, this.#options);
      if (opened.ok) {
        const { uploadId, expiresAtMs } = opened.value;
        this.#uploadId = uploadId;
        const foundAgeMs = expiresAtMs === null ? null : Math.max(0, expiresAtMs - Date.now());
        this.#can({ maxUploadAgeMs: this.#given.maxUploadAgeMs ?? foundAgeMs });
        return null;
      }
      if (opened.failure.code !== 's3_request_refused' || !this.#askLess()) return opened.failure;
    }
  }

  /** False when there is nothing less to ask for. */
  #askLess(): boolean {
    const { session } = this;
    if (session.capabilities.checksum === 'md5') return false;
    if (session.checksumType === 'FULL_OBJECT') session.checksumType = 'server default';
    else if (this.#given.checksum === undefined) this.#can({ checksum: 'md5' });
    else return false;
    return true;
  }

  /** A server that takes a part with a wrong checksum does not look at it. */
  async #learnChecksum(): Promise<Failure | null> {
    if (this.#given.checksum !== undefined || this.session.capabilities.checksum === 'md5') return null;
    const sent = await this.#upload(WRONG_CRC32);
    if (!sent.ok && sent.failure.code === 'part_digest_mismatch') return null;
    if (!sent.ok && sent.failure.code !== 's3_request_refused') return sent.failure;
    this.#can({ checksum: 'md5' });
    // The upload was opened for checksums that will not come.
    return (await this.#abort()) ?? (await this.#open());
  }

  async #sendPart(): Promise<Failure | null> {
    const sent = await this.#upload(PROBE_CRC32);
    if (!sent.ok) return sent.failure;
    this.#etag = sent.value.etag;
    return null;
  }

  async #findPart(): Promise<Failure | null> {
    if (!this.#uploadId) return null;
    const request = { target: this.target, uploadId: this.#uploadId };
    const listed = await listParts(this.session)(request, this.#options);
    if (!listed.ok) return listed.failure;
    if (listed.value.parts.some(({ etag }) => etag === this.#etag)) return null;
    return failureOf('s3_malformed_reply', 'ListParts: the part that was just sent is not listed');
  }

  async #learnComplete(): Promise<Failure | null> {
    const { checksum } = this.session.capabilities;
    const sums = checksum === 'md5' ? [false] : choices(this.#given.checksumsInComplete);
    const conditions = choices(this.#given.conditionalComplete);
    if (sums.length === 1 && conditions.length === 1) {
      this.#can({ checksumsInComplete: sums[0] === true, conditionalComplete: conditions[0] === true });
      return null;
    }
    const unput = await this.#learnPut();
    if (unput) return unput;
    let refused: Failure | null = null;
    for (const checksumsInComplete of sums) {
      for (const conditionalComplete of conditions) {
        this.#can({ checksumsInComplete, conditionalComplete });
        refused = await this.#tryComplete();
        if (refused?.code !== 's3_request_refused') return refused;
      }
    }
    return refused;
  }

  /** Leaves an object at the key, so that the conditions of Complete have something to fail on. */
  async #learnPut(): Promise<Failure | null> {
    this.#mayHaveObject = true;
    const plain = await this.#put({ kind: 'any' });
    if (!plain.ok) return plain.failure;
    const conditional = await this.#put({ kind: 'absent' });
    this.session.conditionalPut = conditional.ok || conditional.failure.code === 'precondition_failed';
    const isAnswer = conditional.ok || ['precondition_failed', 's3_request_refused'].includes(conditional.failure.code);
    return isAnswer ? null : conditional.failure;
  }

  #put(condition: CompleteCondition): Promise<Outcome<unknown>> {
    const request = { target: this.target, body: PROBE_BYTES, contentType: 'text/plain', metadata: {}, condition };
    return putObject(this.session)(request, this.#options);
  }

  /** Null once it is certain that Complete is understood with the capabilities as they now stand. */
  async #tryComplete(): Promise<Failure | null> {
    const conditionIsOpen = this.#given.conditionalComplete === undefined;
    if (conditionIsOpen && this.session.capabilities.conditionalComplete) {
      for (const condition of [{ kind: 'absent' }, { kind: 'ours', etag: WRONG_ETAG }] as const) {
        const completed = await this.#complete(condition);
        if (completed.ok) {
          // It overwrote what the condition should have protected.
          this.#can({ conditionalComplete: false });
          return null;
        }
        if (completed.failure.code !== 'precondition_failed') return completed.failure;
      }
    }
    const completed = await this.#complete({ kind: 'any' });
    return completed.ok ? null : completed.failure;
  }

  async #complete(condition: CompleteCondition): Promise<Outcome<unknown>> {
    const uploadId = this.#uploadId;
    if (!uploadId) return { ok: false, failure: failureOf('bug', 'the probe has no upload') };
    const parts = [{ partNumber: partNumber(1), etag: this.#etag, crc32: PROBE_CRC32 }];
    const request = { target: this.target, uploadId, parts, condition, sizeBytes: PROBE_BYTES.length };
    const completed = await completeUpload(this.session)(request, this.#options);
    if (completed.ok) this.#uploadId = null;
    return completed;
  }

  #upload(crc32Hex: string): Promise<Outcome<{ readonly etag: string }>> {
    const uploadId = this.#uploadId;
    if (!uploadId) return Promise.resolve({ ok: false, failure: failureOf('bug', 'the probe has no upload') });
    const body = { kind: 'bytes', bytes: PROBE_BYTES } as const;
    const request = { target: this.target, uploadId, partNumber: partNumber(1), body, crc32: crc32Hex };
    return uploadPart(this.session)(request, this.#options);
  }

  async #abort(): Promise<Failure | null> {
    const uploadId = this.#uploadId;
    if (!uploadId) return null;
    this.#uploadId = null;
    const aborted = await abortUpload(this.session)({ target: this.target, uploadId });
    return aborted.ok || aborted.failure.code === 'upload_not_found' ? null : aborted.failure;
  }
}

/** What to try, the best first. */
const choices = (given: boolean | undefined): readonly boolean[] => (given === undefined ? [true, false] : [given]);
