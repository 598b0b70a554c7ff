// What S3 did or did not do when its answer was lost, late, wrong, or somebody else was there meanwhile: rows 13 to 32, 45, 75 and 77
// of the fault table. Complete and the object first, then parts, Create and listings.

import { open as openFile } from 'node:fs/promises';
import { describe, expect, test, vi } from 'vitest';
import { type Bed, DOUBT_MS, FILE_BYTES, IMPATIENT, NAME, PART_BYTES, PARTS } from './bed.ts';
import { type FaultPromise, hitsOf, keepPromise } from './promise.ts';
import type { Fault } from './proxy/plan.ts';
import { FOREIGN_BYTES } from './proxy/somebody.ts';

vi.setConfig({ maxConcurrency: 20, testTimeout: 90_000 });

const complete = (fault: Fault, more: object = {}) =>
  ({ on: 'CompleteMultipartUpload', fault, times: 1, ...more }) as const;
const named = (status: number, code: string, executed?: true): Fault => ({
  kind: 'answer',
  status,
  code,
  ...(executed && { executed }),
});
const meanwhile = (deed: Extract<Fault, { kind: 'meanwhile' }>['deed']): Fault => ({ kind: 'meanwhile', deed });

const partsSent = (bed: Bed, n?: number) =>
  bed.calls('UploadPart').filter((call) => n === undefined || call.partNumber === n).length;
const expectNothingSentTwice = (bed: Bed) => expect(partsSent(bed)).toBe(PARTS);

async function expectForeignUntouched(bed: Bed): Promise<void> {
  expect(await bed.objectAt(NAME)).toEqual(FOREIGN_BYTES);
}

/** @param afterMs from sending the first Complete to the end of the doubt about it */
function expectDoubtWaitedOut(bed: Bed, afterMs: number = DOUBT_MS): void {
  const [first, second] = bed.calls('CompleteMultipartUpload');
  const pauseMs = (second?.startedAtMs ?? 0) - (first?.startedAtMs ?? 0);
  expect(pauseMs).toBeGreaterThanOrEqual(afterMs - 50);
}

