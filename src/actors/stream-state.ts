// A stream actor's state value as one dotted word: `recovering`, `active.waiting`.

import type { SnapshotFrom } from 'xstate';
import type { StreamMachine } from '../machines/stream.machine.ts';

export type StreamSnapshot = SnapshotFrom<StreamMachine>;

export function dotted(value: StreamSnapshot['value']): string {
  if (typeof value === 'string') return value;
  const [top = '', sub] = Object.entries(value)[0] ?? [];
  return `${top}.${String(sub)}`;
}
