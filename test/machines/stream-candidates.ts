// What a stream may hear in each state: a small, hand-written set of concrete events for each type, such that every guard is
// answered both ways by some of them. Times go forward along every path: `soon` is just after all that the stream waits for
// by itself, `late` a day after.
//
// Outcomes are those that the state's own work can report truthfully: an object is found to be ours only where a freeze tells
// what ours would be, and an upload is listed or gone only where there is one.

import { type Failure, type FailureCode, failureOf } from '../../src/machines/failure.ts';
import { type FileStat, freezeOf } from '../../src/machines/file-identity.ts';
import { byteOffset, partNumber, uploadId } from '../../src/machines/ids.ts';
import { NO_PARTS } from '../../src/machines/part-ledger.ts';
import { MAX_PARTS, partCount, roomyPlan } from '../../src/machines/part-plan.ts';
import type { StreamContext } from '../../src/machines/stream.context.ts';
import type { Evidence, StreamEvent, StreamEventOf } from '../../src/machines/stream.events.ts';
import { partsThatMayGo, planOf } from '../../src/machines/stream.guards.ts';
import type { Completion, StreamRecord } from '../../src/machines/stream-record.ts';
import { dotted, type Seen } from './machine-walk.ts';
import { DAY_MS, MIB, PART_BYTES, SETTINGS, statAsSeen, statOf } from './stream-input.ts';

/** One code for each kind of failure that work on a stream may report. */
const FAILURES: readonly FailureCode[] = [
  's3_unavailable',
  'upload_not_found',
  'source_changed',
  'source_gone',
  's3_access_denied',
  'bug',
];
const failure = (code: FailureCode): Failure => failureOf(code, 'told by a test');

interface Moment {
  readonly context: StreamContext;
  readonly soonMs: number;
  readonly lateMs: number;
  /** What was recorded of a stream that must be recalled. */
  readonly recalled: readonly StreamRecord[];
}

export function candidatesOf(recalled: readonly StreamRecord[]) {
  return (state: Seen<StreamContext>): readonly StreamEvent[] => {
    const { context } = state;
    const soonMs = Math.max(context.lastActivityMs, context.parkedAtMs, context.notBeforeMs) + 1;
    const moment: Moment = { context, soonMs, lateMs: soonMs + DAY_MS, recalled };
    return [...heardEverywhere(moment), ...(OUTCOMES[dotted(state.value)]?.(moment) ?? [])];
  };
}

/**
 * Failures that the chart has a row for in every state that owes work, though most work cannot report them: a file that changed is
 * told as `source.changed` or within other outcomes. Their rows are walked, the paths do not go on from there.
 */
export const unlikelyOf = ({ value, context }: Seen<StreamContext>): readonly StreamEvent[] =>
  OUTCOMES[dotted(value)] ? [failedAs('source_changed', context.lastActivityMs + DAY_MS)] : [];

function heardEverywhere({ context, soonMs, lateMs }: Moment): readonly StreamEvent[] {
  const file = (stat: FileStat, path = context.memory.path): StreamEvent => ({
    type: 'file.observed',
    stat,
    path,
    atMs: soonMs,
  });
  return [
    ...looks(context, soonMs).map((stat) => file(stat)),
    { type: 'writer.observed', presence: 'open', atMs: soonMs },
    { type: 'writer.observed', presence: 'none', atMs: soonMs },
    { type: 'stream.due', atMs: soonMs },
    { type: 'stream.due', atMs: lateMs },
    { type: 'file.let_go', atMs: soonMs },
    { type: 'operator.finalize', atMs: soonMs },
    { type: 'operator.retry', atMs: soonMs },
    { type: 'operator.abort', atMs: soonMs },
  ];
}

/** The file as it may be seen next: as before, without bytes, shorter than a part, of several parts, and cut below what was sent. */
function looks({ seen, memory }: StreamContext, atMs: number): readonly FileStat[] {
  const sizes = new Set([0, 5 * MIB, 20 * MIB]);
  if (memory.sentEndBytes > 0) sizes.add(memory.sentEndBytes - 1);
  return [...(seen ? [statAsSeen(seen)] : []), ...[...sizes].map((size) => statOf(size, atMs))];
}

type Tell = (moment: Moment) => readonly StreamEvent[];

const failing: Tell = ({ soonMs }) =>
  FAILURES.filter((code) => code !== 'source_changed').map((code) => failedAs(code, soonMs));

const failedAs = (code: FailureCode, atMs: number): StreamEvent => ({
  type: 'effect.failed',
  failure: failure(code),
  atMs,
});

const changedFile: Tell = ({ soonMs }) => [
  { type: 'source.changed', stat: statOf(20 * MIB, soonMs), atMs: soonMs },
  { type: 'source.changed', stat: statOf(5 * MIB, soonMs), atMs: soonMs },
];

