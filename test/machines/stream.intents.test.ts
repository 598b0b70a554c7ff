// What may still be under way, or was left behind, when a stream comes back: found by simulation.

import { expect, test } from 'vitest';
import { failureOf } from '../../src/machines/failure.ts';
import { freezeOf } from '../../src/machines/file-identity.ts';
import { uploadId } from '../../src/machines/ids.ts';
import { recordOf } from '../../src/machines/stream.context.ts';
import { inputOf } from '../../src/machines/stream.effects.ts';
import type { StreamEvent } from '../../src/machines/stream.events.ts';
import { ABORT, COMPLETING, FILE_STAT, failed, OPENED, reconciled, T, tell, UPLOADING } from './stream-facts.ts';
import { freshInput, MIB, restoredInput, SETTINGS, statOf } from './stream-input.ts';

test('what an intent left is kept in sight, and its key is still used', () => {
  const target = { bucket: 'takes', key: 'take.mp4' };
  const left = [{ target, uploadId: uploadId('u0'), parts: 2, sentEndBytes: 9, why: 'unmatched' }] as const;
  const opened = { ...OPENED, left } as StreamEvent;
  const { context } = tell([...UPLOADING.slice(0, 1), opened, opened]);
  expect(context.memory.leftUploads).toEqual(left);
  expect(inputOf.openUpload({ context }).avoidKeys).toEqual([]);
});

test('an attempt without an answer holds back the next opening: it may still open one', () => {
  const lost = { ...failed('s3_unavailable'), failure: failureOf('s3_unavailable', 'reset', { answered: false }) };
  const { state, input } = tell([...UPLOADING.slice(0, 1), lost as StreamEvent]);
  expect(state).toBe('active.opening');
  expect(input['notBeforeMs']).toBe(T + SETTINGS.lateArrivalMs);
});

test('a former process may have sent parts that its record does not tell of: Complete waits for them too', () => {
  const record = recordOf('active.waiting', tell(COMPLETING).context);
  const { state, input } = tell(
    [reconciled({ upload: 'listed', parts: record.memory.parts, sentEndBytes: 20 * MIB }), ...COMPLETING.slice(4)],
    restoredInput(record, T),
  );
  expect([state, input['notBeforeMs']]).toEqual(['finalizing.completing', T + SETTINGS.lateArrivalMs]);
});

test('an opening that was parked is still looked for when the file is gone', () => {
  const parked = [reconciled(), failed('s3_access_denied')];
  const retry: StreamEvent = { type: 'operator.retry', atMs: T };
  expect(tell([...parked, retry, reconciled({ stat: null })]).state).toBe('active.opening');
});

test('F9 an abort that is wanted after a restart finds first what the intent may have opened', () => {
  const opening = recordOf('active.opening', tell([reconciled(), ABORT]).context);
  const { state } = tell([reconciled()], restoredInput(opening, T));
  expect(state).toBe('active.opening');
  expect(tell([reconciled(), OPENED], restoredInput(opening, T)).state).toBe('finalizing.aborting');
});

test('a key whose object went away demands no more of it: Complete would be refused for ever', () => {
  const ours = {
    ...OPENED,
    upload: { ...(OPENED as { upload: object }).upload, condition: { kind: 'ours', etag: 'e' } },
  };
  const completing = COMPLETING.map((event) => (event.type === 'upload.opened' ? (ours as StreamEvent) : event));
  const refused: StreamEvent = {
    type: 'upload.completion_failed',
    failure: failureOf('precondition_failed', '412'),
    atMs: T,
  };
  const probed = (object: 'absent' | 'foreign'): StreamEvent => ({
    ...{ type: 'object.probed', object, upload: 'listed', atMs: T + SETTINGS.completeDoubtMs },
  });
  expect(tell([...completing, refused, probed('absent')]).context.memory.upload?.condition).toEqual({ kind: 'absent' });
  const lost = failureOf('s3_unavailable', 'reset', { answered: false });
  const unanswered = { ...refused, failure: lost } as StreamEvent;
  const doubted = tell([...completing, unanswered, probed('absent')]).context.memory.upload;
  expect(doubted?.condition).toEqual({ kind: 'ours', etag: 'e' });
});

test('an upload that Complete does not know is gone, also where its parts are still listed', () => {
  const failure = failureOf('upload_not_found', 'NoSuchUpload');
  const refused: StreamEvent = { type: 'upload.completion_failed', failure, atMs: T };
  const probed = (atMs: number): StreamEvent => ({ type: 'object.probed', object: 'absent', upload: 'listed', atMs });
  expect(tell([...COMPLETING, refused, probed(T + 1)]).state).toBe('finalizing.probing');
  const late = tell([...COMPLETING, refused, probed(T + SETTINGS.completeDoubtMs)]).context.memory;
  expect([late.generation, late.upload, late.leftUploads]).toEqual([2, null, []]);
});

