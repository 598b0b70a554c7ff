// Checks of the program itself: its Node, and the configuration as `run` would read it.

import { type Check, fail, ok } from './finding.ts';

const LEAST_NODE = [22, 22, 2] as const;

export const checkNode: Check = async () => {
  const version = process.versions.node;
  const have = version.split('.').map(Number);
  const differs = LEAST_NODE.findIndex((least, i) => have[i] !== least);
  const isOld = differs !== -1 && (have[differs] ?? 0) < (LEAST_NODE[differs] ?? 0);
  if (!isOld) return [ok('node', version)];
  const cure = `install Node ${LEAST_NODE.join('.')} or newer`;
  return [fail('node', 'unavailable', `${version} is too old`, 'libraries that tailrace uses do not run on it', cure)];
};

/** What is missing as a folder is told by the folder's own check, with more to say. */
export const checkSettings: Check = async ({ examined }) => {
  const { problems, sources } = examined;
  if (problems.length === 0) {
    const given = Object.values(sources).filter(({ kind }) => kind !== 'default').length;
    return [ok('config', `understood; ${given} settings are given, the others have their defaults (tailrace config)`)];
  }
  return problems.map(({ key, value, problem, cure }) =>
    fail(
      'config',
      'configuration',
      `${key}${value === null ? '' : ` = ${value}`} ${problem}`,
      '`run` refuses to start',
      cure,
    ),
  );
};
