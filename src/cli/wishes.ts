// `tailrace finalize|retry|abort|forget ID`: what a person wishes for one stream, given to the running daemon over its socket.
//
// What cannot be undone is asked about first; where nobody can be asked, only `--yes` lets it pass.

import { formatSize } from '../config/values.ts';
import type { DaemonFile } from '../http/daemon-file.ts';
import { jsonLine, plainText } from '../plain-text.ts';
import type { StreamView } from '../ports/stream-view.ts';
import { tellDaemon } from './ask-daemon.ts';
import { addConfigFlags } from './config-flags.ts';
import { EXIT } from './exit-codes.ts';
import { findStream, streamIdArgument, tellFailure } from './one-stream.ts';
import { findStateDir } from './state-dir.ts';
import { SHORT_ID_CHARS } from './status-table.ts';
import { type ConfigOptions, configOptions, isSet, type Options, type RegisterVerb } from './verb.ts';
import type { World } from './world.ts';

interface WishVerb {
  readonly name: 'finalize' | 'retry' | 'abort' | 'forget';
  readonly description: string;
  /** null: it can be undone, or does no harm. */
  readonly question: ((view: StreamView) => string) | null;
}

const partsOf = ({ partsHeld, sentBytes }: StreamView): string => `${partsHeld} parts, ${formatSize(sentBytes)}`;

const WISH_VERBS: readonly WishVerb[] = [
  { name: 'finalize', description: 'complete one stream now, whoever holds its file open', question: null },
  { name: 'retry', description: 'let a failed stream look again now', question: null },
  {
    name: 'abort',
    description: "abort one stream's upload: its parts in S3 are gone, the file stays",
    question: (view) => `Abort the upload of ${view.path} (${partsOf(view)})? They are lost in S3, the file stays.`,
  },
  {
    name: 'forget',
    description: 'drop a final or failed stream from the journal and the registry',
    question: (view) =>
      `Forget ${view.path} (${view.state})? Its record is lost; a file that is still there is seen as a new one.`,
  },
];

interface WishOptions extends ConfigOptions {
  readonly id: string;
  readonly json: boolean;
  readonly yes: boolean;
}

/** One command each. */
export const registerWishes: readonly RegisterVerb[] = WISH_VERBS.map((verb) => ({ program, world, ended }) => {
  const command = program
    .command(verb.name)
    .description(verb.description)
    .argument('<id>', 'of the stream, or its first digits', streamIdArgument)
    .option('--json', 'the answer as data');
  if (verb.question) command.option('--yes', 'do not ask');
  command.action(async (id: string, options: Options) => {
    const switches = { json: isSet(options, 'json'), yes: isSet(options, 'yes') };
    ended(await wish(verb, { ...configOptions(options), id, ...switches }, world));
  });
  addConfigFlags(command, ['stateDir']);
});

async function wish(verb: WishVerb, options: WishOptions, world: World): Promise<number> {
  const place = await findStateDir(options, world);
  if (!place.ok) return place.exitCode;
  const { stateDir, daemonFile } = place;
  const found = await findStream(daemonFile, options.id, world);
  if (found.kind === 'failed') return found.exitCode;
  if (found.kind === 'nobody' || daemonFile === null) return nobody(stateDir, verb, world);
  const refused = await askFirst(verb, found.view, options, world);
  return refused ?? (await give(verb, found.view, daemonFile, options.json, world));
}

function nobody(stateDir: string, { name }: WishVerb, world: World): number {
  world.talk(`No daemon runs for ${plainText(stateDir)}: ${name} needs one. Start it with \`tailrace run\`.\n`);
  return EXIT.unavailable;
}

/** null: go on. */
async function askFirst(verb: WishVerb, view: StreamView, { yes }: WishOptions, world: World): Promise<number | null> {
  if (verb.question === null || yes) return null;
  const answer = await world.ask(`${plainText(verb.question(view))} Type yes: `);
  if (answer?.trim().toLowerCase() === 'yes') return null;
  world.talk(
    answer === null ? 'Nothing was done: nobody is at a terminal to be asked. Give --yes.\n' : 'Nothing was done.\n',
  );
  return answer === null ? EXIT.usage : EXIT.failure;
}

interface Accepted {
  readonly leftUploads?: readonly {
    readonly target: { readonly bucket: string; readonly key: string };
    readonly uploadId: string;
    readonly parts: number;
  }[];
}

async function give(
  verb: WishVerb,
  { id }: StreamView,
  daemonFile: DaemonFile,
  json: boolean,
  world: World,
): Promise<number> {
  // By its whole id: another stream may have come meanwhile that begins alike.
  const told = await tellDaemon(daemonFile, `/api/v1/streams/${id}/${verb.name}`);
  if (told.kind === 'nobody') {
    world.talk(`The daemon (pid ${daemonFile.pid}) is gone: ${verb.name} was not done.\n`);
    return EXIT.unavailable;
  }
  if (told.kind !== 'answered') {
    if (json && told.kind === 'refused')
      world.out(jsonLine({ id, verb: verb.name, accepted: false, code: told.code, message: told.message }));
    return tellFailure(told, daemonFile, world);
  }
  const accepted = told.content as Accepted;
  if (json) world.out(jsonLine({ id, verb: verb.name, ...accepted }));
  else if (verb.name === 'forget') world.talk('Forgotten.\n');
  else world.talk(`Given to the stream. What becomes of it: tailrace show ${id.slice(0, SHORT_ID_CHARS)}\n`);
  for (const { target, uploadId, parts } of accepted.leftUploads ?? [])
    world.talk(
      plainText(`Left in S3: s3://${target.bucket}/${target.key}, ${parts} parts, upload ${uploadId}`).concat('\n'),
    );
  return EXIT.ok;
}
