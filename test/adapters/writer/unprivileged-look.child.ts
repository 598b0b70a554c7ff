// Child: without privileges, asks for two files: one that a process of our own user writes (started after the drop), and one that
// nobody writes, while processes of root exist. Prints both answers.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createFsFileSource } from '../../../src/adapters/fs-file-source.ts';
import { createProcWriterCheck } from '../../../src/adapters/proc-writer-check.ts';
import { found, refOf } from '../../contracts/file-source.contract.ts';
import { dropPrivileges } from '../unprivileged.ts';

const folder = process.argv[2] ?? '';
const source = createFsFileSource();
const [written, quiet] = [
  refOf(await found(source, { folder }, join(folder, 'written'))),
  refOf(await found(source, { folder }, join(folder, 'quiet'))),
];
// `sh` rather than node: it must be runnable by nobody, wherever node lies. The real uid too, or /proc would belong to root.
const nobody = process.geteuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
const script = 'exec 3>>"$0"; echo ready; read line';
const writer = spawn('/bin/sh', ['-c', script, join(folder, 'written')], { ...nobody, cwd: '/' });
await once(writer.stdout, 'data');
dropPrivileges();
const outcome = await createProcWriterCheck({ seesAllProcesses: true }).look([written, quiet]);
console.log(JSON.stringify(outcome.ok ? [written, quiet].map(({ streamId }) => outcome.value.get(streamId)) : outcome));
writer.stdin.end();
await once(writer, 'exit');
