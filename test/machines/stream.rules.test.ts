// What the rows of the chart do not show: patience, doubt, wishes, and what is kept of an upload that is left behind.

import { describe, expect, test } from 'vitest';
import { createActor, fromCallback } from 'xstate';
import { failureOf } from '../../src/machines/failure.ts';
import { freezeOf } from '../../src/machines/file-identity.ts';
import { NO_PARTS } from '../../src/machines/part-ledger.ts';
import { recordOf } from '../../src/machines/stream.context.ts';
import type { StreamEvent } from '../../src/machines/stream.events.ts';
import { streamMachine } from '../../src/machines/stream.machine.ts';
import { dotted } from './machine-walk.ts';
import {
  ABORT,
  COMPLETING,
  FILE_STAT,
  FINALIZE,
  failed,
  OPENED,
  reconciled,
  settled,
  T,
  tell,
  UPLOADING,
  uploaded,
  verified,
} from './stream-facts.ts';
import { freshInput, MIB, PART_BYTES, restoredInput, SETTINGS, START_MS, statOf } from './stream-input.ts';

describe('patience', () => {
  test('each failure in a row waits longer, for as long as it takes, and success forgets them all', () => {
    const waits: number[] = [];
    const events: StreamEvent[] = [...UPLOADING.slice(0, 1)];
    for (let n = 1; n <= 30; n += 1) {
      events.push(failed('s3_unavailable'));
      const { state, context, input } = tell(events);
      expect(state).toBe('active.opening');
      expect(context.attempt).toBe(n);
      expect(input['notBeforeMs']).toBe(context.notBeforeMs);
      waits.push(context.notBeforeMs - T);
    }
    expect(waits[0]).toBeLessThanOrEqual(500);
    expect(Math.max(...waits)).toBeLessThanOrEqual(60_000);
    expect(Math.min(...waits.slice(10))).toBeGreaterThanOrEqual(30_000);
    const { context } = tell([...events, OPENED]);
    expect([context.attempt, context.notBeforeMs, context.memory.failure]).toEqual([0, 0, null]);
  });

  test('F26 an attempt without an answer holds back Complete until it can arrive no more', () => {
    const events = COMPLETING.map((event) => (event.type === 'parts.settled' ? settled(true) : event));
    expect(tell(COMPLETING).input['notBeforeMs']).toBe(0);
    expect(tell(events).input['notBeforeMs']).toBe(T + SETTINGS.lateArrivalMs);
  });

  test('F25 a former process may have left parts in flight: Abort waits for them too', () => {
    const record = recordOf('active.uploading', tell(UPLOADING).context);
    const { state, input } = tell([ABORT, reconciled({ upload: 'listed', parts: NO_PARTS })], restoredInput(record, T));
    expect(state).toBe('finalizing.aborting');
    expect(input['notBeforeMs']).toBe(T + SETTINGS.lateArrivalMs);
  });

  test('a parked stream waits its time and not less', () => {
    const parked = [reconciled(), failed('s3_access_denied')];
    const due = (atMs: number): StreamEvent => ({ type: 'stream.due', atMs });
    expect(tell([...parked, due(T + SETTINGS.parkedRetryMs - 1)]).state).toBe('failed.parked');
    expect(tell([...parked, due(T + SETTINGS.parkedRetryMs)]).state).toBe('recovering');
  });
});

