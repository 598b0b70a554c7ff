// A file that was completed and grows again: its next generation has S3 copy what the former object holds. Whatever becomes of a
// copy, the object is the file; a copy that does not work out is a part that is sent.

import { describe, expect, test, vi } from 'vitest';
import { content } from '../fixtures/writers/content.ts';
import { type Bed, IMPATIENT, PARTS } from './bed.ts';
import { type FaultPromise, keepPromise } from './promise.ts';
import { type Fault, WRONG_BODIES } from './proxy/plan.ts';

vi.setConfig({ maxConcurrency: 20, testTimeout: 90_000 });

const GROWS = { appended: content(300_000, 7), generation: 2 } as const;
/** Whole parts of the first generation, whose bytes are still those of the file. */
const COPIED = PARTS - 1;
const copies = (bed: Bed) => bed.calls('UploadPartCopy');

interface Row {
  readonly rows: string;
  readonly what: string;
  readonly fault: Fault;
  /** It may have been executed: the stream says so, and waits. */
  readonly isDoubtful?: true;
}

const ROWS: readonly Row[] = [
  {
    rows: 'F34',
    what: '500 InternalError',
    fault: { kind: 'answer', status: 500, code: 'InternalError' },
    isDoubtful: true,
  },
  { rows: 'F34', what: '502 with a page', fault: { kind: 'answer', status: 502, html: true }, isDoubtful: true },
  { rows: 'F34', what: 'executed, and the reply dropped', fault: { kind: 'drop reply' }, isDoubtful: true },
  { rows: 'F34', what: 'a reset before anything is read', fault: { kind: 'drop request' }, isDoubtful: true },
  {
    rows: 'F34',
    what: 'a reset in the middle of the reply',
    fault: { kind: 'cut reply', afterShare: 0.5 },
    isDoubtful: true,
  },
  { rows: 'F35', what: 'executed, and no reply', fault: { kind: 'stall', at: 'reply' }, isDoubtful: true },
  { rows: 'F33', what: '503 SlowDown', fault: { kind: 'answer', status: 503, code: 'SlowDown' } },
  { rows: 'F39', what: '403 AccessDenied', fault: { kind: 'answer', status: 403, code: 'AccessDenied' } },
  { rows: 'F42', what: '501 NotImplemented', fault: { kind: 'answer', status: 501, code: 'NotImplemented' } },
  { rows: 'F45', what: 'the object is deleted meanwhile', fault: { kind: 'meanwhile', deed: 'the object is deleted' } },
  {
    rows: 'F45',
    what: 'the object is another meanwhile',
    fault: { kind: 'meanwhile', deed: 'a foreign object is put' },
  },
  ...WRONG_BODIES.map((body): Row => {
    const fault = { kind: 'wrong body', body, executed: false } as const;
    return { rows: 'F15', what: `200 with ${body}`, fault, isDoubtful: true };
  }),
];

/** Deleting or replacing the former object makes the conditions of its next generation fail: it is looked at, as ever. */
const changesTheObject = ({ fault }: Row) => fault.kind === 'meanwhile';

function promiseOf(row: Row): FaultPromise {
  const { rows, what, fault, isDoubtful } = row;
  return {
    ...GROWS,
    title: `${rows} UploadPartCopy: ${what}`,
    ...(fault.kind === 'stall' && { timeouts: IMPATIENT }),
    faults: [{ on: 'UploadPartCopy', fault, times: 1 }],
    tells: 'anything',
    ...(changesTheObject(row) && { generation: 'any', key: 'any' }),
    prove: (bed) => {
      expect(copies(bed).some((copy) => copy.fault !== null)).toBe(true);
      if (isDoubtful) expect(bed.seen.length).toBeGreaterThan(0);
    },
  };
}

describe.concurrent('a copy', () => {
  test.for(ROWS.map((row) => [promiseOf(row).title, row] as const))('%s', async ([, row], context) => {
    await keepPromise(promiseOf(row), context);
  });

  test('spares every part that the former object holds', async (context) => {
    const row: FaultPromise = {
      ...GROWS,
      title: 'spares',
      faults: [],
      prove: (bed) => {
        expect(copies(bed)).toHaveLength(COPIED);
        // The former tail is longer now, and has a part behind it at most.
        expect(bed.calls('UploadPart').length - PARTS).toBeLessThanOrEqual(2);
      },
    };
    await keepPromise(row, context);
  });
});
