// The built daemon with a tripwire: composed as src/main.ts does it, with wrappers around its effects and ports that end the process
// by SIGKILL at the point that CAMPAIGN_CRASH_AT names. Without a point it is the daemon as it is. Nothing of this is in the program.
//
// The program is loaded from the folder that CAMPAIGN_PROGRAM names: a copy of `dist`, which a build elsewhere does not change under it.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Supervise from '../../src/actors/supervise.ts';
import type { Ports, World } from '../../src/actors/world.ts';
import type * as ProcessWorld from '../../src/cli/process-world.ts';
import type * as Program from '../../src/cli/program.ts';
import type * as Compose from '../../src/compose/compose.ts';
import type * as Tools from '../../src/compose/tools.ts';
import type * as Stream from '../../src/machines/stream.machine.ts';
import { CALLS, CRASH_AT, CRASH_SKIP, EFFECTS, PROGRAM } from './crash-points.ts';

const built = (file: string): Promise<unknown> => import(pathToFileURL(join(process.env[PROGRAM] ?? '', file)).href);

const crashAt = process.env[CRASH_AT] ?? '';
let passes = Number(process.env[CRASH_SKIP] ?? '0');

function pass(point: string): void {
  if (point !== crashAt) return;
  passes -= 1;
  if (passes < 0) process.kill(process.pid, 'SIGKILL');
}

type Call = (...args: readonly unknown[]) => Promise<unknown>;

/** `thing` with `named` methods passing a point before and after; all else as it is. */
function wired<T extends object>(thing: T, named: readonly string[], nameOf: (method: string) => string): T {
  return new Proxy(thing, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property);
      if (typeof value !== 'function') return value;
      const call = value.bind(target) as Call;
      if (!named.includes(String(property))) return call;
      const name = nameOf(String(property));
      return async (...args: readonly unknown[]) => {
        pass(`${name}.before`);
        const outcome = await call(...args);
        pass(`${name}.after`);
        return outcome;
      };
    },
  });
}

const wirePort = <T extends object>(port: T, name: keyof typeof CALLS): T =>
  wired(port, CALLS[name], (call) => `${name}.${call}`);

const wirePorts = (ports: Ports): Ports => ({
  ...ports,
  store: wirePort(ports.store, 'store'),
  journal: wirePort(ports.journal, 'journal'),
  registry: ports.registry && wirePort(ports.registry, 'registry'),
  disposal: wirePort(ports.disposal, 'disposal'),
});

/** An effect begins when it passes the gate, behind the journal's barrier, and has ended before its outcome is told. */
function wireEffects({ effectsOf }: typeof Supervise, { streamMachine }: typeof Stream) {
  return (world: World) => {
    const wire = (name: (typeof EFFECTS)[number]) => {
      const gate = wired(world.gate, ['pass'], () => `effect.${name}`);
      return [name, effectsOf({ ...world, gate })[name]] as const;
    };
    const actors = Object.fromEntries(EFFECTS.map(wire)) as ReturnType<typeof effectsOf>;
    return streamMachine.provide({ actors });
  };
}

const { endAtBugs, endProcess, processWorld } = (await built('cli/process-world.js')) as typeof ProcessWorld;
const { runProgram } = (await built('cli/program.js')) as typeof Program;

async function compose() {
  const program = (await built('compose/compose.js')) as typeof Compose;
  const stream = wireEffects(
    (await built('actors/supervise.js')) as typeof Supervise,
    (await built('machines/stream.machine.js')) as typeof Stream,
  );
  const startDaemon: typeof program.startDaemon = (config, options) =>
    program.startDaemon(config, options, crashAt === '' ? {} : { ports: wirePorts, stream });
  return { ...program, startDaemon };
}

endAtBugs();
const tools = async () => ((await built('compose/tools.js')) as typeof Tools).tools;
await endProcess(await runProgram(process.argv.slice(2), processWorld(compose, tools)));
