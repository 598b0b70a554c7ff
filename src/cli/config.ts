// `tailrace config`: what `run` would work with here, and where each value came from. Reads what `run` reads and starts nothing; `--schema`
// prints the JSON Schema of the YAML file instead.

import { configJsonSchema } from '../config/config-json-schema.ts';
import { examineConfig } from '../config/load-config.ts';
import { formatProblems } from '../config/problems.ts';
import { jsonLine } from '../plain-text.ts';
import { addConfigFlags } from './config-flags.ts';
import { settingsTable, settingViews } from './config-view.ts';
import { EXIT } from './exit-codes.ts';
import { type ConfigOptions, configOptions, isSet, type Options, type RegisterVerb } from './verb.ts';
import type { World } from './world.ts';

export interface ConfigVerbOptions extends ConfigOptions {
  readonly json: boolean;
  readonly embedded: boolean;
}

export const registerConfig: RegisterVerb = ({ program, world, ended }) =>
  addConfigFlags(
    program
      .command('config')
      .description('the effective configuration and where each value came from; secrets are hidden')
      .option('--json', 'as data: name, value, source, problems')
      .option('--schema', 'print the JSON Schema of the YAML file instead')
      .option('--embedded', 'as `run --embedded` sees it')
      .action((options: Options) =>
        ended(isSet(options, 'schema') ? schema(world) : config(ownOptions(options), world)),
      ),
  );

const ownOptions = (options: Options): ConfigVerbOptions => ({
  ...configOptions(options),
  json: isSet(options, 'json'),
  embedded: isSet(options, 'embedded'),
});

function schema(world: World): number {
  world.out(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
  return EXIT.ok;
}

/** With mistakes too, what could be read is shown: it helps to find them. */
function config({ flags, file, json, embedded }: ConfigVerbOptions, world: World): number {
  const request = { flags, env: world.env, cwd: world.cwd, embedded, ...(file === undefined ? {} : { file }) };
  const examined = examineConfig(request);
  const settings = settingViews(examined);
  const { problems } = examined;
  world.out(json ? jsonLine({ ok: problems.length === 0, settings, problems }) : settingsTable(settings));
  if (problems.length === 0) return EXIT.ok;
  world.talk(`\n${formatProblems(problems)}`);
  return EXIT.configuration;
}
