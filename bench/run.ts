// npm run bench [-- NAME... --json]: builds the daemon aside and runs the named benchmarks, or all of them, one after another.

import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DIST } from './daemon.ts';
import { asText, type Figures, machine } from './figures.ts';

const BENCHMARKS: Readonly<Record<string, () => Promise<Figures>>> = {
  'upload-cpu': async () => (await import('./upload-cpu.ts')).uploadCpu(),
  'finalization-lag': async () => (await import('./finalization-lag.ts')).finalizationLag(),
  'event-loop': async () => (await import('./event-loop.ts')).eventLoop(),
  'memory-streams': async () => (await import('./memory-streams.ts')).memoryStreams(),
  'memory-length': async () => (await import('./memory-length.ts')).memoryLength(),
  'journal-parts': async () => (await import('./journal-parts.ts')).journalParts(),
  spawn: async () => (await import('./spawn.ts')).spawn(),
  idle: async () => (await import('./idle.ts')).idle(),
  growing: async () => (await import('./growing.ts')).growing(),
  recovery: async () => (await import('./recovery.ts')).recovery(),
};

const root = fileURLToPath(new URL('..', import.meta.url));
const args = process.argv.slice(2);
const json = args.includes('--json');
const asked = args.filter((arg) => !arg.startsWith('--'));
const unknown = asked.filter((name) => !(name in BENCHMARKS));
if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(', ')}; there are ${Object.keys(BENCHMARKS).join(', ')}`);
  process.exit(2);
}

// `--built`: measure what was built before, while somebody works on the sources.
if (!args.includes('--built')) {
  execFileSync('npx', ['tsc', '-p', 'tsconfig.build.json', '--outDir', DIST], { cwd: root, stdio: 'inherit' });
  cpSync(join(root, 'package.json'), join(DIST, '../package.json'));
  cpSync(join(root, 'bin'), join(DIST, '../bin'), { recursive: true });
  cpSync(join(root, 'src'), DIST, { recursive: true, filter: (path) => !path.endsWith('.ts') });
}

for (const [name, measure] of Object.entries(BENCHMARKS)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const on = machine();
  const figures = await measure();
  process.stdout.write(json ? `${JSON.stringify({ ...figures, machine: on })}\n` : `${asText(figures)}(${on})\n\n`);
}
