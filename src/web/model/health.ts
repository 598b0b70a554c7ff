// How the daemon is, as a row of lamps: each says what it stands for and how it is, in words.

import type { DaemonView } from '../../ports/views.ts';
import { durationWords, shown } from './words.ts';

export type LampTone = 'good' | 'bad' | 'wait' | 'none';

export interface Lamp {
  readonly what: string;
  readonly how: string;
  readonly tone: LampTone;
}

/** A scan each second or so; this late, something holds it up. */
const SCAN_IS_LATE_MS = 30_000;

/** A phase that this page does not know yet is shown by its name. */
const PHASE_TONES: Readonly<Record<string, LampTone>> = {
  booting: 'wait',
  standby: 'wait',
  running: 'good',
  draining: 'wait',
  stopped: 'bad',
};

const reachable = (is: boolean | null, unknown: string): { how: string; tone: LampTone } => {
  if (is === null) return { how: unknown, tone: 'none' };
  return is ? { how: 'reachable', tone: 'good' } : { how: 'does not answer', tone: 'bad' };
};

export function lampsOf(daemon: DaemonView, nowMs: number): readonly Lamp[] {
  const scanAgeMs = daemon.lastStaleScanAtMs === null ? null : Math.max(0, nowMs - daemon.lastStaleScanAtMs);
  return [
    {
      what: 'Daemon',
      how: daemon.phase,
      tone: daemon.reasons.length > 0 ? 'wait' : (PHASE_TONES[daemon.phase] ?? 'none'),
    },
    { what: 'S3', ...reachable(daemon.objectStoreReachable, 'not asked yet') },
    { what: 'Redis', ...reachable(daemon.registryReachable, 'not used') },
    {
      what: 'Journal',
      how: daemon.journalWritable ? 'writable' : 'cannot be written',
      tone: daemon.journalWritable ? 'good' : 'bad',
    },
    {
      what: 'Last scan',
      how: scanAgeMs === null ? 'none yet' : `${durationWords(scanAgeMs)} ago`,
      tone: scanAgeMs === null ? 'none' : scanAgeMs > SCAN_IS_LATE_MS ? 'wait' : 'good',
    },
  ];
}

const PHASE_REASONS: Readonly<Record<string, string>> = {
  booting: 'It starts: streams of the last run are looked at again.',
  standby: 'It stands by: another daemon carries for this folder, and this one takes over when that one is gone.',
  draining: 'It drains: what is in flight is finished, nothing new begins.',
  stopped: 'It has stopped.',
};

/** Why it does not do all of its work right now, as sentences; empty: it does. */
export function reasonsOf({ phase, reasons, troubles }: DaemonView): readonly string[] {
  const ofPhase = PHASE_REASONS[phase];
  return [...(ofPhase === undefined ? [] : [ofPhase]), ...reasons.map(shown), ...troubles.map(shown)];
}