describe('doubt about Complete', () => {
  const doubted: StreamEvent = {
    type: 'upload.completion_failed',
    failure: failureOf('s3_unavailable', 'no answer'),
    atMs: T,
  };
  const probed = (atMs: number): StreamEvent => ({ type: 'object.probed', object: 'absent', upload: 'listed', atMs });

  test('F5 F27 no second Complete before it is over', () => {
    const untilMs = T + SETTINGS.completeDoubtMs;
    expect(tell([...COMPLETING, doubted]).context.memory.completeDoubtUntilMs).toBe(untilMs);
    const early = tell([...COMPLETING, doubted, probed(untilMs - 1)]);
    expect(early.state).toBe('finalizing.probing');
    expect(early.context.notBeforeMs).toBeGreaterThan(untilMs - 1);
    const late = tell([...COMPLETING, doubted, probed(untilMs)]);
    expect(late.state).toBe('pending_completion');
    expect(late.context.memory.completeDoubtUntilMs).toBeNull();
  });

  test.each(['finalizing.completing', 'finalizing.probing', 'finalizing.proving'])(
    'a record in %s is in doubt, also when it had to be recalled or was parked first',
    (state) => {
      const record = recordOf(state, tell(COMPLETING).context);
      const listed = { upload: 'listed', parts: record.memory.parts, sentEndBytes: 20 * MIB } as const;
      const laterMs = T + 5_000;
      const restored = restoredInput(record, laterMs);
      expect(tell([reconciled(listed, laterMs)], restored).state).toBe('finalizing.probing');
      const parked = tell([failed('s3_access_denied', laterMs)], restored);
      const again = restoredInput(recordOf(parked.state, parked.context), laterMs);
      expect(tell([reconciled(listed, laterMs)], again).state).toBe('finalizing.probing');
    },
  );

  test('an upload that is gone without an object of ours leaves none: the next generation begins', () => {
    const record = recordOf('finalizing.completing', tell(COMPLETING).context);
    const gone = reconciled({ upload: 'gone', object: 'not_ours' });
    const { state, context } = tell([gone], restoredInput(record, T));
    expect(state).toBe('pending_completion');
    expect(context.memory).toMatchObject({ generation: 2, completeDoubtUntilMs: null });
  });

  test('a recalled record that owed Complete is in doubt from now on', () => {
    const record = recordOf('finalizing.completing', tell(COMPLETING).context);
    const recalled = freshInput({ mustRecall: true, atMs: T });
    const listed = { recalled: record, upload: 'listed', parts: record.memory.parts, sentEndBytes: 20 * MIB } as const;
    const { state, context } = tell([reconciled(listed)], recalled);
    expect(state).toBe('finalizing.probing');
    expect(context.memory.completeDoubtUntilMs).toBe(T + SETTINGS.completeDoubtMs);
  });
});

describe('another object at the key', () => {
  const refused = (code: 'precondition_failed' | 's3_unavailable'): StreamEvent => ({
    type: 'upload.completion_failed',
    failure: failureOf(code, 'told by a test'),
    atMs: T,
  });
  const FOREIGN: StreamEvent = { type: 'object.probed', object: 'foreign', upload: 'listed', atMs: T };

  test('is given way to when Complete was refused because of it', () => {
    const { context } = tell([...COMPLETING, refused('precondition_failed'), FOREIGN]);
    expect(context.memory).toMatchObject({ generation: 2, freshKey: true, upload: null });
    expect(context.memory.leftUploads.map((left) => left.why)).toEqual(['foreign_object']);
  });

  test('is no reason to give up an upload whose Complete was merely not answered', () => {
    const { state, context } = tell([...COMPLETING, refused('s3_unavailable'), FOREIGN]);
    expect(state).toBe('finalizing.probing');
    expect(context.memory.generation).toBe(1);
  });
});

describe('the verify pass', () => {
  const RESENT = COMPLETING.slice(0, COMPLETING.findIndex((event) => event.type === 'source.verified') + 3);

  test('after parts were sent again only compares the stat with its freeze', () => {
    const { state, input } = tell(RESENT);
    expect(state).toBe('finalizing.verifying');
    expect(input['verifiedFreeze']).toEqual(freezeOf(FILE_STAT));
  });

  test('reads everything again once the file was seen to change', () => {
    const grown = statOf(21 * MIB, T);
    const { state, input } = tell([
      ...RESENT,
      { type: 'source.changed', stat: grown, atMs: T },
      FINALIZE,
      { type: 'writer.checked', stat: grown, presence: 'none', atMs: T },
    ]);
    expect(state).toBe('finalizing.verifying');
    expect(input['verifiedFreeze']).toBeNull();
  });
});

test('F71 a file that has its size before its data waits for the data', () => {
  const preallocated = freshInput({ stat: statOf(0, START_MS) });
  const found = (allocatedBytes: number) => reconciled({ stat: statOf(20 * MIB, START_MS, allocatedBytes) });
  expect(tell([found(MIB)], preallocated).state).toBe('active.waiting');
  expect(tell([found(19 * MIB)], preallocated).state).toBe('active.opening');
});

test('an upload that holds parts is never aborted by itself, also not when its file is empty', () => {
  const events = [...UPLOADING, uploaded(1), FINALIZE, settled()];
  const empty: StreamEvent = { type: 'writer.checked', stat: statOf(0, T), presence: 'none', atMs: T };
  expect(tell([...events, empty]).state).toBe('finalizing.verifying');
  expect(tell([...events, empty, { ...verified([]), freeze: freezeOf(statOf(0, T)) } as StreamEvent]).state).toBe(
    'recovering',
  );
});

