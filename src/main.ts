// The program. compose.ts, and with it every vendor, is loaded only by the verbs that need a daemon or a journal.

import { endAtBugs, endProcess, processWorld } from './cli/process-world.ts';
import { runProgram } from './cli/program.ts';

endAtBugs();
await endProcess(
  await runProgram(
    process.argv.slice(2),
    processWorld(
      () => import('./compose/compose.ts'),
      async () => (await import('./compose/tools.ts')).tools,
    ),
  ),
);
