// The whole daemon on fakes: the real actor system, with a disk, an S3, a journal and a Redis in memory. Time passes by
// `stage.until`. `crash` ends it as a kill would: nothing of it acts any more; what was stored stays.

import { RegistryMirror } from '../../src/actors/registry-mirror.ts';
import { StreamOperator } from '../../src/actors/stream-operator.ts';
import { type Supervisor, supervise } from '../../src/actors/supervise.ts';
import type { StreamView } from '../../src/ports/stream-view.ts';
import type { Stage } from './stage.ts';

export interface FakeDaemon {
  readonly supervisor: Supervisor;
  readonly operator: StreamOperator;
  crash(): void;
  /** Waits until the stream of the path is in the state (or a state below it) or status. */
  waitFor(path: string, wanted: string | ((view: StreamView) => boolean), forMs?: number): Promise<StreamView>;
  viewOf(path: string): StreamView | null;
}

export async function startFakeDaemon(stage: Stage): Promise<FakeDaemon> {
  const { world } = stage;
  const mirror = world.registry && new RegistryMirror(world, world.registry);
  stage.onSaved = (saved) => mirror?.push(saved);
  const supervisor = supervise(world, mirror);
  stage.tell = (event) => supervisor.send(event);
  let isDead = false;
  supervisor.start();
  await stage.until(() => supervisor.getSnapshot().value === 'running');
  const viewOf = (path: string) => [...stage.views.values()].find((view) => view.path === path) ?? null;
  return {
    supervisor,
    operator: new StreamOperator(world, supervisor, mirror),
    viewOf,
    crash() {
      if (isDead) return;
      isDead = true;
      supervisor.stop();
      mirror?.stop();
      stage.onSaved = undefined;
      stage.tell = undefined;
    },
    async waitFor(path, wanted, forMs) {
      const isWanted = (view: StreamView) =>
        typeof wanted === 'string'
          ? view.status === wanted || view.state === wanted || view.state.startsWith(`${wanted}.`)
          : wanted(view);
      return await stage.until(() => {
        const view = viewOf(path);
        return view && isWanted(view) ? view : null;
      }, forMs);
    },
  };
}
