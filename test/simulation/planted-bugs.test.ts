// Every planted bug is found by the checker within its number of seeds; without the checker none would be.

import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { PLANTED_BUGS, type PlantedBug } from './planted-bugs.ts';
import { DOCS_FILE, withTable } from './planted-bugs-table.ts';
import { run } from './run.ts';

/** Hundreds of runs at worst, on a machine that others use too. */
const LONG_MS = 240_000;

/** The mistakes that a program like this one must not make, one by one. */
const DEMANDED = [
  'the verify pass is skipped',
  'the ledger is believed over ListParts',
  'the fence of a lease is dropped',
  'NoSuchUpload means done',
  '403 means absent',
  'Complete does not wait for parts that may still arrive',
  'Complete without an answer is sent again at once',
  'parts that S3 does not have are left out of Complete',
  'a failed Complete aborts the upload',
  'ranges are compared by CRC32 alone',
  'the freeze is forgotten while parts are sent again',
  'a lost upload is answered by one HEAD',
];

/** The first seed whose run breaks what the bug breaks; null: none of the first `upTo`. */
async function foundBy(bug: PlantedBug, upTo: number, checks = true): Promise<number | null> {
  const { swaps, adapt, breaks } = bug;
  for (let seed = 1; seed <= upTo; seed += 1) {
    const { violations } = await run(seed, { swaps, checks, ...(adapt ? { adapt } : {}) });
    if (violations.some(({ invariant }) => invariant === breaks)) return seed;
  }
  return null;
}

describe('the checker finds', () => {
  it.each(PLANTED_BUGS)(
    '$name: $breaks within $withinSeeds seeds',
    async (bug) => {
      expect(await foundBy(bug, bug.withinSeeds)).not.toBeNull();
    },
    LONG_MS,
  );

  it('nothing, when it is turned off', async () => {
    const [obvious] = PLANTED_BUGS as readonly [PlantedBug];
    expect(await foundBy(obvious, obvious.withinSeeds)).not.toBeNull();
    expect(await foundBy(obvious, obvious.withinSeeds, false)).toBeNull();
  });
});

describe('the list of planted bugs', () => {
  it('has the twelve that are demanded, each once', () => {
    const names = PLANTED_BUGS.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(DEMANDED));
    expect(new Set(names).size).toBe(names.length);
  });

  it('is the table of docs/simulation.md (npx node test/simulation/planted-bugs-table.ts)', async () => {
    const text = await readFile(DOCS_FILE, 'utf8');
    expect(text).toBe(withTable(text));
  });
});