const COMPLETE: readonly FaultPromise[] = [
  {
    title: 'F13 F44 Complete executed and its reply lost: the object proves it, nothing is sent again',
    faults: [complete({ kind: 'drop reply' })],
    tells: ['s3_unavailable'],
    completes: 1,
    prove: expectNothingSentTwice,
  },
  {
    title: 'F13 the same where a second Complete would hear NoSuchUpload',
    behaviour: { reComplete: 'NoSuchUpload' },
    faults: [complete({ kind: 'drop reply' })],
    tells: ['s3_unavailable'],
    completes: 1,
  },
  {
    title:
      'F13 F17 a Complete that is executed long after it was given up: its repetition is told NoSuchUpload, and the object is ours',
    behaviour: { reComplete: 'NoSuchUpload', conditionalComplete: 'ignored' },
    faults: [complete({ kind: 'hold' }), complete({ kind: 'release', when: 'before' })],
    tells: ['upload_not_found'],
    prove: (bed) => expectDoubtWaitedOut(bed),
  },
  {
    title: 'F17 412, because our own first Complete won: the object is ours',
    behaviour: { reComplete: 'NoSuchUpload' },
    faults: [complete({ kind: 'hold' }), complete({ kind: 'release', when: 'before' })],
    tells: ['precondition_failed'],
    completes: 2,
    prove: (bed) => expectDoubtWaitedOut(bed),
  },
  {
    title: 'F27 Complete not executed and never answered: it is not sent again before the doubt is over',
    timeouts: IMPATIENT,
    faults: [complete({ kind: 'stall', at: 'start' })],
    tells: ['s3_unavailable'],
    completes: 2,
    // Longer than finding the file idle again takes.
    settings: { completeDoubtMs: 7_000 },
    prove: (bed) => expectDoubtWaitedOut(bed, IMPATIENT.completeMs + 7_000),
  },
  {
    title: 'F27 a Complete that takes longer than we wait: one Complete, and the object proves it',
    timeouts: IMPATIENT,
    faults: [complete({ kind: 'stall', at: 'reply' })],
    tells: ['s3_unavailable'],
    completes: 1,
  },
  {
    title: 'F15 a slow Complete that is kept alive by blanks is one success',
    faults: [complete({ kind: 'slow', delayMs: 1_200, keepsAlive: true })],
    completes: 1,
  },
  {
    title:
      'F16 200 with PreconditionFailed in its body, because our Complete has won: told by its name, and the object is ours',
    faults: [complete(named(200, 'PreconditionFailed', true))],
    tells: ['precondition_failed'],
    completes: 1,
  },
  {
    title: 'F16 200 with PreconditionFailed in its body, and nothing there: Complete is sent again',
    faults: [complete(named(200, 'PreconditionFailed'))],
    tells: ['precondition_failed'],
    completes: 2,
  },
  {
    title:
      'F18 409 ConditionalRequestConflict: looked at first, then everything is sent in another upload, which alone is completed',
    faults: [{ ...complete(named(409, 'ConditionalRequestConflict')), ofFirstUpload: true }],
    tells: ['upload_conflicted'],
    generation: 2,
    completes: 2,
    prove: (bed) => expect(partsSent(bed)).toBe(2 * PARTS),
  },
  {
    title: 'F14 NoSuchUpload at Complete, because somebody aborted it: the next generation, from the first byte',
    faults: [complete(meanwhile('the upload is aborted'))],
    tells: ['upload_not_found'],
    generation: 2,
    prove: (bed) => expect(partsSent(bed)).toBe(2 * PARTS),
  },
  {
    title: 'F14 the same where a server says 500 to it, as Ceph does',
    behaviour: { completeOfGone: 'InternalError', listOfGone: 'NoSuchKey' },
    faults: [complete(meanwhile('the upload is aborted'))],
    tells: ['s3_unavailable'],
    generation: 2,
  },
  {
    title: 'F19 InvalidPart, because part 1 was overwritten: found by its ETag, sent again, completed',
    faults: [complete(meanwhile('another part 1 is uploaded'))],
    tells: ['part_invalid'],
    completes: 2,
    prove: (bed) => expect([partsSent(bed, 1), partsSent(bed, 2)]).toEqual([2, 1]),
  },
  {
    title: 'F20 EntityTooSmall: the parts are listed, nothing is thrown away, and Complete is sent again',
    faults: [complete(named(400, 'EntityTooSmall'))],
    tells: ['part_too_small'],
    completes: 2,
  },
  {
    title: 'F19 F20 EntityTooSmall to every Complete: asked for a person, and not for ever anew; nothing is sent again',
    faults: [{ on: 'CompleteMultipartUpload', fault: named(400, 'EntityTooSmall') }],
    parks: 'parts_refused',
    prove: (bed) => {
      expectNothingSentTwice(bed);
      // Five before it is told, and one more when it is cured; each retry by itself meanwhile may add five.
      expect((bed.calls('CompleteMultipartUpload').length - 1) % 5).toBe(0);
    },
  },
  {
    title: 'F75 not there at HEAD, then the pending Complete commits, then the upload is gone: the second HEAD decides',
    behaviour: { reComplete: 'NoSuchUpload' },
    faults: [
      complete({ kind: 'hold' }),
      { on: 'ListParts', from: 2, times: 1, fault: { kind: 'release', when: 'before' } },
    ],
    tells: ['s3_unavailable'],
    completes: 1,
    prove: (bed) => {
      expectNothingSentTwice(bed);
      // Not by beginning anew and finding the object then.
      expect(bed.states).toContain('finalizing.proving');
    },
  },
];

