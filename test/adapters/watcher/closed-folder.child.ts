// Child: sweeps the folder without privileges and prints the findings.

import { createChokidarWatcher } from '../../../src/adapters/chokidar-watcher.ts';
import { dropPrivileges } from '../unprivileged.ts';

const folder = process.argv[2] ?? '';
dropPrivileges();
const findings = [];
const watcher = createChokidarWatcher({ folders: [folder], include: ['**/*'], exclude: [] });
for await (const finding of watcher.sweep(new AbortController().signal)) {
  findings.push('path' in finding ? { folder: finding.folder, path: finding.path } : finding);
}
console.log(JSON.stringify(findings));