test('an upload that was refused because an earlier one had made the object is ended with those that were outlived', () => {
  const refused: StreamEvent = {
    type: 'upload.completion_failed',
    failure: failureOf('precondition_failed', '412'),
    atMs: T,
  };
  const ours: StreamEvent = { type: 'object.probed', object: 'ours', upload: 'gone', atMs: T };
  const { context } = tell([...COMPLETING, refused, ours]);
  expect(context.memory.leftUploads).toMatchObject([{ uploadId: context.memory.upload?.uploadId, why: 'rolled_over' }]);
  const lost = { ...refused, failure: failureOf('s3_unavailable', 'reset', { answered: false }) } as StreamEvent;
  expect(tell([...COMPLETING, lost, ours]).context.memory.leftUploads).toEqual([]);
});

test('a Complete that was refused before the file changed is not owed any more when the file is gone', () => {
  const parked = [...COMPLETING, failed('s3_access_denied')];
  const parts = tell(COMPLETING).context.memory.parts;
  const retried = [{ type: 'operator.retry', atMs: T } as const, reconciled({ upload: 'listed', parts })];
  const { context } = tell([...parked, ...retried]);
  const restored = tell([reconciled({ stat: null })], restoredInput(recordOf('active.waiting', context), T));
  expect(restored.state).toBe('failed.ended');
  const again = restoredInput(recordOf(restored.state, restored.context), T);
  expect(tell([reconciled({ stat: null, upload: 'listed', parts })], again).state).toBe('failed.ended');
});

test('an upload that was found with the whole file may be under a Complete that nobody remembers: it is waited out', () => {
  const found = (sentEndBytes: number): StreamEvent => ({
    ...(OPENED as Extract<StreamEvent, { type: 'upload.opened' }>),
    ...{ parts: { contiguous: 2, ahead: [] }, sentEndBytes },
  });
  const { sizeBytes } = FILE_STAT;
  expect(tell([reconciled(), found(sizeBytes)]).context.lateArrivalUntilMs).toBe(T + SETTINGS.completeDoubtMs);
  expect(tell([reconciled(), found(sizeBytes - 1)]).context.lateArrivalUntilMs).toBe(0);
  expect(tell([reconciled(), OPENED]).context.lateArrivalUntilMs).toBe(0);
});

test('a proof that was refused is owed by the retry as well: the object is looked for first', () => {
  const refused = [
    ...COMPLETING,
    { type: 'upload.completed', etag: 'e', atMs: T } as const,
    failed('s3_access_denied'),
  ];
  const retried = tell([...refused, { type: 'operator.retry', atMs: T }]);
  expect([retried.state, retried.input['cameFrom']]).toEqual(['recovering', 'finalizing.proving']);
});

test('what failed first is not forgotten when looking at it again fails too', () => {
  const parked = [reconciled(), failed('s3_access_denied')];
  const retry: StreamEvent = { type: 'operator.retry', atMs: T };
  for (const again of ['source_permission_denied', 's3_unavailable'] as const) {
    const looked = again === 's3_unavailable' ? [failed(again)] : [failed(again), retry];
    const { state, context } = tell([...parked, retry, ...looked, reconciled({ stat: null })]);
    expect([state, context.memory.failure?.owed]).toEqual(['active.opening', undefined]);
  }
});

test('a file that was gone and is seen again was only moved: its stream comes back', () => {
  const gone = [reconciled({ stat: null })];
  expect(tell(gone).state).toBe('failed.ended');
  const seen: StreamEvent = { type: 'file.observed', stat: FILE_STAT, path: '/watched/moved.mp4', atMs: T };
  const { state, context } = tell([...gone, seen]);
  expect([state, context.memory.path]).toEqual(['recovering', '/watched/moved.mp4']);
});

test('a proof that was refused is owed after a restart as well: the object is looked for before anything is sent again', () => {
  const proving = tell([...COMPLETING, { type: 'upload.completed', etag: 'e', atMs: T }, failed('s3_access_denied')]);
  expect(proving.state).toBe('failed.parked');
  const { input } = tell([], restoredInput(recordOf(proving.state, proving.context), T));
  expect(input['cameFrom']).toBe('finalizing.proving');
});

test('a proven object stays proven for the file as it was compared, whatever a sweep sees at another name meanwhile', () => {
  const freeze = freezeOf(FILE_STAT);
  const { context: uploaded } = tell(COMPLETING);
  const target = { bucket: 'takes', key: 'take.mp4' };
  const { plan } = SETTINGS;
  const sum = { etag: 'e', crc32: '0', digest: '0', sizeBytes: freeze.sizeBytes, completedAtMs: T, provenBy: [] };
  const completion = { target, generation: 1, plan, freeze, ...sum };
  const record = recordOf('s3_completed.done', { ...uploaded, memory: { ...uploaded.memory, completion } });
  const elsewhere = statOf(30 * MIB, T + 1);
  const seen: StreamEvent = { type: 'file.observed', stat: elsewhere, path: '/watched/moved.mp4', atMs: T + 1 };
  const gone = reconciled({ recalled: record, stat: null, upload: 'unasked' }, T + 2);
  const { state, context } = tell([seen, gone], freshInput({ mustRecall: true }));
  expect(state).toBe('s3_completed.done');
  expect(context.memory.completion?.freeze).toEqual(freeze);
});
