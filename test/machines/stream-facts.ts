// Facts that take one stream of 20 MiB from its first look to Complete, and what it owes after them.

import { failureOf } from '../../src/machines/failure.ts';
import { freezeOf } from '../../src/machines/file-identity.ts';
import { byteOffset, partNumber, uploadId } from '../../src/machines/ids.ts';
import { NO_PARTS } from '../../src/machines/part-ledger.ts';
import type { StreamContext, StreamInput } from '../../src/machines/stream.context.ts';
import type { Evidence, StreamEvent } from '../../src/machines/stream.events.ts';
import { streamMachine } from '../../src/machines/stream.machine.ts';
import { dotted, type Seen, startNoting } from './machine-walk.ts';
import { freshInput, MIB, PART_BYTES, SETTINGS, START_MS, statOf } from './stream-input.ts';

export const T = START_MS + 10_000;
export const FILE_STAT = statOf(20 * MIB, START_MS);
export const NOTHING: Evidence = {
  recalled: null,
  stat: FILE_STAT,
  upload: 'none',
  parts: null,
  sentEndBytes: 0,
  object: 'unasked',
  content: 'unasked',
};
export const reconciled = (change: Partial<Evidence> = {}, atMs = T): StreamEvent => ({
  type: 'stream.reconciled',
  evidence: { ...NOTHING, ...change },
  atMs,
});
export const OPENED: StreamEvent = {
  type: 'upload.opened',
  target: { bucket: 'takes', key: 'take.mp4' },
  upload: {
    uploadId: uploadId('u1'),
    plan: SETTINGS.plan,
    condition: { kind: 'absent' },
    openedAtMs: T,
    expiresAtMs: null,
  },
  parts: NO_PARTS,
  sentEndBytes: 0,
  generation: 1,
  atMs: T,
};
export const uploaded = (n: number, sizeBytes = PART_BYTES): StreamEvent => ({
  type: 'part.uploaded',
  partNumber: partNumber(n),
  offset: byteOffset((n - 1) * PART_BYTES),
  sizeBytes,
  atMs: T,
});
export const settled = (unanswered = false, stat = FILE_STAT): StreamEvent => ({
  type: 'parts.settled',
  failure: null,
  unanswered,
  stat,
  atMs: T,
});
export const verified = (differing: readonly number[]): StreamEvent => ({
  type: 'source.verified',
  freeze: freezeOf(FILE_STAT),
  differing,
  atMs: T,
});
export const CHECKED: StreamEvent = { type: 'parts.checked', wrong: [], excess: [], atMs: T };
export const FINALIZE: StreamEvent = { type: 'operator.finalize', atMs: T };
export const ABORT: StreamEvent = { type: 'operator.abort', atMs: T };
export const failed = (code: Parameters<typeof failureOf>[0], atMs = T): StreamEvent => ({
  type: 'effect.failed',
  failure: failureOf(code, 'told by a test'),
  atMs,
});
export const UPLOADING = [reconciled(), OPENED];
export const COMPLETING = [
  ...UPLOADING,
  uploaded(1),
  uploaded(2),
  FINALIZE,
  settled(),
  { type: 'writer.checked', stat: FILE_STAT, presence: 'none', atMs: T } as const,
  verified([3]),
  uploaded(3, 4 * MIB),
  settled(),
  verified([]),
  CHECKED,
];

export function tell(events: readonly StreamEvent[], input: StreamInput = freshInput({ stat: FILE_STAT })) {
  const { actor } = startNoting(streamMachine, input);
  for (const event of events) actor.send(event);
  const { value, context, children } = actor.getSnapshot() as unknown as Seen<StreamContext>;
  const [owed] = Object.values(children);
  const work = owed?.getSnapshot() as { readonly input: Record<string, unknown> } | undefined;
  return { state: dotted(value), context, input: work?.input ?? {} };
}
