// What each effect needs to know: ids, numbers and offsets; no bytes, handles or secrets. The functions say how an input
// follows from what the stream knows; the work itself is done by the actors of the same names (src/actors/effects).

import { type FileRef, type Freeze, lastChangeMs } from './file-identity.ts';
import type { StreamId, UploadId } from './ids.ts';
import type { PartsHeld } from './part-ledger.ts';
import { type PartPlan, partCount } from './part-plan.ts';
import { fileOf, owedIn, type StreamContext, sizeOf } from './stream.context.ts';
import { supersededIn } from './stream.generations.ts';
import { partsThatMayGo, partsToSendAgain, planOf } from './stream.guards.ts';
import type {
  CompleteCondition,
  Completion,
  FinalizeReason,
  LeftUpload,
  ObjectTarget,
  StreamMemory,
} from './stream-record.ts';
import type { StreamSettings } from './stream-settings.ts';

/** Every effect begins no earlier than `notBeforeMs` (epoch ms). */
export interface Owed {
  readonly streamId: StreamId;
  readonly file: FileRef;
  readonly notBeforeMs: number;
}

export interface UploadRef {
  readonly target: ObjectTarget;
  readonly uploadId: UploadId;
  readonly plan: PartPlan;
}

export interface ReconcileInput extends Owed {
  readonly cameFrom: string | null;
  readonly mustRecall: boolean;
  readonly mustAskS3: boolean;
  readonly memory: StreamMemory;
  readonly seen: Freeze | null;
}
export interface OpenUploadInput extends Owed {
  readonly settings: StreamSettings;
  readonly generation: number;
  /** When the stream began: an empty upload for its key that is older is not its own. */
  readonly startedAtMs: number;
  /** Of the stream's object on record; null: none. Another one at its key may be a newer one that was forgotten. */
  readonly provenEtag: string | null;
  /** Of the file as last seen: the parts of the new upload are large enough for it. */
  readonly sizeBytes: number;
  /** Uploads that are known and not gone on with. */
  readonly leftUploadIds: readonly UploadId[];
  /** Keys that this upload must not go to: those of uploads left behind, and the former object's after a truncation. */
  readonly avoidKeys: readonly string[];
}
/** Our own object at the upload's key, which it is to replace. */
export interface FormerObject {
  readonly target: ObjectTarget;
  readonly etag: string;
}
export interface UploadPartsInput extends Owed {
  readonly upload: UploadRef;
  /** Not null: parts that it holds need not be sent again. */
  readonly former: FormerObject | null;
  readonly numbers: readonly number[];
  /** The frozen size, when these parts must be the freeze's; null while the file grows: then all are whole. */
  readonly frozenBytes: number | null;
}
export type CheckWriterInput = Owed;
export interface VerifySourceInput extends Owed {
  readonly upload: UploadRef | null;
  readonly plan: PartPlan;
  readonly held: PartsHeld;
  /** Not null: everything was verified or sent under this freeze; only its stat is to be compared. */
  readonly verifiedFreeze: Freeze | null;
  readonly mode: 'full' | 'append-only';
  readonly maxParts: number;
}
export interface CheckPartsInput extends Owed {
  readonly upload: UploadRef;
  readonly partCount: number;
}
export interface CompleteUploadInput extends Owed {
  readonly upload: UploadRef;
  readonly freeze: Freeze;
  readonly condition: CompleteCondition;
  readonly partCount: number;
  /** The operator said: now, whoever holds the file open. */
  readonly overrideWriter: boolean;
}
export interface ProbeObjectInput extends Owed {
  readonly upload: UploadRef;
  readonly generation: number;
  readonly sizeBytes: number;
}
export interface ProveObjectInput extends Owed {
  readonly upload: UploadRef;
  readonly freeze: Freeze;
  readonly generation: number;
}
export interface AbortUploadInput extends Owed {
  readonly upload: UploadRef | null;
  readonly byOperator: boolean;
}
export interface PublishReceiptInput extends Owed {
  /** null: an object that was found again; its ledger is lost. */
  readonly upload: UploadRef | null;
  readonly completion: Completion;
  readonly finalizeReason: FinalizeReason;
  readonly startedAtMs: number;
  readonly verified: StreamSettings['verifySource'];
}

export interface ClearUploadsInput extends Owed {
  readonly uploads: readonly Pick<LeftUpload, 'target' | 'uploadId'>[];
}

export interface DisposeSourceInput extends Owed {
  readonly completion: Completion;
  /** `keep`: asked for no more, after the file may have been set aside. */
  readonly how: StreamSettings['afterComplete'];
  /** Where it cannot be seen whether anybody writes, nothing is done before this moment (epoch ms). */
  readonly unseenUntilMs: number;
}

/** The stream goes on at the same key. */
const KEEPS_ITS_KEY: readonly LeftUpload['why'][] = ['unmatched', 'rolled_over'];

const owed = (context: StreamContext): Owed => ({
  streamId: context.streamId,
  file: fileOf(context),
  notBeforeMs: context.notBeforeMs,
});

/** Opening, completing and aborting also wait until no unanswered attempt can arrive any more. */
const owedAlone = (context: StreamContext): Owed => ({
  ...owed(context),
  notBeforeMs: Math.max(context.notBeforeMs, context.lateArrivalUntilMs),
});

