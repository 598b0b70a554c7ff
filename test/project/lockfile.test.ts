// The lockfile is what a stranger's `npm ci` reads: it must be whole for every platform, and name no registry's host.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

interface LockedPackage {
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  readonly packages: Readonly<Record<string, LockedPackage>>;
};

describe('package-lock.json', () => {
  test("names no registry's host, so that it works behind any mirror", () => {
    const hosts = Object.values(packages).filter(({ resolved }) => resolved?.startsWith('http'));
    expect(hosts).toEqual([]);
  });

  test('has every optional package that a package asks for, else npm ci refuses on every machine', () => {
    const wanted = Object.values(packages).flatMap(({ optionalDependencies = {} }) =>
      Object.keys(optionalDependencies),
    );
    const missing = wanted.filter(
      (name) => !Object.keys(packages).some((path) => path.endsWith(`node_modules/${name}`)),
    );
    expect(missing).toEqual([]);
  });
});
