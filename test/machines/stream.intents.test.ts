// What may still be under way, or was left behind, when a stream comes back: found by simulation.

import { expect, test } from 'vitest';
import { failureOf } from '../../src/machines/failure.ts';
import { freezeOf } from '../../src/machines/file-identity.ts';
import { uploadId } from '../../src/machines/ids.ts';
import { recordOf } from '../../src/machines/stream.context.ts';
import { inputOf } from '../../src/machines/stream.effects.ts';
import type { StreamEvent } from '../../src/machines/stream.events.ts';
import { COMPLETING, FILE_STAT, failed, OPENED, reconciled, T, tell, UPLOADING } from './stream-facts.ts';
import { freshInput, MIB, restoredInput, SETTINGS, statOf } from './stream-input.ts';

test('what an intent left is kept in sight, and its key is still used', () => {
  const target = { bucket: 'takes', key: 'take.mp4' };
  const left = [{ target, uploadId: uploadId('u0'), parts: 2, why: 'unmatched' }] as const;
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