/** The chart enters these states only with an upload, a freeze, a completion: their absence is a bug and stops this stream alone. */
function must<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new Error(`bug: a state was entered without ${what}`);
  return value;
}

export function uploadOf(context: StreamContext): UploadRef | null {
  const { upload, target } = context.memory;
  return upload && target ? { target, uploadId: upload.uploadId, plan: upload.plan } : null;
}

type In = { readonly context: StreamContext };

export const inputOf = {
  reconcile: ({ context }: In): ReconcileInput => ({
    ...owed(context),
    cameFrom: context.cameFrom ?? owedIn(context.memory.failure),
    mustRecall: context.mustRecall,
    mustAskS3: context.mustAskS3,
    memory: context.memory,
    seen: context.seen,
  }),
  openUpload: ({ context }: In): OpenUploadInput => ({
    ...owedAlone(context),
    settings: context.settings,
    generation: context.memory.generation,
    startedAtMs: context.memory.startedAtMs,
    sizeBytes: sizeOf(context),
    leftUploadIds: context.memory.leftUploads.map((left) => left.uploadId),
    provenEtag: context.memory.completion?.etag ?? null,
    avoidKeys: [
      ...context.memory.leftUploads.filter((left) => !KEEPS_ITS_KEY.includes(left.why)).map((left) => left.target.key),
      ...(context.memory.freshKey && context.memory.completion ? [context.memory.completion.target.key] : []),
    ],
  }),
  uploadParts: ({ context }: In): UploadPartsInput => ({
    ...owed(context),
    upload: must(uploadOf(context), 'an upload'),
    former: formerIn(context),
    numbers: partsThatMayGo(context),
    frozenBytes: null,
  }),
  resendParts: ({ context }: In): UploadPartsInput => ({
    ...owed(context),
    upload: must(uploadOf(context), 'an upload'),
    former: formerIn(context),
    numbers: partsToSendAgain(context),
    frozenBytes: must(context.memory.freeze, 'a freeze').sizeBytes,
  }),
  checkWriter: ({ context }: In): CheckWriterInput => owed(context),
  verifySource: ({ context }: In): VerifySourceInput => ({
    ...owed(context),
    upload: uploadOf(context),
    plan: planOf(context),
    held: context.memory.parts,
    verifiedFreeze: context.verified ? context.memory.freeze : null,
    mode: context.settings.verifySource,
    maxParts: context.settings.maxParts,
  }),
  checkParts: ({ context }: In): CheckPartsInput => ({
    ...owed(context),
    upload: must(uploadOf(context), 'an upload'),
    partCount: frozenParts(context),
  }),
  completeUpload: ({ context }: In): CompleteUploadInput => ({
    ...owedAlone(context),
    upload: must(uploadOf(context), 'an upload'),
    freeze: must(context.memory.freeze, 'a freeze'),
    condition: must(context.memory.upload, 'an upload').condition,
    partCount: frozenParts(context),
    overrideWriter: context.memory.wishes.finalize,
  }),
  probeObject: ({ context }: In): ProbeObjectInput => ({
    ...owed(context),
    upload: must(uploadOf(context), 'an upload'),
    generation: context.memory.generation,
    sizeBytes: must(context.memory.freeze, 'a freeze').sizeBytes,
  }),
  proveObject: ({ context }: In): ProveObjectInput => ({
    ...owed(context),
    upload: must(uploadOf(context), 'an upload'),
    freeze: must(context.memory.freeze, 'a freeze'),
    generation: context.memory.generation,
  }),
  abortUpload: ({ context }: In): AbortUploadInput => ({
    ...owedAlone(context),
    upload: uploadOf(context),
    byOperator: context.memory.wishes.abort,
  }),
  publishReceipt: ({ context }: In): PublishReceiptInput => ({
    ...owed(context),
    upload: uploadOf(context),
    completion: must(context.memory.completion, 'a completion'),
    finalizeReason: context.memory.finalizeReason ?? 'idle',
    startedAtMs: context.memory.startedAtMs,
    verified: context.settings.verifySource,
  }),
  clearUploads: ({ context }: In): ClearUploadsInput => ({
    ...owedAlone(context),
    uploads: supersededIn(context).map(({ target, uploadId }) => ({ target, uploadId })),
  }),
  disposeSource: ({ context }: In): DisposeSourceInput => ({
    ...owed(context),
    completion: must(context.memory.completion, 'a completion'),
    how: context.settings.afterComplete,
    unseenUntilMs: unseenUntilMs(context),
  }),
};

/** As for finalizing: a writer that was seen and is gone has closed the file; of one that nobody ever saw only time tells. */
function unseenUntilMs({ memory, settings }: StreamContext): number {
  const { completion, finalizeReason } = memory;
  if (!completion || finalizeReason === 'writer_closed') return 0;
  return lastChangeMs(completion.freeze) + settings.streamTimeoutUnknownMs;
}

function formerIn({ memory }: StreamContext): FormerObject | null {
  const condition = memory.upload?.condition;
  if (condition?.kind !== 'ours' || !memory.target) return null;
  return { target: memory.target, etag: condition.etag };
}

const frozenParts = (context: StreamContext): number =>
  partCount(planOf(context), must(context.memory.freeze, 'a freeze').sizeBytes);