const OBJECT: readonly FaultPromise[] = [
  {
    title: 'F77 F17 a foreign object appears just before Complete: it stays, ours goes to a name of its own',
    faults: [complete(meanwhile('a foreign object is put'))],
    tells: ['precondition_failed'],
    generation: 2,
    key: 'take~2.mkv',
    prove: expectForeignUntouched,
  },
  {
    title: 'F77 the same on a server that knows no conditions: it is seen by HEAD right before Complete',
    behaviour: { conditionalComplete: 'ignored' },
    faults: [{ on: 'HeadObject', from: 2, times: 1, fault: meanwhile('a foreign object is put') }],
    tells: ['precondition_failed'],
    generation: 2,
    key: 'take~2.mkv',
    prove: expectForeignUntouched,
  },
  {
    title: 'F77 with S3_ON_EXISTING=overwrite the foreign object is replaced, as asked',
    settings: { onExisting: 'overwrite' },
    faults: [{ on: 'HeadObject', times: 1, fault: meanwhile('a foreign object is put') }],
  },
  {
    title: 'F45 the object is deleted between Complete and its proof: sent again from the file',
    faults: [{ on: 'HeadObject', from: 2, times: 1, fault: meanwhile('the object is deleted') }],
    tells: ['object_not_found'],
    generation: 2,
  },
  {
    title: 'F45 the object is overwritten between Complete and its proof: the foreign one stays, ours is sent again',
    faults: [{ on: 'HeadObject', from: 2, times: 1, fault: meanwhile('a foreign object is put') }],
    tells: ['object_mismatch'],
    generation: 2,
    key: 'take~2.mkv',
    prove: expectForeignUntouched,
  },
  {
    title: 'F31 403 to HEAD is "unknown", never "absent": nothing is opened until it is answered',
    faults: [{ on: 'HeadObject', fault: { kind: 'answer', status: 403 } }],
    parks: 's3_access_denied',
    during: async (bed) => {
      await bed.until('HEAD was refused more than once', () => hitsOf(bed) > 1 || null);
      expect(bed.calls('CreateMultipartUpload')).toEqual([]);
    },
  },
  {
    title: 'F31 403 to HEAD after Complete: never completed on that word, never sent again',
    faults: [{ on: 'HeadObject', from: 2, fault: { kind: 'answer', status: 403 } }],
    parks: 's3_access_denied',
    completes: 1,
    prove: expectNothingSentTwice,
  },
];

