// Puts the machines and their work together into the actor system that is the daemon. The only place that knows all effects.

import { type Actor, createActor } from 'xstate';
import { staleScanMachine } from '../machines/stale-scan.machine.ts';
import { type StreamMachine, streamMachine } from '../machines/stream.machine.ts';
import { streamGroupMachine } from '../machines/stream-group.machine.ts';
import { supervisorMachine } from '../machines/supervisor.machine.ts';
import { bootLogic } from './boot.ts';
import { drainLogic } from './drain.ts';
import { abortUpload } from './effects/abort-upload.ts';
import { checkParts } from './effects/check-parts.ts';
import { checkWriter } from './effects/check-writer.ts';
import { clearUploads } from './effects/clear-uploads.ts';
import { completeUpload } from './effects/complete-upload.ts';
import { disposeSource } from './effects/dispose-source.ts';
import { openUpload } from './effects/open-upload.ts';
import { probeObject } from './effects/probe-object.ts';
import { proveObject } from './effects/prove-object.ts';
import { publishReceipt } from './effects/publish-receipt.ts';
import { reconcile } from './effects/reconcile.ts';
import { uploadParts } from './effects/upload-parts.ts';
import { verifySource } from './effects/verify-source.ts';
import { observeStreams } from './observe-streams.ts';
import type { RegistryMirror } from './registry-mirror.ts';
import { scanLogic } from './scan.ts';
import { standbyLogic } from './standby.ts';
import { tickerLogic } from './ticker.ts';
import { watchLogic } from './watch.ts';
import type { World } from './world.ts';

export type Supervisor = Actor<typeof supervisorMachine>;

/** The work that a stream's states owe. */
export const effectsOf = (world: World) => ({
  reconcile: reconcile(world),
  openUpload: openUpload(world),
  uploadParts: uploadParts(world),
  checkWriter: checkWriter(world),
  verifySource: verifySource(world),
  checkParts: checkParts(world),
  completeUpload: completeUpload(world),
  probeObject: probeObject(world),
  proveObject: proveObject(world),
  abortUpload: abortUpload(world),
  publishReceipt: publishReceipt(world),
  clearUploads: clearUploads(world),
  disposeSource: disposeSource(world),
});

/** The stream's chart with it. */
export const streamWith = (world: World): StreamMachine => streamMachine.provide({ actors: effectsOf(world) });

export function supervise(world: World, mirror: RegistryMirror | null, stream = streamWith(world)): Supervisor {
  const streamGroup = streamGroupMachine.provide({ actors: { stream } });
  const staleScan = staleScanMachine.provide({ actors: { scan: scanLogic(world) } });
  const machine = supervisorMachine.provide({
    actors: {
      streamGroup,
      staleScan,
      boot: bootLogic(world, mirror),
      standby: standbyLogic(world),
      watch: watchLogic(world),
      ticker: tickerLogic(world),
      drain: drainLogic(world, mirror),
    },
  });
  const { settings, once } = world.options;
  return createActor(machine, { input: { settings, once }, inspect: observeStreams(world) });
}
