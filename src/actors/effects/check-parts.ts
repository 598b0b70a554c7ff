// checkParts: a full ListParts against the ledger. Owed by `finalizing.checking`. Only looks; safe at any time.

import { differencesFrom } from '../../machines/part-ledger.ts';
import type { CheckPartsInput } from '../../machines/stream.effects.ts';
import { effect } from '../effect.ts';
import { failed } from './failing.ts';

export const checkParts = effect<CheckPartsInput>(
  { name: 'checkParts', waitsForJournal: false },
  async (input, run, world) => {
    const rows = await world.writeAhead.rows(input.streamId, input.upload.uploadId);
    if (!rows.ok) return failed(rows.failure, run.now());
    const listed = await world.store.listParts(input.upload, { signal: run.signal });
    if (!listed.ok) return failed(listed.failure, run.now());
    const { wrong, excess } = differencesFrom(rows.value, listed.value.parts, input.partCount);
    return { type: 'parts.checked', wrong, excess, atMs: run.now() };
  },
);