describe('the operator', () => {
  test.each([
    [
      'verifying',
      COMPLETING.slice(
        0,
        COMPLETING.findIndex((event) => event.type === 'source.verified'),
      ),
    ],
    ['checking', COMPLETING.slice(0, -1)],
  ])('ends an upload that holds parts while it is %s, on his word', (_, events) => {
    const { state, input } = tell([...events, ABORT]);
    expect(state).toBe('finalizing.aborting');
    expect(input['byOperator']).toBe(true);
    expect(tell([...events, ABORT, { type: 'upload.aborted', atMs: T }]).state).toBe('aborted_no_parts.by_operator');
  });

  test('Abort is heard from completing on, and refused', () => {
    const { state, context } = tell([...COMPLETING, ABORT]);
    expect(state).toBe('finalizing.completing');
    expect(context.memory.wishes.abort).toBe(false);
  });

  test.each([
    ['the operator aborts', ABORT],
    [
      'the file is cut below what was sent',
      { type: 'file.observed', stat: statOf(MIB, T), path: freshInput().file.path, atMs: T } as const,
    ],
  ])('parts that are on their way are told to stop when %s', (_, event) => {
    const heard: unknown[] = [];
    const uploadParts = fromCallback(({ receive }) => receive((message) => heard.push(message)));
    const machine = streamMachine.provide({ actors: { uploadParts: uploadParts as never } });
    const actor = createActor(machine, { input: freshInput({ stat: FILE_STAT }) });
    actor.start();
    for (const fact of [...UPLOADING, uploaded(1), event]) actor.send(fact);
    expect(heard).toEqual([{ type: 'sending.stop' }]);
    expect(dotted(actor.getSnapshot().value)).toBe('active.uploading');
    actor.stop();
  });

  test('finalize overrides a writer, and says so to Complete', () => {
    const open = COMPLETING.map((event) => (event.type === 'writer.checked' ? { ...event, presence: 'open' } : event));
    const { state, input, context } = tell(open as StreamEvent[]);
    expect(state).toBe('finalizing.completing');
    expect(input['overrideWriter']).toBe(true);
    expect(context.memory.finalizeReason).toBe('operator');
  });
});

describe('an upload that is left behind', () => {
  const cut = { stat: statOf(MIB, T), upload: 'unasked' } as const;
  const CUT: StreamEvent = { type: 'file.observed', stat: cut.stat, path: freshInput().file.path, atMs: T };

  test('is kept and listed after a truncation; the next one takes another key', () => {
    const { context } = tell([...UPLOADING, uploaded(1), CUT, settled(false, cut.stat), reconciled(cut)]);
    expect(context.memory.leftUploads).toEqual([
      {
        target: { bucket: 'takes', key: 'take.mp4' },
        uploadId: 'u1',
        parts: 1,
        sentEndBytes: PART_BYTES,
        why: 'truncated',
      },
    ]);
    expect(context.memory).toMatchObject({ generation: 2, freshKey: true, upload: null, sentEndBytes: 0 });
  });

  test('each of them is', () => {
    const once = [...UPLOADING, uploaded(1), CUT, settled(false, cut.stat), reconciled(cut)];
    const grown: StreamEvent = { type: 'file.observed', stat: FILE_STAT, path: freshInput().file.path, atMs: T };
    const again = { ...OPENED, generation: 2 } as StreamEvent;
    const { context } = tell([...once, grown, again, ...once.slice(2)]);
    expect(context.memory.leftUploads).toHaveLength(2);
    expect(context.memory.generation).toBe(3);
  });

  test('is not remembered when S3 has lost it', () => {
    const { context } = tell([
      ...UPLOADING,
      { ...(settled() as object), failure: failureOf('upload_not_found', 'gone') } as StreamEvent,
      reconciled({ upload: 'gone', object: 'not_ours' }),
    ]);
    expect(context.memory).toMatchObject({ generation: 2, freshKey: false, leftUploads: [] });
  });

  test('one look that saw the file short does not make it cut', () => {
    const events = [...UPLOADING, uploaded(1), CUT, settled(false, cut.stat)];
    expect(tell(events).state).toBe('recovering');
    const { state, context } = tell([...events, reconciled({ upload: 'unasked' })]);
    expect(context.memory.generation).toBe(1);
    expect(state).not.toMatch(/^finalizing|^failed/);
  });
});
