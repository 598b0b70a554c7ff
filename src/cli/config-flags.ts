// The flags of a verb, generated from the table of settings: `--stream-timeout-seconds 5` for STREAM_TIMEOUT_SECONDS.

import { type Command, Option } from 'commander';
import { flagOf, SETTING_NAMES } from '../config/names.ts';
import { type SettingProperty, settingOf } from '../config/schema.ts';
import type { Flags } from '../config/sources.ts';

/** Adds `--config` and the flags of these settings (all, if none are named). */
export function addConfigFlags(command: Command, only?: readonly SettingProperty[]): void {
  command.option('-c, --config <file>', 'YAML file (TAILRACE_CONFIG; else ./tailrace.yaml if there is one)');
  for (const { name, property, fromFile } of SETTING_NAMES) {
    if (only && !only.includes(property)) continue;
    const setting = settingOf(property);
    const meaning = fromFile ? `file that holds ${setting.name}` : setting.meaning.replaceAll('`', '');
    const warning = setting.secret && !fromFile ? '; others can see flags: better the environment or a file' : '';
    const option = new Option(`--${flagOf(name)} <${fromFile ? 'file' : 'value'}>`, meaning + warning);
    if (setting.list) option.argParser((value: string, before: readonly string[] = []) => [...before, value]);
    command.addOption(option);
  }
}

/** The settings among a command's options, by name. */
export function flagsOf(options: Readonly<Record<string, unknown>>): Flags {
  const flags: Record<string, string | readonly string[]> = {};
  for (const { name } of SETTING_NAMES) {
    const value = options[new Option(`--${flagOf(name)} <value>`).attributeName()];
    if (typeof value === 'string') flags[name] = value;
    // One flag of a list is split like a variable; several are taken as they are.
    else if (Array.isArray(value)) flags[name] = value.length === 1 ? String(value[0]) : value.map(String);
  }
  return flags;
}
