// The examples for containers cannot be built here. What can be said of them without Docker or a cluster is.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { SETTING_NAMES } from '../../src/config/names.ts';
import { ROOT } from '../system/harness/built-program.ts';

const read = (name: string): string => readFileSync(join(ROOT, 'deploy', name), 'utf8');
const KNOWN = SETTING_NAMES.map(({ name }) => name);
const SECRETS = /(SECRET|TOKEN|PASSWORD|KEY_ID)/;

describe('the Dockerfile', () => {
  const lines = read('docker/Dockerfile')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const argumentsOf = (instruction: string) =>
    lines.flatMap((line) => (line.startsWith(`${instruction} `) ? [line.slice(instruction.length + 1).trim()] : []));

  test('begins with the slim image of a Node that we support, and ends without root', () => {
    for (const image of argumentsOf('FROM')) expect(image).toMatch(/^node:24-slim( AS build)?$/);
    expect(argumentsOf('USER')).toEqual(['node']);
    expect(lines.findIndex((line) => line.startsWith('USER'))).toBeGreaterThan(
      lines.findLastIndex((line) => line.startsWith('RUN')),
    );
  });

  test('sets only settings that there are, and no secret', () => {
    const names = argumentsOf('ENV').flatMap((values) => values.split(/\s+/).map((each) => each.split('=')[0] ?? ''));
    expect(names.length).toBeGreaterThan(3);
    expect(names.filter((name) => name !== 'NODE_ENV' && !KNOWN.includes(name))).toEqual([]);
    expect(names.filter((name) => SECRETS.test(name))).toEqual([]);
  });

  test('copies only what is there and not ignored', () => {
    const allowed = read('docker/Dockerfile.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    for (const path of [...allowed, 'tools/node-runtime/package.json'])
      expect(existsSync(join(ROOT, path)), path).toBe(true);
    const copied = argumentsOf('COPY')
      .filter((each) => !each.startsWith('--from'))
      .flatMap((each) => each.split(' ').slice(0, -1));
    const missing = copied.filter(
      (path) => path !== '.' && !allowed.some((each) => path === each || path.startsWith(`${each}/`)),
    );
    expect(missing).toEqual([]);
  });
});

describe('compose.yaml', () => {
  const { services, secrets, volumes } = parse(read('docker/compose.yaml'));

  test('gives tailrace only settings that there are; secrets come as files', () => {
    const names = Object.keys(services.tailrace.environment);
    expect(names.filter((name) => !KNOWN.includes(name))).toEqual([]);
    const given = names.filter((name) => name.endsWith('_FILE')).map((name) => services.tailrace.environment[name]);
    expect(given).toEqual(services.tailrace.secrets.map((name: string) => `/run/secrets/${name}`));
    expect(Object.keys(secrets)).toEqual(services.tailrace.secrets);
    expect(names).not.toContain('S3_SECRET_ACCESS_KEY');
  });

  test('has Redis keep what it acknowledged, and publishes on loopback alone', () => {
    expect(services.redis.command.join(' ')).toContain('--appendonly yes --maxmemory-policy noeviction');
    const published = Object.values<{ ports?: string[] }>(services).flatMap(({ ports = [] }) => ports);
    for (const port of published) expect(port).toMatch(/^127\.0\.0\.1:/);
    expect(services.s3.image).toMatch(/:\d+\.\d+$/);
    expect(services.s3.environment.S3_BUCKET).toBe(services.tailrace.environment.S3_BUCKET_NAME);
    expect(services.s3.environment.AWS_ACCESS_KEY_ID).toBe(services.tailrace.environment.S3_ACCESS_KEY_ID);
    const named = Object.values<{ volumes?: string[] }>(services).flatMap(({ volumes: all = [] }) =>
      all.map((each) => each.split(':')[0] ?? ''),
    );
    expect(named.filter((name) => !name.startsWith('.')).sort()).toEqual(Object.keys(volumes).sort());
    expect(Object.keys(services)).toEqual(expect.arrayContaining(services.tailrace.depends_on));
  });
});

describe('the Kubernetes example', () => {
  const documents = parseAllDocuments(read('kubernetes/tailrace.yaml'));
  const [service, set] = documents.map((document) => document.toJS());
  const pod = set.spec.template.spec;
  const tailrace = pod.containers[0];

  test('is YAML without mistakes: a service and one replica that keeps its STATE_DIR', () => {
    expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
    expect([service.kind, set.kind, set.spec.replicas]).toEqual(['Service', 'StatefulSet', 1]);
    expect(set.spec.selector.matchLabels).toEqual(set.spec.template.metadata.labels);
    expect(service.spec.selector).toEqual(set.spec.selector.matchLabels);
    const claims = set.spec.volumeClaimTemplates.map((claim: { metadata: { name: string } }) => claim.metadata.name);
    const mounts: { name: string; mountPath: string }[] = tailrace.volumeMounts;
    const stateDir = tailrace.env.find(({ name }: { name: string }) => name === 'STATE_DIR').value;
    expect(claims).toContain(mounts.find(({ mountPath }) => mountPath === stateDir)?.name);
    const known = [...claims, ...pod.volumes.map(({ name }: { name: string }) => name)];
    for (const { name } of mounts) expect(known).toContain(name);
  });

  test('gives only settings that there are, and no secret but as a file', () => {
    const env: { name: string; value?: string }[] = tailrace.env;
    expect(env.filter(({ name }) => !KNOWN.includes(name))).toEqual([]);
    expect(env.filter(({ name }) => SECRETS.test(name) && !name.endsWith('_FILE'))).toEqual([]);
  });

  test('sees the recorder, is without privileges, and is asked by paths that answer without a token', () => {
    expect(pod.shareProcessNamespace).toBe(true);
    expect(pod.securityContext.runAsNonRoot).toBe(true);
    for (const { securityContext } of pod.containers) expect(securityContext.capabilities).toEqual({ drop: ['ALL'] });
    const probes = [tailrace.readinessProbe, tailrace.livenessProbe];
    expect(probes.map(({ httpGet }) => httpGet.path)).toEqual(['/readyz', '/healthz']);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(30);
  });
});
