// The configuration: reads the layers, parses them by the one schema, and tells all mistakes at once. Order of precedence: flag,
// environment, file, default. Reads the YAML file and NAME_FILEs, and looks whether the watched folders exist; changes nothing.

import { resolve } from 'node:path';
import { z } from 'zod';
import { contradictions, type KnownSettings } from './checks.ts';
import { type Problem, withoutCredentials } from './problems.ts';
import {
  type Config,
  completeSettings,
  type ReadSettings,
  SETTING_PROPERTIES,
  SETTINGS,
  type SettingProperty,
  settingOf,
} from './schema.ts';
import {
  type Environment,
  environmentLayer,
  type Flags,
  fileLayer,
  flagLayer,
  type Layer,
  type RawSetting,
} from './sources.ts';

export interface ConfigRequest {
  /** By setting name: `{ PROM_PORT: '0' }`. */
  readonly flags: Flags;
  readonly env: Environment;
  /** The YAML file named on the command line. */
  readonly file?: string;
  readonly cwd: string;
  /** S3 endpoint inside STATE_DIR: needs no bucket, makes its folders. */
  readonly embedded?: boolean;
}

export type Sources = Readonly<Record<SettingProperty, RawSetting['source']>>;

export type LoadedConfig =
  | { readonly ok: true; readonly config: Config; readonly sources: Sources }
  | { readonly ok: false; readonly problems: readonly Problem[] };

const DEFAULT_SOURCE = { kind: 'default', label: 'default' } as const;

export function loadConfig(request: ConfigRequest): LoadedConfig {
  const { config, sources, problems } = examineConfig(request);
  return problems.length > 0 ? { ok: false, problems } : { ok: true, config, sources };
}

export interface ExaminedConfig {
  /** Settings whose values are wrong have their defaults here. */
  readonly config: Config;
  readonly sources: Sources;
  readonly problems: readonly Problem[];
  readonly wrong: ReadonlySet<SettingProperty>;
}

/** For verbs that look at the configuration itself: what could be read, and every mistake. */
export function examineConfig(request: ConfigRequest): ExaminedConfig {
  const { given, problems } = gather(request);
  const { known, mistakes } = parse(given);
  problems.push(...mistakes, ...contradictionsOf(known, request));
  return { config: completed(known, request), sources: sourcesOf(given), problems, wrong: missingIn(known) };
}

export type LoadedSettings<P extends SettingProperty> =
  | { readonly ok: true; readonly settings: Pick<Config, P> }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** For verbs that need a few settings: mistakes in the values of others do not stop them, misspelt names do. */
export function loadSettings<P extends SettingProperty>(
  request: ConfigRequest,
  needed: readonly P[],
): LoadedSettings<P> {
  const { given, problems } = gather(request);
  const { known, mistakes } = parse(given);
  const names = new Set<string>(needed.map((property) => SETTINGS[property].name));
  problems.push(...mistakes.filter(({ property }) => names.has(SETTINGS[property].name)));
  problems.push(...contradictionsOf(known, request).filter(({ key }) => names.has(key)));
  return problems.length > 0 ? { ok: false, problems } : { ok: true, settings: completed(known, request) };
}

const contradictionsOf = (known: KnownSettings, { cwd, embedded = false }: ConfigRequest): readonly Problem[] =>
  contradictions(known, { cwd, embedded });

const missingIn = (known: KnownSettings): ReadonlySet<SettingProperty> =>
  new Set(SETTING_PROPERTIES.filter((property) => !(property in known)));

function completed(known: KnownSettings, { cwd }: ConfigRequest): Config {
  const defaults = Object.fromEntries(
    [...missingIn(known)].map((property) => [property, settingOf(property).schema.parse(SETTINGS[property].fallback)]),
  );
  return completeSettings({ ...defaults, ...known } as ReadSettings, { resolve: (path) => resolve(cwd, path) });
}

export type LoadedStateDir =
  | { readonly ok: true; readonly stateDir: string }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** STATE_DIR alone, for verbs that ask a running daemon: impossible values of other settings do not stop them. */
export function loadStateDir(request: Omit<ConfigRequest, 'embedded'>): LoadedStateDir {
  const { given, fileProblems } = gather(request);
  const { known, mistakes } = parse(given);
  const problems = [...fileProblems, ...mistakes.filter((mistake) => mistake.property === 'stateDir')];
  if (problems.length > 0 || known.stateDir === undefined) return { ok: false, problems };
  return { ok: true, stateDir: resolve(request.cwd, known.stateDir) };
}

function gather({ flags, env, file, cwd }: ConfigRequest) {
  const problems: Problem[] = [];
  const fileProblems: Problem[] = [];
  const layers: readonly Layer[] = [
    fileLayer(file, env, cwd, fileProblems),
    environmentLayer(env, cwd, problems),
    flagLayer(flags, cwd, problems),
  ];
  problems.unshift(...fileProblems);
  return { given: new Map(layers.flatMap((layer) => [...layer])) as Layer, problems, fileProblems };
}

type Mistake = Problem & { readonly property: SettingProperty };

/** The one schema, as zod wants it. */
const CONFIG_SCHEMA = z.object(
  Object.fromEntries(SETTING_PROPERTIES.map((property) => [property, SETTINGS[property].schema])),
);

function parse(given: Layer): { readonly known: KnownSettings; readonly mistakes: readonly Mistake[] } {
  const raw = Object.fromEntries(
    SETTING_PROPERTIES.map((property) => [property, given.get(property)?.raw ?? SETTINGS[property].fallback]),
  );
  const whole = CONFIG_SCHEMA.safeParse(raw);
  const mistakes = (whole.error?.issues ?? []).map((issue) => mistakeOf(issue, given));
  const wrong = new Set<string>(mistakes.map((mistake) => mistake.property));
  for (const [property, { unreadable }] of given) if (unreadable) wrong.add(property);
  const readable = SETTING_PROPERTIES.filter((property) => !wrong.has(property));
  const known = Object.fromEntries(
    readable.map((property) => [property, settingOf(property).schema.parse(raw[property])]),
  );
  return { known: known as KnownSettings, mistakes };
}

function mistakeOf(issue: z.core.$ZodIssue, given: Layer): Mistake {
  const property = issue.path[0] as SettingProperty;
  const { name, secret } = settingOf(property);
  const found = given.get(property);
  const cure = issue.code === 'custom' && typeof issue.params?.['cure'] === 'string' ? issue.params['cure'] : '';
  const shown = found === undefined || secret ? null : withoutCredentials([found.raw].flat().join(', '));
  return { property, key: found?.source.label ?? name, value: shown, problem: issue.message, cure };
}

function sourcesOf(given: Layer): Sources {
  return Object.fromEntries(
    SETTING_PROPERTIES.map((property) => [property, given.get(property)?.source ?? DEFAULT_SOURCE]),
  ) as Sources;
}