const PARTS_AND_LISTS: readonly FaultPromise[] = [
  {
    title: 'F22 a part acknowledged without an ETag was not uploaded',
    faults: [{ on: 'UploadPart', partNumber: 2, times: 1, fault: { kind: 'edit', edit: 'without its ETag' } }],
    tells: ['s3_malformed_reply'],
    prove: (bed) => expect(partsSent(bed, 2)).toBe(2),
  },
  {
    title: 'F22 a part acknowledged with another checksum was not uploaded',
    faults: [{ on: 'UploadPart', partNumber: 2, times: 1, fault: { kind: 'edit', edit: 'with another checksum' } }],
    tells: ['part_digest_mismatch'],
    prove: (bed) => expect(partsSent(bed, 2)).toBe(2),
  },
  {
    title: 'F23 a part acknowledged and not listed is sent again before Complete',
    faults: [{ on: 'ListParts', times: 1, fault: { kind: 'edit', edit: 'without a part' } }],
    tells: ['part_invalid'],
    completes: 1,
    prove: (bed) => expect(partsSent(bed)).toBe(PARTS + 1),
  },
  {
    title: 'F14 an upload that is aborted under a part on its way: the next generation, from the first byte',
    faults: [{ on: 'UploadPart', partNumber: 2, times: 1, fault: meanwhile('the upload is aborted') }],
    tells: ['upload_not_found'],
    generation: 2,
  },
  {
    title: 'F14 an upload that is aborted before its tail is sent',
    faults: [{ on: 'UploadPart', partNumber: PARTS, times: 1, fault: meanwhile('the upload is aborted') }],
    tells: ['upload_not_found'],
    generation: 2,
  },
  {
    title: 'F14 an upload that is aborted before its parts are checked',
    faults: [{ on: 'ListParts', times: 1, fault: meanwhile('the upload is aborted') }],
    tells: ['upload_not_found'],
    generation: 2,
  },
  {
    title: 'F19 a part that was overwritten is found before Complete, by its ETag',
    faults: [{ on: 'ListParts', times: 1, fault: meanwhile('another part 1 is uploaded') }],
    tells: ['part_invalid'],
    completes: 1,
    prove: (bed) => expect(partsSent(bed, 1)).toBe(2),
  },
  {
    title: 'F24 a part that was given up and lands after its repetition, with the same bytes, harms nothing',
    faults: [
      { on: 'UploadPart', partNumber: 2, times: 1, fault: { kind: 'hold' } },
      { on: 'UploadPart', partNumber: 2, times: 1, fault: { kind: 'release', when: 'after' } },
    ],
    tells: ['s3_unavailable'],
    completes: 1,
    prove: (bed) => expect(partsSent(bed, 2)).toBe(2),
  },
  {
    title:
      'F24 a part that was given up and lands after its repetition, with older bytes: found by its ETag, sent again',
    faults: [
      { on: 'UploadPart', partNumber: 1, times: 1, fault: { kind: 'hold' } },
      { on: 'UploadPart', partNumber: 1, times: 1, fault: { kind: 'release', when: 'after' } },
    ],
    tells: ['s3_unavailable', 'part_invalid'],
    during: patchHead,
    prove: (bed) => expect(partsSent(bed, 1)).toBe(3),
  },
  {
    title: 'F26 F25 a Complete waits until no part is on its way, however slow parts are',
    faults: [{ on: 'UploadPart', fault: { kind: 'slow', delayMs: 300 } }],
    completes: 1,
    prove: (bed) => expect(bed.calls('CompleteMultipartUpload')[0]?.beside).toEqual([]),
  },
  {
    title: 'F26 a Complete waits for a part that was given up and may still arrive',
    settings: { lateArrivalMs: 4_000 },
    faults: [{ on: 'UploadPart', partNumber: PARTS, times: 1, fault: { kind: 'drop reply' } }],
    tells: ['s3_unavailable'],
    completes: 1,
    prove: (bed) => {
      const lost = bed.calls('UploadPart').find(({ fault }) => fault !== null);
      const [completed] = bed.calls('CompleteMultipartUpload');
      expect((completed?.startedAtMs ?? 0) - (lost?.endedAtMs ?? 0)).toBeGreaterThan(3_950);
    },
  },
  {
    title: 'F28 Create executed and its reply lost, twice: the uploads that nobody asked for are found and ended',
    faults: [{ on: 'CreateMultipartUpload', times: 2, fault: { kind: 'drop reply' } }],
    tells: ['s3_unavailable'],
    prove: (bed) => expect(bed.calls('CreateMultipartUpload')).toHaveLength(3),
  },
  {
    title:
      'F30 a listing of uploads that shows nothing: a new upload from the file, and the unknown one is all that is left',
    faults: [
      { on: 'CreateMultipartUpload', times: 1, fault: { kind: 'drop reply' } },
      { on: 'ListMultipartUploads', key: '*', fault: { kind: 'edit', edit: 'with nothing listed' } },
    ],
    tells: ['s3_unavailable'],
    strays: 1,
  },
  {
    title: 'F29 a list of parts on many pages is read to its end',
    behaviour: { maxPageEntries: 1 },
    faults: [],
    prove: (bed) => expect(bed.calls('ListParts')).toHaveLength(PARTS),
  },
  {
    title: 'F29 a list of parts whose marker goes back to the beginning is no list: it is asked for again',
    behaviour: { maxPageEntries: 2 },
    faults: [{ on: 'ListParts', times: 3, fault: { kind: 'edit', edit: 'with the first page for ever' } }],
    tells: ['s3_malformed_reply'],
    prove: expectNothingSentTwice,
  },
];

/** While part 1 is held back, the writer patches its head: what is held has the former bytes. */
async function patchHead(bed: Bed): Promise<void> {
  const file = await openFile(bed.path, 'r+');
  await file.write(Buffer.from('a head that was patched'), 0, undefined, 40);
  await file.close();
}

for (const [name, rows] of Object.entries({
  Complete: COMPLETE,
  'the object': OBJECT,
  'parts and lists': PARTS_AND_LISTS,
})) {
  describe.concurrent(name, () => {
    test.for(rows.map((row) => [row.title, row] as const))('%s', async ([, row], context) => {
      await keepPromise(row, context);
    });
  });
}

test('what the rows count on: a file of four parts', () => {
  expect(Math.ceil(FILE_BYTES / PART_BYTES)).toBe(PARTS);
});
