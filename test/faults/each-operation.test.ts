// Each request that a stream makes, under each fault that passes by itself: the stream says what it is, fails never, and the object
// is the file. A fault hits twice in a row, so that also the first repetition meets it.

import { describe, test, vi } from 'vitest';
import type { FailureCode } from '../../src/machines/failure.ts';
import { IMPATIENT, NAME, PARTS } from './bed.ts';
import { type FaultPromise, keepPromise } from './promise.ts';
import type { ProxiedOperation } from './proxy/operations.ts';
import { type Fault, WRONG_BODIES } from './proxy/plan.ts';

// Mostly waiting: for time-outs, for backing off, for the file to be quiet.
vi.setConfig({ maxConcurrency: 20, testTimeout: 90_000 });

const OPERATIONS = [
  'HeadObject',
  'CreateMultipartUpload',
  'UploadPart',
  'ListParts',
  'CompleteMultipartUpload',
  'PutObject',
  'ListMultipartUploads',
  'AbortMultipartUpload',
] as const satisfies readonly ProxiedOperation[];
type Operation = (typeof OPERATIONS)[number];

/** An upload that nobody knows of is looked for, and ended, only where one was opened and not heard of. */
const AFTER_A_LOST_CREATE: readonly Operation[] = ['ListMultipartUploads', 'AbortMultipartUpload'];
const LOST_CREATE = { on: 'CreateMultipartUpload', fault: { kind: 'drop reply' }, times: 1 } as const;
/** The receipt is the only object that is put. */
const KEY_OF: Readonly<Partial<Record<Operation, string>>> = { PutObject: `${NAME}.metadata.json` };

interface Row {
  /** Rows of the fault table. */
  readonly rows: string;
  readonly what: string;
  readonly fault: Fault;
  readonly tells: FailureCode;
  /** A HEAD has no body that could name an error. */
  readonly tellsOfHead?: FailureCode;
  /** Only where the fault makes sense. */
  readonly on?: readonly Operation[];
}

const WITH_XML: readonly Operation[] = [
  'CreateMultipartUpload',
  'ListParts',
  'CompleteMultipartUpload',
  'ListMultipartUploads',
];
const CHANGING: readonly Operation[] = [
  'CreateMultipartUpload',
  'UploadPart',
  'CompleteMultipartUpload',
  'PutObject',
  'AbortMultipartUpload',
];

const PASSING: readonly Row[] = [
  {
    rows: 'F34',
    what: '500 InternalError',
    fault: { kind: 'answer', status: 500, code: 'InternalError' },
    tells: 's3_unavailable',
  },
  {
    rows: 'F34',
    what: '500 InternalError after it was executed',
    fault: { kind: 'answer', status: 500, code: 'InternalError', executed: true },
    tells: 's3_unavailable',
    on: CHANGING,
  },
  { rows: 'F34', what: '502 with a page', fault: { kind: 'answer', status: 502, html: true }, tells: 's3_unavailable' },
  { rows: 'F34', what: '504 without a body', fault: { kind: 'answer', status: 504 }, tells: 's3_unavailable' },
  { rows: 'F34', what: 'a reset before anything is read', fault: { kind: 'drop request' }, tells: 's3_unavailable' },
  {
    rows: 'F34',
    what: 'a reset in the middle of the body',
    fault: { kind: 'drop request', afterShare: 0.5 },
    tells: 's3_unavailable',
    on: ['UploadPart', 'CompleteMultipartUpload', 'PutObject'],
  },
  { rows: 'F34', what: 'executed, and the reply dropped', fault: { kind: 'drop reply' }, tells: 's3_unavailable' },
  {
    rows: 'F34',
    what: 'a reset in the middle of the reply',
    fault: { kind: 'cut reply', afterShare: 0.5 },
    tells: 's3_unavailable',
    on: WITH_XML,
  },
  {
    rows: 'F35',
    what: 'a stall before anything moves',
    fault: { kind: 'stall', at: 'start' },
    tells: 's3_unavailable',
  },
  {
    rows: 'F35',
    what: 'a stall in the middle of the body',
    fault: { kind: 'stall', at: 'request body' },
    tells: 's3_unavailable',
    on: ['UploadPart'],
  },
  { rows: 'F35', what: 'executed, and no reply', fault: { kind: 'stall', at: 'reply' }, tells: 's3_unavailable' },
  {
    rows: 'F35',
    what: 'a stall after the headers of the reply',
    fault: { kind: 'stall', at: 'reply headers' },
    tells: 's3_unavailable',
    on: WITH_XML,
  },
  {
    rows: 'F33',
    what: '503 SlowDown',
    fault: { kind: 'answer', status: 503, code: 'SlowDown' },
    tells: 's3_throttled',
    tellsOfHead: 's3_unavailable',
  },
  {
    rows: 'F33',
    what: '503 SlowDown with Retry-After',
    fault: { kind: 'answer', status: 503, code: 'SlowDown', retryAfterSeconds: 1 },
    tells: 's3_throttled',
    tellsOfHead: 's3_unavailable',
  },
  {
    rows: 'F32',
    what: '200 with a page',
    fault: { kind: 'answer', status: 200, html: true },
    tells: 's3_malformed_reply',
  },
  {
    rows: 'F37',
    what: '403 ExpiredToken',
    fault: { kind: 'answer', status: 403, code: 'ExpiredToken' },
    tells: 's3_credentials_expired',
    tellsOfHead: 's3_access_denied',
  },
  {
    rows: 'F38',
    what: '403 RequestTimeTooSkewed',
    fault: { kind: 'answer', status: 403, code: 'RequestTimeTooSkewed' },
    tells: 's3_clock_skew',
    tellsOfHead: 's3_access_denied',
  },
];

