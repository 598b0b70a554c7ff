// `tailrace show ID`: all that is known of one stream: from the running daemon with its parts and what happened lately, else from
// the journal, and says so.

import type { DaemonFile } from '../http/daemon-file.ts';
import { jsonLine, plainText } from '../plain-text.ts';
import type { HistoryEntry, PartsView, StreamView } from '../ports/stream-view.ts';
import { askDaemon } from './ask-daemon.ts';
import { addConfigFlags } from './config-flags.ts';
import { EXIT } from './exit-codes.ts';
import { type Found, findInJournal, findStream, streamIdArgument } from './one-stream.ts';
import { findStateDir } from './state-dir.ts';
import { streamText } from './stream-text.ts';
import { type ConfigOptions, configOptions, isSet, type Options, type RegisterVerb } from './verb.ts';
import type { World } from './world.ts';

export interface ShowOptions extends ConfigOptions {
  readonly id: string;
  readonly json: boolean;
}

/** What `--json` prints; parts and history are null when the journal was read. */
export interface ShownStream {
  readonly stream: StreamView;
  readonly parts: PartsView['parts'] | null;
  readonly history: readonly HistoryEntry[] | null;
}

export const registerShow: RegisterVerb = ({ program, world, ended }) =>
  addConfigFlags(
    program
      .command('show')
      .description('one stream: everything known of it')
      .argument('<id>', 'of the stream, or its first digits', streamIdArgument)
      .option('--json', 'as {stream, parts, history}')
      .action(async (id: string, options: Options) =>
        ended(await show({ ...configOptions(options), id, json: isSet(options, 'json') }, world)),
      ),
    ['stateDir'],
  );

export async function show(options: ShowOptions, world: World): Promise<number> {
  const place = await findStateDir(options, world);
  if (!place.ok) return place.exitCode;
  const { stateDir, daemonFile } = place;
  const asked = await findStream(daemonFile, options.id, world);
  const isOld = asked.kind === 'nobody';
  const found: Found = isOld ? await findInJournal(stateDir, options.id, world) : asked;
  if (found.kind !== 'found') return found.kind === 'failed' ? found.exitCode : EXIT.unavailable;
  const shown = await wholeOf(found.view, isOld ? null : daemonFile);
  world.out(options.json ? jsonLine(shown) : streamText(shown, Date.now()));
  if (isOld) world.talk(`No daemon runs for ${plainText(stateDir)}: this is its journal, as of the last save.\n`);
  return EXIT.ok;
}

async function wholeOf(stream: StreamView, daemonFile: DaemonFile | null): Promise<ShownStream> {
  if (daemonFile === null) return { stream, parts: null, history: null };
  const path = `/api/v1/streams/${stream.id}`;
  const [parts, history] = await Promise.all([
    askDaemon(daemonFile, `${path}/parts`),
    askDaemon(daemonFile, `${path}/history`),
  ]);
  return {
    stream,
    parts: parts.kind === 'answered' ? (parts.content as PartsView).parts : null,
    history:
      history.kind === 'answered' ? (history.content as { readonly entries: readonly HistoryEntry[] }).entries : null,
  };
}
