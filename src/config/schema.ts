// The one schema of the configuration. Flags, environment, YAML keys, the `Config` type and docs/configuration.md all derive
// from the table of settings; no setting exists anywhere else. Here: the table as a whole, and the types made of it.

import { hostname } from 'node:os';
import type { z } from 'zod';
import { CARRYING, DAEMON, OBJECT_STORE, type Setting, WATCHING } from './settings.ts';
import { NOTIFYING } from './settings-notify.ts';

export const SETTINGS = { ...WATCHING, ...CARRYING, ...OBJECT_STORE, ...NOTIFYING, ...DAEMON } as const;

export type Settings = typeof SETTINGS;
export type SettingProperty = keyof Settings;
export const SETTING_PROPERTIES = Object.keys(SETTINGS) as readonly SettingProperty[];

/** Each value as its reader gives it, before relative paths and run-time defaults are filled in. */
export type ReadSettings = { readonly [P in SettingProperty]: z.output<Settings[P]['schema']> };

/** The configuration. Times in ms, sizes in bytes, folders absolute. Holds secrets: never log it. */
export type Config = Omit<
  ReadSettings,
  's3BucketName' | 's3ForcePathStyle' | 'ffprobePath' | 'notifyCommand' | 'instanceName'
> & {
  readonly s3BucketName: string;
  readonly s3ForcePathStyle: boolean;
  /** A path, or a name to be looked for in PATH; null: switched off. */
  readonly ffprobePath: string | null;
  /** The same; null: none. */
  readonly notifyCommand: string | null;
  readonly instanceName: string;
};

export const settingOf = (property: SettingProperty): Setting<unknown> => SETTINGS[property];
export const propertyNamed = (name: string): SettingProperty | undefined =>
  SETTING_PROPERTIES.find((property) => SETTINGS[property].name === name);

/** Instead of a program. */
const SWITCHED_OFF = 'off';

/** Bucket of the embedded S3 endpoint. */
const EMBEDDED_BUCKET = 'recordings';

export function completeSettings(read: ReadSettings, options: { readonly resolve: (path: string) => string }): Config {
  return {
    ...read,
    watchFolders: read.watchFolders.map(options.resolve),
    stateDir: options.resolve(read.stateDir),
    afterComplete:
      read.afterComplete.kind === 'move'
        ? { kind: 'move', folder: options.resolve(read.afterComplete.folder) }
        : read.afterComplete,
    s3BucketName: read.s3BucketName ?? EMBEDDED_BUCKET,
    s3ForcePathStyle: read.s3ForcePathStyle ?? read.s3EndpointUrl !== null,
    ffprobePath: programOf(read.ffprobePath ?? 'ffprobe', options.resolve),
    notifyCommand: read.notifyCommand === null ? null : programOf(read.notifyCommand, options.resolve),
    instanceName: read.instanceName ?? hostname(),
  };
}

/** Programs run in another folder than ours: only a bare name is left as it is. */
function programOf(given: string, resolve: (path: string) => string): string | null {
  if (given === SWITCHED_OFF) return null;
  return given.includes('/') ? resolve(given) : given;
}
