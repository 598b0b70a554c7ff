// The version of this program. package.json stands one folder up, from the sources and from the compiled program alike.

import { readFileSync } from 'node:fs';

export function programVersion(): string {
  const content: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return (content as { readonly version: string }).version;
}
