// A prober that says what the test tells it to; without that there is no ffprobe.

import type { Probed, Prober } from '../../src/ports/prober.ts';

export const scriptedProber = (probe?: () => Probed | Promise<Probed>): Prober => ({
  probe: async () => (await probe?.()) ?? { media: null, reason: 'no ffprobe' },
});
