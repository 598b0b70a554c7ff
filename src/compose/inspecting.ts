// `--inspect`: the inspector's code is loaded only now, and the actor system observed only while somebody is attached.

import type { Supervisor } from '../actors/supervise.ts';
import type { Inspectable } from '../adapters/stately-inspector-feed.ts';

/** Resolves to its address. */
export async function startInspecting(
  supervisor: Supervisor,
  onClose: (step: () => Promise<unknown>) => void,
): Promise<string> {
  const { startStatelyInspector } = await import('../adapters/stately-inspector.ts');
  const inspector = await startStatelyInspector(inspectable(supervisor));
  onClose(() => inspector.close());
  return inspector.address;
}

export const inspectable = (supervisor: Supervisor): Inspectable => ({
  root: supervisor as unknown as Inspectable['root'],
  observe: (observer) => supervisor.system.inspect(observer),
  isQuiet: (actorId) => actorId.startsWith('group-'),
  isHidden: (actorId) => actorId === 'scan',
  isHeartbeat: (eventType) => eventType === 'tick' || eventType === 'scan.finished',
});
