// A tiny model of a file and of S3, and a responder that does truthfully what each state of a stream owes: it answers every
// effect from what bytes, parts and objects exist. No ports and no fakes of them: facts in, facts out.
//
// The file holds still: no writer, no growth. So whatever a stream owes, it must come to an end (P9); the model counts.

import { type Failure, failureOf } from '../../src/machines/failure.ts';
import type { FileStat } from '../../src/machines/file-identity.ts';
import { freezeOf, sameStat } from '../../src/machines/file-identity.ts';
import { uploadId } from '../../src/machines/ids.ts';
import { heldOf, NO_PARTS } from '../../src/machines/part-ledger.ts';
import { partCount, plannedRange, rangeWithin, roomyPlan } from '../../src/machines/part-plan.ts';
import type * as effects from '../../src/machines/stream.effects.ts';
import type { Evidence, StreamEvent } from '../../src/machines/stream.events.ts';
import type { Completion, ObjectTarget } from '../../src/machines/stream-record.ts';

interface Upload {
  readonly key: string;
  readonly generation: number;
  readonly parts: Map<number, UploadedPart>;
}
interface UploadedPart {
  /** It holds what the file holds. */
  readonly isClean: boolean;
  readonly endBytes: number;
}
interface StoredObject {
  readonly owner: 'ours' | 'foreign';
  readonly generation: number;
  readonly sizeBytes: number;
  readonly partNumbers: readonly number[];
}

/** After these S3 is asked at once; after others only before the first work that needs it. */
const MAY_HAVE_CHANGED_S3: readonly string[] = ['opening', 'completing', 'probing', 'proving', 'aborting']
  .map((name) => `finalizing.${name}`)
  .concat('active.opening');

const endOf = (upload: Upload): number => Math.max(0, ...[...upload.parts.values()].map((part) => part.endBytes));

export class StreamWorld {
  /** null: removed, and nobody holds it open. */
  readonly file: FileStat | null;
  readonly uploads = new Map<string, Upload>();
  readonly objects = new Map<string, StoredObject>();
  #opened = 0;

  constructor(file: FileStat | null) {
    this.file = file;
  }