const reconciled: Tell = ({ context, soonMs, recalled }) => {
  const records = context.mustRecall ? [null, ...recalled] : [null];
  return records.flatMap((record) =>
    evidences(record ? { ...context, memory: record.memory, seen: record.seen } : context, record, soonMs).map(
      (evidence) => ({ type: 'stream.reconciled', evidence, atMs: soonMs }) as const,
    ),
  );
};

function evidences(context: StreamContext, recalled: StreamRecord | null, atMs: number): readonly Evidence[] {
  const { upload, freeze, completion, generation, parts, sentEndBytes } = context.memory;
  const base: Omit<Evidence, 'stat'> = {
    recalled,
    upload: 'none',
    parts: null,
    sentEndBytes: 0,
    object: 'unasked',
    content: 'unasked',
  };
  const stats = [null, ...looks(context, atMs)];
  if (completion?.generation === generation)
    return stats.flatMap((stat) => [
      { ...base, stat, upload: 'unasked', content: 'different' } as const,
      ...(stat?.sizeBytes === completion.sizeBytes
        ? [{ ...base, stat, upload: 'unasked', content: 'same' } as const]
        : []),
    ]);
  if (!upload) return stats.map((stat) => ({ ...base, stat }));
  const listed = { upload: 'listed', parts, sentEndBytes } as const;
  const mustAsk = context.mustAskS3 || context.cameFrom !== null || context.memory.completeDoubtUntilMs !== null;
  return stats.flatMap((stat) => [
    ...(mustAsk ? [] : [{ ...base, stat, upload: 'unasked' } as const]),
    { ...base, stat, ...listed },
    { ...base, stat, upload: 'gone', object: 'not_ours' } as const,
    ...(freeze ? [{ ...base, stat, object: 'ours' } as const] : []),
  ]);
}

const opened: Tell = ({ context, soonMs }) => {
  const target = { bucket: SETTINGS.bucket, key: `take~${context.memory.leftUploads.length + 1}.mp4` };
  const upload = {
    uploadId: uploadId(`upload-${context.memory.generation}`),
    plan: roomyPlan(SETTINGS.plan, context.seen?.sizeBytes ?? 0, context.settings.maxParts),
    condition: { kind: 'absent' },
    openedAtMs: soonMs,
    expiresAtMs: soonMs + DAY_MS,
  } as const;
  const { generation } = context.memory;
  return [
    { type: 'upload.opened', target, upload, parts: NO_PARTS, sentEndBytes: 0, generation, atMs: soonMs },
    { type: 'object.adopted', completion: completionOf(context, soonMs), atMs: soonMs },
  ];
};

const settled = (code: FailureCode | null, stat: FileStat | null, atMs: number): StreamEventOf<'parts.settled'> => ({
  type: 'parts.settled',
  failure: code && failure(code),
  unanswered: code === 's3_unavailable',
  stat,
  atMs,
});

const sending =
  (numbersOf: (context: StreamContext) => readonly number[]): Tell =>
  ({ context, soonMs }) => {
    const [next] = numbersOf(context);
    const sizeBytes = Math.min(PART_BYTES, (context.seen?.sizeBytes ?? 0) - PART_BYTES * ((next ?? 1) - 1));
    const uploaded = next
      ? [{ partNumber: partNumber(next), offset: byteOffset(PART_BYTES * (next - 1)), sizeBytes }]
      : [];
    const stat = context.seen && statAsSeen(context.seen);
    return [
      ...uploaded.map((part) => ({ type: 'part.uploaded', ...part, atMs: soonMs }) as const),
      ...[null, ...FAILURES].map((code) => settled(code, stat, soonMs)),
    ];
  };

const writerChecked: Tell = ({ context, soonMs, lateMs }) =>
  [0, 5 * MIB, 20 * MIB].flatMap((size) => {
    const same = context.seen?.sizeBytes === size ? statAsSeen(context.seen) : null;
    return [
      { type: 'writer.checked', stat: same ?? statOf(size, soonMs), presence: 'open', atMs: soonMs } as const,
      { type: 'writer.checked', stat: same ?? statOf(size, soonMs), presence: 'none', atMs: lateMs } as const,
    ];
  });

const verified: Tell = ({ context, soonMs }) => {
  const told = (stat: FileStat, differing: readonly number[]): StreamEvent => ({
    type: 'source.verified',
    freeze: freezeOf(stat),
    differing,
    atMs: soonMs,
  });
  const size = context.seen?.sizeBytes ?? 0;
  const now = context.seen ? statAsSeen(context.seen) : statOf(size, soonMs);
  const all = Array.from({ length: partCount(planOf(context), size) }, (_, i) => i + 1);
  const missing = all.filter((n) => n > context.memory.parts.contiguous);
  return [
    told(now, missing),
    told(now, all),
    told(statOf(MIB, soonMs), [1]),
    told(statOf(0, soonMs), []),
    told(statOf(5000 * 1024 * MIB, soonMs), [MAX_PARTS + 1]),
    told(statOf(60 * 1024 * 1024 * MIB, soonMs), [MAX_PARTS + 1]),
    ...(context.memory.parts.contiguous >= all.length ? [told(now, [])] : []),
  ];
};

