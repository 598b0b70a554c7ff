// clearUploads: ends the uploads that the stream went on from into another one. Owed by `s3_completed.clearing`, when the object that
// holds every byte of theirs is proven; waits for the journal.
//
// Safe to run twice, and killed anywhere: an upload that is gone already is done, what is left is owed again after the start.

import type { ClearUploadsInput } from '../../machines/stream.effects.ts';
import { effect } from '../effect.ts';
import { leaseConfirmed } from '../lease.ts';
import { endUpload } from './end-upload.ts';
import { failed } from './failing.ts';

export const clearUploads = effect<ClearUploadsInput>(
  { name: 'clearUploads', waitsForJournal: true },
  async (input, run, world) => {
    const lease = await leaseConfirmed(world, input.streamId, input.file.folder);
    if (!lease.ok) return failed(lease.failure, run.now());
    for (const upload of input.uploads) {
      const ended = await endUpload({ ...upload, folder: input.file.folder }, run, world);
      if (!ended.ok) return failed(ended.failure, run.now());
    }
    return { type: 'uploads.cleared', atMs: run.now() };
  },
);
