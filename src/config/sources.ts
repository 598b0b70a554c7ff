// Where values come from: flags, environment, YAML file, in this order of precedence, each as a layer of raw values by setting.
// A secret may be given in each layer as itself or as NAME_FILE, never both. An empty variable counts as not given: compose
// files and unit files set them so.
//
// Reports unknown names; judges no values.

import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseDocument } from 'yaml';
import {
  CONFIG_FILE_VARIABLE,
  flagOf,
  meantVariable,
  nameOfKey,
  nearestName,
  type SettingName,
  settingNamed,
} from './names.ts';
import type { Problem } from './problems.ts';
import type { SettingProperty } from './schema.ts';
import type { RawValue } from './values.ts';

export type SourceKind = 'flag' | 'environment' | 'file' | 'default';

export interface Source {
  readonly kind: SourceKind;
  /** As the user wrote it: `--prom-port`, `PROM_PORT`, `tailrace.yaml: prom_port`. */
  readonly label: string;
}

export interface RawSetting {
  readonly raw: RawValue;
  readonly source: Source;
  /** A NAME_FILE that could not be read: told already, so its value must not lead to further mistakes. */
  readonly unreadable?: true;
}

export type Layer = ReadonlyMap<SettingProperty, RawSetting>;

/** A configuration is a page of text. */
const MAX_CONFIG_FILE_BYTES = 1024 * 1024;
/** Keys, tokens and URLs are far shorter. */
const MAX_SECRET_FILE_BYTES = 64 * 1024;
const DEFAULT_CONFIG_FILE = 'tailrace.yaml';

/** Flags by setting name, as the command line gave them. */
export type Flags = Readonly<Record<string, string | readonly string[] | undefined>>;
export type Environment = Readonly<Record<string, string | undefined>>;

interface Given extends RawSetting {
  readonly named: SettingName;
}

export function flagLayer(flags: Flags, cwd: string, problems: Problem[]): Layer {
  const given: Given[] = [];
  for (const [name, raw] of Object.entries(flags)) {
    const named = settingNamed(name);
    if (named && raw !== undefined) given.push({ named, raw, source: { kind: 'flag', label: `--${flagOf(name)}` } });
  }
  return layerOf(given, cwd, problems);
}

export function environmentLayer(env: Environment, cwd: string, problems: Problem[]): Layer {
  const given: Given[] = [];
  for (const [name, raw] of Object.entries(env)) {
    if (raw === undefined || raw === '') continue;
    const named = settingNamed(name);
    if (named) given.push({ named, raw, source: { kind: 'environment', label: name } });
    else reportNearMiss(name, problems);
  }
  return layerOf(given, cwd, problems);
}

function reportNearMiss(name: string, problems: Problem[]): void {
  const meant = meantVariable(name);
  if (meant === null) return;
  problems.push({
    key: name,
    value: null,
    problem: 'is no setting of tailrace, but nearly one',
    cure: `did you mean ${meant}? Rename or unset it`,
  });
}

/** The YAML file: the one named, else `tailrace.yaml` if it is there. */
export function fileLayer(named: string | undefined, env: Environment, cwd: string, problems: Problem[]): Layer {
  const wanted = named ?? (env[CONFIG_FILE_VARIABLE] || undefined);
  const path = resolve(cwd, wanted ?? DEFAULT_CONFIG_FILE);
  const key = named === undefined ? CONFIG_FILE_VARIABLE : '--config';
  const text = readSmallFile(path, MAX_CONFIG_FILE_BYTES);
  if ('error' in text) {
    if (wanted === undefined && text.error === 'ENOENT') return new Map();
    problems.push({
      key,
      value: wanted ?? DEFAULT_CONFIG_FILE,
      problem: `cannot be read (${text.error})`,
      cure: 'give the path of a YAML file that this user may read',
    });
    return new Map();
  }
  return layerOf(givenInYaml(text.text, wanted ?? DEFAULT_CONFIG_FILE, problems), cwd, problems);
}

function givenInYaml(text: string, path: string, problems: Problem[]): Given[] {
  const document = parseDocument(text);
  for (const error of document.errors) {
    problems.push({ key: path, value: null, problem: firstLine(error.message), cure: 'mend the YAML at that place' });
  }
  if (document.errors.length > 0) return [];
  const content: unknown = document.toJS({ maxAliasCount: 100 });
  if (content === null) return [];
  if (typeof content !== 'object' || Array.isArray(content)) {
    problems.push({ key: path, value: null, problem: 'holds no keys', cure: 'write one `name: value` a line' });
    return [];
  }
  const given: Given[] = [];
  for (const [key, value] of Object.entries(content)) {
    const found = givenKey(key, value, path, problems);
    if (found) given.push(found);
  }
  return given;
}

function givenKey(key: string, value: unknown, path: string, problems: Problem[]): Given | null {
  const named = settingNamed(nameOfKey(key));
  const label = `${path}: ${key}`;
  if (!named) {
    const near = nearestName(nameOfKey(key));
    const cure = near ? `did you mean ${near.toLowerCase()}?` : 'remove it; docs/configuration.md lists the known ones';
    problems.push({ key: label, value: null, problem: 'is no setting of tailrace', cure });
    return null;
  }
  if (value === null || value === '') return null;
  const raw = plainValue(value);
  if (raw !== null) return { named, raw, source: { kind: 'file', label } };
  problems.push({ key: label, value: null, problem: 'is neither a plain value nor a list', cure: 'give one value' });
  return null;
}

function plainValue(value: unknown): RawValue {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (Array.isArray(value) && value.every((item) => typeof item === 'string' || typeof item === 'number')) {
    return value.map(String);
  }
  return null;
}

/** One value per setting: reads NAME_FILE, and tells what is given twice. */
function layerOf(given: readonly Given[], cwd: string, problems: Problem[]): Layer {
  const layer = new Map<SettingProperty, RawSetting>();
  for (const { named, raw, source } of given) {
    const other = layer.get(named.property);
    if (other) {
      const problem = `contradicts ${other.source.label}: both give the same setting`;
      problems.push({ key: source.label, value: null, problem, cure: 'keep one of the two' });
      continue;
    }
    const value = named.fromFile ? readSecret(String(raw), source.label, cwd, problems) : raw;
    layer.set(named.property, value === null ? { raw: null, source, unreadable: true } : { raw: value, source });
  }
  return layer;
}

function readSecret(path: string, label: string, cwd: string, problems: Problem[]): string | null {
  const file = readSmallFile(resolve(cwd, path), MAX_SECRET_FILE_BYTES);
  const secret = 'text' in file ? file.text.trim() : '';
  if (secret !== '') return secret;
  const problem = 'error' in file ? `cannot be read (${file.error})` : 'is an empty file';
  problems.push({ key: label, value: path, problem, cure: 'give the path of a file that holds the secret alone' });
  return null;
}

function readSmallFile(path: string, mostBytes: number): { readonly text: string } | { readonly error: string } {
  try {
    const stat = statSync(path);
    if (!stat.isFile() && !stat.isCharacterDevice()) return { error: 'no file' };
    if (stat.size > mostBytes) return { error: `larger than ${mostBytes} bytes` };
    return { text: readFileSync(path, 'utf8') };
  } catch (error) {
    return { error: (error as NodeJS.ErrnoException).code ?? 'unknown error' };
  }
}

const firstLine = (text: string): string => text.split('\n')[0] ?? '';
