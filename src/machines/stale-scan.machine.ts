// The stale scan: at each tick it looks for what has become due. One scan at a time; ticks that come meanwhile are dropped,
// because the scan looks at everything that is due by the time it runs.
//
// It decides nothing about streams: it tells each what was seen (the file, its writer) and that its time has come; the stream
// believes its own eyes only.

import { assign, fromCallback, setup } from 'xstate';

export type StaleScanEvent =
  | { readonly type: 'tick'; readonly atMs: number }
  | { readonly type: 'scan.finished'; readonly due: number; readonly atMs: number };

export interface ScanInput {
  readonly atMs: number;
}

const staleScan = setup({
  types: { context: {} as { readonly atMs: number }, events: {} as StaleScanEvent },
  actors: { scan: fromCallback<StaleScanEvent, ScanInput, StaleScanEvent>(() => {}) },
  actions: { noteTime: assign(({ event }) => ({ atMs: event.atMs })) },
});

export const staleScanMachine = staleScan.createMachine({
  id: 'staleScan',
  context: { atMs: 0 },
  initial: 'resting',
  states: {
    resting: { on: { tick: { target: 'scanning', actions: 'noteTime' } } },
    scanning: {
      invoke: { id: 'scan', src: 'scan', input: ({ context }) => ({ atMs: context.atMs }) },
      on: { 'scan.finished': { target: 'resting', actions: 'noteTime' } },
    },
  },
});
