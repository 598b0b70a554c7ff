// What every notifier promises, run against each with a receiver that does as it is told.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Notice, Notifier } from '../../src/ports/notifier.ts';

/** A notifier, and its receiver. */
export interface NotifierBench {
  readonly notifier: Notifier;
  /** From now on the receiver takes what it gets, says no, or never answers. */
  receiver(does: 'takes' | 'refuses' | 'hangs'): void;
  /** The receiver is not there at all. */
  leave(): Promise<void>;
  /** The JSON texts that it took, in order. */
  taken(): Promise<readonly string[]>;
  end(): Promise<void>;
}

export const TIMEOUT_MS = 500;

export const sampleNotice = (more: Partial<Notice> = {}): Notice => ({
  ...{ id: 'stream-1-completed', status: 'completed', stream_id: 'stream', generation: 1, path: '/rec/take.mkv' },
  ...{ bucket: 'takes', key: 'take.mkv', size: 12, etag: 'e-1', crc32: '00c0ffee', failure: null, will_retry: false },
  at: '2026-11-22T18:00:00.000Z',
  ...more,
});

/** Names that would do something in a shell, an option parser, a header or a log. */
export const HOSTILE = '/rec/-rf $(touch pwned) `id` ;\n"\'\\ %0a é \u{1f600}.mp4';

export function notifierContract(name: string, start: () => Promise<NotifierBench>): void {
  describe(`notifier contract: ${name}`, () => {
    let bench: NotifierBench;
    const never = new AbortController().signal;
    beforeEach(async () => {
      bench = await start();
    });
    afterEach(() => bench.end());

    it('brings the whole notice, once per attempt', async () => {
      const notices = [sampleNotice(), sampleNotice({ id: 'other', path: HOSTILE, key: HOSTILE })];
      for (const notice of notices) expect(await bench.notifier.notify(notice, never)).toEqual({ delivered: true });
      expect((await bench.taken()).map((text) => JSON.parse(text))).toEqual(notices);
    });

    it('says in one line why it was not taken', async () => {
      bench.receiver('refuses');
      const refused = await bench.notifier.notify(sampleNotice(), never);
      await bench.leave();
      const alone = await bench.notifier.notify(sampleNotice(), never);
      for (const delivery of [refused, alone]) {
        if (delivery.delivered) throw new Error('it was delivered');
        expect(delivery.detail).toMatch(/^[^\n]{10,300}$/);
      }
    });

    it('gives a receiver that hangs up in time, and is delivered when that is cured', async () => {
      bench.receiver('hangs');
      const startedMs = performance.now();
      expect(await bench.notifier.notify(sampleNotice(), never)).toMatchObject({
        delivered: false,
        detail: expect.stringContaining(`${TIMEOUT_MS / 1_000} s`),
      });
      expect(performance.now() - startedMs).toBeLessThan(TIMEOUT_MS + 5_000);
      bench.receiver('takes');
      expect(await bench.notifier.notify(sampleNotice(), never)).toEqual({ delivered: true });
    });

    it('stops at the signal', async () => {
      bench.receiver('hangs');
      const stop = new AbortController();
      const told = bench.notifier.notify(sampleNotice(), stop.signal);
      stop.abort();
      expect((await told).delivered).toBe(false);
      expect((await bench.notifier.notify(sampleNotice(), AbortSignal.abort())).delivered).toBe(false);
    });
  });
}