/** What a 200 with a wrong body is taken for. */
const TOLD_OF_BODY: Readonly<Record<(typeof WRONG_BODIES)[number], FailureCode>> = {
  'error after blanks': 's3_unavailable',
  'error with a newline at its end': 's3_unavailable',
  'error cut short': 's3_malformed_reply',
  nothing: 's3_malformed_reply',
  'an HTML page': 's3_malformed_reply',
  'another root element': 's3_malformed_reply',
  'the result without its fields': 's3_malformed_reply',
};

const bodies = (operation: Operation): readonly Row[] =>
  WRONG_BODIES.flatMap((body) => {
    const row = {
      rows: 'F15',
      fault: { kind: 'wrong body', body, executed: false } as Fault,
      tells: TOLD_OF_BODY[body],
    };
    const what = `200 with ${body}`;
    const executed = { ...row, what: `${what}, executed`, fault: { ...row.fault, executed: true } as Fault };
    // An Abort has no body to answer with: this one is in order.
    if (operation === 'AbortMultipartUpload' && body === 'nothing') return [];
    return CHANGING.includes(operation) ? [{ ...row, what }, executed] : [{ ...row, what }];
  });

function rowsOf(operation: Operation): readonly FaultPromise[] {
  const passing = PASSING.filter(({ on }) => on === undefined || on.includes(operation));
  // A HEAD answers without a body, whatever it is.
  const all = operation === 'HeadObject' ? passing : [...passing, ...bodies(operation)];
  return all.map(({ rows, what, fault, tells, tellsOfHead }) => ({
    title: `${rows} ${operation}: ${what}`,
    faults: [
      // A listing is not of a key: it names the key as what keys begin with.
      { on: operation, fault, times: 2, key: operation === 'ListMultipartUploads' ? '' : (KEY_OF[operation] ?? NAME) },
      ...(AFTER_A_LOST_CREATE.includes(operation) ? [LOST_CREATE] : []),
    ],
    tells: [operation === 'HeadObject' ? (tellsOfHead ?? tells) : tells],
    ...(fault.kind === 'stall' && { timeouts: IMPATIENT }),
    prove: (bed) => {
      if (operation !== 'UploadPart' && fault.kind !== 'stall') expectOnceEach(bed.calls('UploadPart').length);
    },
  }));
}

/** Other requests' troubles send no part again. */
function expectOnceEach(parts: number): void {
  if (parts !== PARTS) throw new Error(`${parts} parts were sent for ${PARTS}`);
}

for (const operation of OPERATIONS) {
  describe.concurrent(operation, () => {
    test.for(rowsOf(operation).map((row) => [row.title, row] as const))('%s', async ([, row], context) => {
      await keepPromise(row, context);
    });
  });
}
