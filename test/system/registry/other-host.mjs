// The built program as it runs on a host of its own: the locks of this one are not seen, those of OTHER_HOST_LOCKS are. So that two hosts
// with one folder can be tried on one machine; everything else is the program as it is shipped.

import { createSocketLock } from '../../../dist/adapters/socket-lock.js';
import { endAtBugs, endProcess, processWorld } from '../../../dist/cli/process-world.js';
import { runProgram } from '../../../dist/cli/program.js';

const lock = createSocketLock({ place: 'file', folder: process.env.OTHER_HOST_LOCKS });

async function compose() {
  const real = await import('../../../dist/compose/compose.js');
  return { ...real, startDaemon: (config, options) => real.startDaemon(config, { ...options, lock }) };
}

endAtBugs();
const tools = async () => (await import('../../../dist/compose/tools.js')).tools;
await endProcess(await runProgram(process.argv.slice(2), processWorld(compose, tools)));
