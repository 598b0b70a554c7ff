// `tailrace status`: the streams as the running daemon sees them; without one, as its journal remembers them, and says so.

import { jsonLine, plainText } from '../plain-text.ts';
import { createReadModel } from '../read-model/read-model.ts';
import { addConfigFlags } from './config-flags.ts';
import { EXIT } from './exit-codes.ts';
import { viewOfRecord } from './record-view.ts';
import { findStateDir } from './state-dir.ts';
import { phaseOf, statusTable, totalsLine, troubleLines } from './status-table.ts';
import { watchStatus } from './status-watch.ts';
import { gatherStreams, type StreamsReply } from './streams-reply.ts';
import { type ConfigOptions, configOptions, isSet, type Options, type RegisterVerb } from './verb.ts';
import type { World } from './world.ts';

export interface StatusOptions extends ConfigOptions {
  readonly json: boolean;
  readonly watch: boolean;
}

export const registerStatus: RegisterVerb = ({ program, world, ended }) =>
  addConfigFlags(
    program
      .command('status')
      .description('the streams: asks the running daemon, or reads its journal')
      .option('--watch', 'go on showing them until it is interrupted')
      .option('--json', 'as the API gives it; with --watch one {event, data} a line, the first is `list`')
      .action(async (options: Options) => {
        const switches = { json: isSet(options, 'json'), watch: isSet(options, 'watch') };
        ended(await status({ ...configOptions(options), ...switches }, world));
      }),
    ['stateDir'],
  );

export async function status(options: StatusOptions, world: World): Promise<number> {
  const { json } = options;
  const place = await findStateDir(options, world);
  if (!place.ok) return place.exitCode;
  const { stateDir, daemonFile } = place;
  if (options.watch) return await watchStatus(stateDir, json, world);
  const gathered = daemonFile === null ? ({ kind: 'nobody' } as const) : await gatherStreams(daemonFile);
  if (gathered.kind === 'trouble') {
    world.talk(`The daemon (pid ${daemonFile?.pid}) cannot be asked: ${plainText(gathered.detail)}.\n`);
    return EXIT.temporary;
  }
  if (gathered.kind === 'nobody') return fromJournal(stateDir, json, world);
  show(gathered.reply, json, world);
  const where = daemonFile ? `pid ${daemonFile.pid}, ${daemonFile.address}` : '';
  world.talk(
    `${totalsLine(gathered.reply.totals)} Daemon ${plainText(gathered.reply.daemon?.instance ?? '')} (${where}): ${phaseOf(gathered.reply.daemon)}.\n${troubleLines(gathered.reply.daemon)}`,
  );
  return EXIT.ok;
}

async function fromJournal(stateDir: string, json: boolean, world: World): Promise<number> {
  const { readJournal } = await world.compose();
  const records = await readJournal(stateDir);
  if (!records.ok) {
    world.talk(
      `No daemon runs for ${plainText(stateDir)}, and its journal cannot be read: ${plainText(records.failure.detail)}\n`,
    );
    return EXIT.unavailable;
  }
  const readModel = createReadModel();
  const streams = records.value.map(viewOfRecord);
  for (const view of streams) readModel.streamChanged(view);
  const reply = { streams, next: null, totals: readModel.totals(), daemon: null };
  show(reply, json, world);
  world.talk(
    `${totalsLine(reply.totals)} No daemon runs for ${plainText(stateDir)}: this is its journal, as of the last save.\n`,
  );
  return EXIT.ok;
}

function show(reply: StreamsReply, json: boolean, world: World): void {
  world.out(json ? jsonLine(reply) : statusTable(reply.streams, Date.now()));
}