/** What is held beyond the freeze's end is listed, and told. */
const checked: Tell = ({ context, soonMs }) => {
  const count = partCount(planOf(context), context.memory.freeze?.sizeBytes ?? 0);
  const isLonger = context.memory.parts.contiguous > count;
  const clean = { type: 'parts.checked', wrong: [], excess: [], atMs: soonMs } as const;
  return [...(isLonger ? [] : [clean, { ...clean, wrong: [1] }]), { ...clean, excess: [9] }];
};

const REFUSALS_OF_COMPLETE = [
  's3_unavailable',
  'part_invalid',
  's3_access_denied',
  'precondition_failed',
  'upload_conflicted',
  'upload_not_found',
  'file_too_large',
] as const;

const completed: Tell = ({ context, soonMs }) => [
  { type: 'upload.completed', etag: 'e-3', atMs: soonMs },
  ...REFUSALS_OF_COMPLETE.map(
    (code) => ({ type: 'upload.completion_failed', failure: failure(code), atMs: soonMs }) as const,
  ),
  { type: 'writer.checked', stat: seenNow(context, soonMs), presence: 'open', atMs: soonMs },
];

const probed: Tell = ({ soonMs, lateMs }) =>
  (['ours', 'foreign', 'absent'] as const).flatMap((object) =>
    (['listed', 'gone'] as const).flatMap((upload) =>
      [soonMs, lateMs].map((atMs) => ({ type: 'object.probed', object, upload, atMs }) as const),
    ),
  );

const proven: Tell = ({ context, soonMs }) => [
  { type: 'object.proven', completion: completionOf(context, soonMs), atMs: soonMs },
  {
    type: 'object.superseded',
    completion: completionOf(context, soonMs),
    stat: statOf(20 * MIB, soonMs),
    atMs: soonMs,
  },
  { type: 'object.mismatched', failure: failure('object_mismatch'), atMs: soonMs },
];

const seenNow = (context: StreamContext, atMs: number): FileStat =>
  context.seen ? statAsSeen(context.seen) : statOf(0, atMs);

function completionOf(context: StreamContext, atMs: number): Completion {
  const freeze = context.memory.freeze ?? freezeOf(seenNow(context, atMs));
  return {
    target: context.memory.target ?? { bucket: SETTINGS.bucket, key: 'take.mp4' },
    generation: context.memory.generation,
    etag: 'e-3',
    sizeBytes: freeze.sizeBytes,
    crc32: '00000000',
    plan: planOf(context),
    digest: '0000000000000000',
    freeze,
    completedAtMs: atMs,
    provenBy: ['size'],
  };
}

const all =
  (...tells: readonly Tell[]): Tell =>
  (moment) =>
    tells.flatMap((tell) => tell(moment));

const OUTCOMES: Readonly<Record<string, Tell>> = {
  recovering: all(reconciled, failing),
  'active.opening': all(opened, failing),
  'active.uploading': sending(partsThatMayGo),
  pending_completion: all(writerChecked, failing),
  'finalizing.verifying': all(verified, changedFile, failing),
  'finalizing.opening': all(opened, failing),
  'finalizing.resending': sending((context) => context.dirty),
  'finalizing.checking': all(checked, failing),
  'finalizing.completing': all(completed, changedFile, failing),
  'finalizing.probing': all(probed, failing),
  'finalizing.proving': all(proven, failing),
  'finalizing.aborting': all(
    ({ soonMs }) => [
      { type: 'upload.aborted', atMs: soonMs },
      { type: 'upload.found_filled', atMs: soonMs },
    ],
    failing,
  ),
  's3_completed.disposing': all(
    ({ context, soonMs }) => [
      { type: 'source.disposed', atMs: soonMs },
      { type: 'source.changed', stat: statOf(5 * MIB, soonMs), atMs: soonMs },
      { type: 'source.changed', stat: seenNow(context, soonMs), atMs: soonMs },
      { type: 'object.mismatched', failure: failure('object_not_found'), atMs: soonMs },
    ],
    failing,
  ),
  's3_completed.clearing': all(({ soonMs }) => [{ type: 'uploads.cleared', atMs: soonMs }], failing),
  's3_completed.publishing': all(({ soonMs }) => [{ type: 'receipt.published', atMs: soonMs }], failing),
};