  /** What `work` reports, in order; the last one is its outcome. */
  answer(work: string, input: unknown, atMs: number): readonly StreamEvent[] {
    const answers: Readonly<Record<string, (input: never, atMs: number) => readonly StreamEvent[]>> = {
      reconcile: (known: effects.ReconcileInput) => [
        { type: 'stream.reconciled', evidence: this.#evidence(known), atMs },
      ],
      openUpload: (known: effects.OpenUploadInput) => [this.#open(known, atMs)],
      uploadParts: (known: effects.UploadPartsInput) => this.#send(known, atMs),
      checkWriter: () => [
        this.file ? { type: 'writer.checked', stat: this.file, presence: 'none', atMs } : this.#gone(atMs),
      ],
      verifySource: (known: effects.VerifySourceInput) => [this.#verify(known, atMs)],
      checkParts: (known: effects.CheckPartsInput) => [this.#check(known, atMs)],
      completeUpload: (known: effects.CompleteUploadInput) => [this.#complete(known, atMs)],
      probeObject: (known: effects.ProbeObjectInput) => [
        {
          type: 'object.probed',
          object: this.#owner(known.upload.target, known.generation),
          upload: this.uploads.has(known.upload.uploadId) ? 'listed' : 'gone',
          atMs,
        },
      ],
      proveObject: (known: effects.ProveObjectInput) => [this.#prove(known, atMs)],
      abortUpload: (known: effects.AbortUploadInput) => [this.#abort(known, atMs)],
      clearUploads: (known: effects.ClearUploadsInput) => {
        for (const { uploadId: id } of known.uploads) this.uploads.delete(id);
        return [{ type: 'uploads.cleared', atMs }];
      },
      disposeSource: (known: effects.DisposeSourceInput) => [
        this.file && !sameStat(known.completion.freeze, this.file)
          ? { type: 'source.changed', stat: this.file, atMs }
          : { type: 'source.disposed', atMs },
      ],
      publishReceipt: () => [{ type: 'receipt.published', atMs }],
    };
    const answer = answers[work];
    if (!answer) throw new Error(`a state owes ${work}, which this world cannot do`);
    return answer(input as never, atMs);
  }

  #gone(atMs: number, code: Failure['code'] = 'source_gone'): StreamEvent {
    return { type: 'effect.failed', failure: failureOf(code, 'by the model'), atMs };
  }

  #owner(target: ObjectTarget, generation: number): 'ours' | 'foreign' | 'absent' {
    const object = this.objects.get(target.key);
    if (!object) return 'absent';
    return object.owner === 'ours' && object.generation === generation ? 'ours' : 'foreign';
  }

  #evidence(known: effects.ReconcileInput): Evidence {
    const { memory } = known;
    const stat = this.file;
    const none = { recalled: null, stat, parts: null, sentEndBytes: 0, object: 'unasked', content: 'unasked' } as const;
    if (memory.completion?.generation === memory.generation)
      return { ...none, upload: 'unasked', content: this.#content(memory.completion) };
    if (!memory.upload || !memory.target) return { ...none, upload: 'none' };
    const changedS3 = known.cameFrom !== null && MAY_HAVE_CHANGED_S3.includes(known.cameFrom);
    if (!known.mustAskS3 && !changedS3 && memory.completeDoubtUntilMs === null) return { ...none, upload: 'unasked' };
    if (memory.freeze && this.#owner(memory.target, memory.generation) === 'ours')
      return { ...none, upload: 'unasked', object: 'ours' };
    const upload = this.uploads.get(memory.upload.uploadId);
    return upload
      ? { ...none, upload: 'listed', parts: heldOf(upload.parts.keys()), sentEndBytes: endOf(upload) }
      : { ...none, upload: 'gone', object: 'not_ours' };
  }

  #content(completion: Completion): Evidence['content'] {
    if (!this.file || sameStat(completion.freeze, this.file)) return 'unasked';
    return 'different';
  }

  #open(known: effects.OpenUploadInput, atMs: number): StreamEvent {
    // An upload is looked for, but none is opened for bytes that cannot be read.
    if (!this.file) return this.#gone(atMs);
    for (let n = 1; ; n += 1) {
      const key = n === 1 ? 'take.mp4' : `take~${n}.mp4`;
      const there = this.objects.get(key);
      if (known.avoidKeys.includes(key)) continue;
      if (there?.owner === 'foreign' && known.settings.onExisting === 'rename') continue;
      if (there?.owner === 'foreign' && known.settings.onExisting === 'fail') return this.#gone(atMs, 'foreign_object');
      this.#opened += 1;
      const id = uploadId(`opened-${this.#opened}`);
      this.uploads.set(id, { key, generation: known.generation, parts: new Map() });
      const condition = there ? ({ kind: 'ours', etag: 'e' } as const) : ({ kind: 'absent' } as const);
      return {
        type: 'upload.opened',
        target: { bucket: known.settings.bucket, key },
        upload: {
          uploadId: id,
          plan: roomyPlan(known.settings.plan, known.sizeBytes, known.settings.maxParts),
          condition,
          openedAtMs: atMs,
          expiresAtMs: null,
        },
        parts: NO_PARTS,
        sentEndBytes: 0,
        generation: known.generation,
        atMs,
      };
    }
  }

  #send(known: effects.UploadPartsInput, atMs: number): readonly StreamEvent[] {
    const { plan, uploadId } = known.upload;
    const upload = this.uploads.get(uploadId);
    const facts: StreamEvent[] = [];
    let failure = upload ? null : failureOf('upload_not_found', 'by the model');
    if (!this.file) failure = failureOf('source_gone', 'by the model');
    for (const n of failure ? [] : known.numbers) {
      const range = known.frozenBytes === null ? plannedRange(plan, n) : rangeWithin(plan, n, known.frozenBytes);
      const endBytes = range.offset + range.sizeBytes;
      if (endBytes > (this.file?.sizeBytes ?? 0)) {
        failure = failureOf('source_changed', 'the file ends within the part');
        break;
      }
      upload?.parts.set(n, { isClean: true, endBytes });
      facts.push({ type: 'part.uploaded', ...range, atMs });
    }
    return [...facts, { type: 'parts.settled', failure, unanswered: false, stat: this.file, atMs }];
  }

  #verify(known: effects.VerifySourceInput, atMs: number): StreamEvent {
    if (!this.file) return this.#gone(atMs);
    if (known.verifiedFreeze && !sameStat(known.verifiedFreeze, this.file))
      return { type: 'source.changed', stat: this.file, atMs };
    const parts = known.upload ? this.uploads.get(known.upload.uploadId)?.parts : undefined;
    const count = partCount(known.plan, this.file.sizeBytes);
    const differing = known.verifiedFreeze
      ? []
      : Array.from({ length: count }, (_, i) => i + 1).filter((n) => !this.#isClean(parts?.get(n), known.plan, n));
    return { type: 'source.verified', freeze: freezeOf(this.file), differing, atMs };
  }

  #isClean(part: UploadedPart | undefined, plan: effects.UploadRef['plan'], n: number): boolean {
    const { offset, sizeBytes } = rangeWithin(plan, n, this.file?.sizeBytes ?? 0);
    return part?.isClean === true && part.endBytes === offset + sizeBytes;
  }

  #check(known: effects.CheckPartsInput, atMs: number): StreamEvent {
    const upload = this.uploads.get(known.upload.uploadId);
    if (!upload) return this.#gone(atMs, 'upload_not_found');
    const wanted = Array.from({ length: known.partCount }, (_, i) => i + 1);
    return {
      type: 'parts.checked',
      wrong: wanted.filter((n) => !upload.parts.has(n)),
      excess: [...upload.parts.keys()].filter((n) => n > known.partCount),
      atMs,
    };
  }

  #complete(known: effects.CompleteUploadInput, atMs: number): StreamEvent {
    const failed = (code: Failure['code']): StreamEvent => ({
      type: 'upload.completion_failed',
      failure: failureOf(code, 'by the model', { answered: true }),
      atMs,
    });
    if (!this.file) return this.#gone(atMs);
    if (!sameStat(known.freeze, this.file)) return { type: 'source.changed', stat: this.file, atMs };
    const upload = this.uploads.get(known.upload.uploadId);
    if (!upload) return failed('upload_not_found');
    const there = this.objects.get(upload.key);
    if (there && (known.condition.kind === 'absent' || there.owner === 'foreign')) return failed('precondition_failed');
    const partNumbers = Array.from({ length: known.partCount }, (_, i) => i + 1);
    if (partNumbers.some((n) => !upload.parts.has(n))) return failed('part_invalid');
    if (partNumbers.length === 0) return failed('s3_request_refused');
    this.uploads.delete(known.upload.uploadId);
    this.objects.set(upload.key, {
      owner: 'ours',
      generation: upload.generation,
      sizeBytes: known.freeze.sizeBytes,
      partNumbers,
    });
    return { type: 'upload.completed', etag: 'e', atMs };
  }

