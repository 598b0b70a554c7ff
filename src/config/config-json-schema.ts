// The JSON Schema of the YAML file, made from the one zod schema: for editors that complete and check tailrace.yaml. What contradicts
// what, and whether folders exist, only `tailrace config` and `doctor` know.

import { z } from 'zod';
import { SETTING_NAMES } from './names.ts';
import { settingOf } from './schema.ts';

const FILE_SHAPE = { type: 'string', description: 'path of a file that holds the secret alone' };

/** Keys as the documentation writes them; the program also takes them in capitals or with dashes. */
export function configJsonSchema(): Record<string, unknown> {
  const properties = SETTING_NAMES.map(({ property, name, fromFile }) => {
    const setting = settingOf(property);
    const described = fromFile ? z.string().meta(FILE_SHAPE) : setting.schema.meta({ description: setting.meaning });
    return [name.toLowerCase(), described.optional()] as const;
  });
  const schema = z.toJSONSchema(z.strictObject(Object.fromEntries(properties)), {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema, path }) => {
      const name = path.at(-1);
      const found = path.length === 2 ? SETTING_NAMES.find((each) => each.name.toLowerCase() === name) : undefined;
      if (zodSchema && found && !found.fromFile) addDefault(jsonSchema, settingOf(found.property).fallback);
    },
  });
  return { ...schema, title: 'Configuration of tailrace' };
}

/** Defaults that are found at run time are told in the description's words only. */
function addDefault(jsonSchema: { default?: unknown }, fallback: string | null): void {
  if (fallback !== null) jsonSchema.default = fallback;
}
