// What every program that we start gets, or rather does not get.

import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { withoutCapabilities } from '../../src/adapters/child-program.ts';

const statusWith = (ambient: string): string =>
  `Name:\tnode\nCapEff:\t0000000000080004\nCapAmb:\t${ambient}\nSeccomp:\t0\n`;

test('without capabilities of our own it is started as it is', () => {
  for (const status of [statusWith('0000000000000000'), ''])
    expect(withoutCapabilities('ffprobe', ['-i', 'x'], status)).toEqual(['ffprobe', '-i', 'x']);
});

test('with capabilities that it would inherit it is started without them', () => {
  const [setpriv = '', ...args] = withoutCapabilities('cat', ['/proc/self/status'], statusWith('0000000000080004'));
  const status = execFileSync(setpriv, args, { encoding: 'utf8' });
  expect(status).toMatch(/^CapAmb:\s*0+$/m);
  expect(status).toMatch(/^CapInh:\s*0+$/m);
});