  #prove(known: effects.ProveObjectInput, atMs: number): StreamEvent {
    const object = this.objects.get(known.upload.target.key);
    if (object?.owner !== 'ours' || object.sizeBytes !== known.freeze.sizeBytes)
      return { type: 'object.mismatched', failure: failureOf('object_mismatch', 'by the model'), atMs };
    const completion: Completion = {
      target: known.upload.target,
      generation: known.generation,
      etag: 'e',
      sizeBytes: object.sizeBytes,
      crc32: '00000000',
      plan: known.upload.plan,
      digest: '0000000000000000',
      freeze: known.freeze,
      completedAtMs: atMs,
      provenBy: ['size'],
    };
    return this.file && !sameStat(known.freeze, this.file)
      ? { type: 'object.superseded', completion, stat: this.file, atMs }
      : { type: 'object.proven', completion, atMs };
  }

  #abort(known: effects.AbortUploadInput, atMs: number): StreamEvent {
    const parts = known.upload ? this.uploads.get(known.upload.uploadId)?.parts.size : 0;
    if (!known.byOperator && ((this.file?.sizeBytes ?? 0) > 0 || (parts ?? 0) > 0))
      return { type: 'upload.found_filled', atMs };
    if (known.upload) this.uploads.delete(known.upload.uploadId);
    return { type: 'upload.aborted', atMs };
  }
}
