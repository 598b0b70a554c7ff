// How a verb joins the command line: its file exports one `RegisterVerb`, program.ts has the list. A verb declares its own flags,
// works through the world alone, and ends with an exit code.

import type { Command } from 'commander';
import type { Flags } from '../config/sources.ts';
import { flagsOf } from './config-flags.ts';
import type { World } from './world.ts';

export interface CommandLine {
  readonly program: Command;
  readonly world: World;
  /** Called once by the verb that was given. */
  readonly ended: (exitCode: number) => void;
}

export type RegisterVerb = (line: CommandLine) => void;

/** As commander gives them. */
export type Options = Readonly<Record<string, unknown>>;

/** What every verb with settings takes: the flags of settings that were given, and the configuration file. */
export interface ConfigOptions {
  readonly flags: Flags;
  readonly file?: string;
}

export function configOptions(options: Options): ConfigOptions {
  const file = options['config'];
  return { flags: flagsOf(options), ...(typeof file === 'string' ? { file } : {}) };
}

/** A flag without a value. */
export const isSet = (options: Options, name: string): boolean => options[name] === true;
