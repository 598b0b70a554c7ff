// One row of a fault table is one promise: what happens, what the stream says of it, how it ends. Whatever the row, at the end:
// the object is the file, byte for byte; nobody called it completed before; no upload is left open that the stream does not list;
// no Complete and no Abort ran beside anything else of its upload; no part that was acknowledged went twice without a reason.

import { appendFile, readFile } from 'node:fs/promises';
import { expect, type TestContext } from 'vitest';
import type { FailureCode } from '../../src/machines/failure.ts';
import type { StreamView } from '../../src/ports/stream-view.ts';
import { type Bed, type BedOptions, NAME, openBed } from './bed.ts';
import type { FaultRule } from './proxy/plan.ts';

export interface FaultPromise extends BedOptions {
  /** Begins with the rows of the fault table that it covers: `F33 F34 ...`. */
  readonly title: string;
  /** Of the file's own key, unless they name another or none (`key: '*'`). */
  readonly faults: readonly (Omit<FaultRule, 'key'> & { readonly key?: string })[];
  /** The file was completed before, and grows by this: the faults meet its next generation. */
  readonly appended?: Uint8Array;
  /** The faults are there before the store is probed. */
  readonly fromStart?: true;
  /** Codes that the stream must show meanwhile; none: it shows none. `anything`: whatever it shows. */
  readonly tells?: readonly FailureCode[] | 'anything';
  /** The stream waits in `failed.parked` with this code, until the faults are taken away; then it goes on by itself. */
  readonly parks?: FailureCode;
  /** Of the finished stream; 1, and the file's own key, unless said otherwise. `any`: whichever it is, it holds the file. */
  readonly generation?: number | 'any';
  readonly key?: string | 'any';
  /** How many Completes reached the proxy. */
  readonly completes?: number;
  /** Uploads that nobody can know of any more. */
  readonly strays?: number;
  /** While the faults are there, before the end is waited for. */
  readonly during?: (bed: Bed) => Promise<void>;
  readonly prove?: (bed: Bed, view: StreamView) => Promise<void> | void;
}

const HIT_DEADLINE_MS = 20_000;

/** `fault`: how many calls of the file met it. */
export const hitsOf = (bed: Bed): number => bed.proxy.calls.filter(({ fault }) => fault !== null).length;

const ruleOf = (fault: FaultPromise['faults'][number]): FaultRule => {
  const { key = NAME, ...rule } = fault;
  return key === '*' ? rule : { ...rule, key };
};

export async function keepPromise(row: FaultPromise, test: TestContext): Promise<void> {
  const rules = row.faults.map(ruleOf);
  const bed = await openBed(test, row);
  if (!row.fromStart) await bed.probed();
  if (row.appended) {
    await bed.putFile();
    await bed.waitFor('completed');
    await bed.settled();
  }
  bed.proxy.plan.add(...rules);
  if (row.appended) await appendFile(bed.path, row.appended);
  else await bed.putFile();
  if (rules.length > 0) await bed.until('a fault hits', () => hitsOf(bed) > 0 || null, HIT_DEADLINE_MS);
  await row.during?.(bed);
  if (row.parks !== undefined) {
    const parked = await bed.waitFor('failed.parked');
    expect(parked.failure?.code).toBe(row.parks);
    bed.proxy.plan.clear();
  }
  const view = await bed.waitFor('completed', ({ generation }) => !row.appended || generation > 1);
  await expectKept(bed, row, view);
  await row.prove?.(bed, view);
}

async function expectKept(bed: Bed, row: FaultPromise, view: StreamView): Promise<void> {
  const { tells = [], strays = 0 } = row;
  const key = row.key === 'any' ? (view.key ?? '') : (row.key ?? NAME);
  const generation = row.generation === 'any' ? view.generation : (row.generation ?? 1);
  await bed.settled();
  expect({ key: view.key, generation: view.generation }).toEqual({ key, generation });
  const object = await bed.objectAt(key);
  expect(object?.equals(await readFile(bed.path)), 'the object is the file').toBe(true);
  const codes = [...new Set(bed.seen.map(({ code }) => code))];
  for (const code of tells === 'anything' ? [] : tells) expect(codes, 'what the stream said').toContain(code);
  if (row.tells === undefined && row.parks === undefined) expect(codes, 'what the stream said').toEqual([]);
  const left = new Set<string>(view.leftUploads.map(({ uploadId }) => uploadId));
  const open = (await bed.openUploads()).filter((uploadId) => !left.has(uploadId));
  expect(open.length, 'uploads that nobody knows of').toBe(strays);
  expectAlone(bed);
  if (row.completes !== undefined) expect(bed.calls('CompleteMultipartUpload', key)).toHaveLength(row.completes);
  expect(bed.proxy.calls.flatMap(({ defect }) => defect ?? [])).toEqual([]);
}

/** F26, F27: the invariant of every row. */
function expectAlone(bed: Bed): void {
  const ending = ['CompleteMultipartUpload', 'AbortMultipartUpload'];
  for (const { operation, beside } of bed.proxy.calls) {
    const changing = beside.filter((one) => ['UploadPart', 'UploadPartCopy', ...ending].includes(one));
    if (ending.includes(operation)) expect(changing, `beside ${operation}`).toEqual([]);
    else if (operation === 'UploadPart')
      expect(
        beside.filter((one) => ending.includes(one)),
        'beside a part',
      ).toEqual([]);
  }
}
