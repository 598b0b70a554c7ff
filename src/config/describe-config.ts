// The table of settings for people: what docs/configuration.md is generated from.

import { flagOf } from './names.ts';
import { SETTING_PROPERTIES, settingOf } from './schema.ts';

export interface SettingDescription {
  readonly name: string;
  readonly flag: string;
  /** In words where it is found at run time; empty: none. */
  readonly fallback: string;
  readonly meaning: string;
  readonly secret: boolean;
}

export function describeConfig(): readonly SettingDescription[] {
  return SETTING_PROPERTIES.map((property) => {
    const { name, fallback, fallbackWords, meaning, secret } = settingOf(property);
    const words = fallback === null ? (fallbackWords ?? '') : `\`${fallback}\``;
    return { name, flag: `--${flagOf(name)}`, fallback: words, meaning, secret: secret === true };
  });
}
