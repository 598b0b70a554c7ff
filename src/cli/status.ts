// `tailrace status`: the streams as the running daemon sees them; without one, as its journal remembers them, and says so.

import { existsSync } from 'node:fs';
import { loadStateDir } from '../config.ts';
import { formatProblems } from '../config-problems.ts';
import type { Flags } from '../config-sources.ts';
import { formatSize } from '../config-values.ts';
import { type DaemonFile, readDaemonFile } from '../http/daemon-file.ts';
import { plainText } from '../plain-text.ts';
import type { StreamView } from '../ports/stream-view.ts';
import type { DaemonView } from '../ports/views.ts';
import { createReadModel, MAX_PAGE, type Totals } from '../read-model/read-model.ts';
import { askDaemon } from './ask-daemon.ts';
import { EXIT } from './exit-codes.ts';
import { viewOfRecord } from './record-view.ts';
import { statusTable } from './status-table.ts';
import type { World } from './world.ts';

export interface StatusOptions {
  readonly flags: Flags;
  readonly file?: string;
  readonly json: boolean;
}

/** As `/api/v1/streams` gives it, all pages in one. `daemon` is null when the journal was read instead. */
interface StreamsReply {
  readonly streams: readonly StreamView[];
  readonly next: string | null;
  readonly totals: Totals;
  readonly daemon: DaemonView | null;
}

type Gathered =
  | { readonly kind: 'reply'; readonly reply: StreamsReply }
  | { readonly kind: 'nobody' }
  | { readonly kind: 'trouble'; readonly detail: string };

export async function status(options: StatusOptions, world: World): Promise<number> {
  const { flags, file, json } = options;
  const loaded = loadStateDir({ flags, env: world.env, cwd: world.cwd, ...(file === undefined ? {} : { file }) });
  if (!loaded.ok) {
    world.talk(formatProblems(loaded.problems));
    return EXIT.configuration;
  }
  const { stateDir } = loaded;
  if (!existsSync(stateDir)) {
    world.talk(
      `There is no ${plainText(stateDir)}: no daemon ever ran with this STATE_DIR. Give the --state-dir of yours.\n`,
    );
    return EXIT.unavailable;
  }
  const daemonFile = await readDaemonFile(stateDir);
  const gathered = daemonFile === null ? ({ kind: 'nobody' } as const) : await gather(daemonFile);
  if (gathered.kind === 'trouble') {
    world.talk(`The daemon (pid ${daemonFile?.pid}) cannot be asked: ${plainText(gathered.detail)}.\n`);
    return EXIT.temporary;
  }
  if (gathered.kind === 'nobody') return fromJournal(stateDir, json, world);
  show(gathered.reply, json, world);
  const where = daemonFile ? `pid ${daemonFile.pid}, ${daemonFile.address}` : '';
  world.talk(
    `${totalsLine(gathered.reply)} Daemon ${plainText(gathered.reply.daemon?.instance ?? '')} (${where}): ${phaseOf(gathered.reply)}.\n`,
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
    `${totalsLine(reply)} No daemon runs for ${plainText(stateDir)}: this is its journal, as of the last save.\n`,
  );
  return EXIT.ok;
}

function show(reply: StreamsReply, json: boolean, world: World): void {
  world.out(json ? `${JSON.stringify(reply)}\n` : statusTable(reply.streams, Date.now()));
}

/** All pages; streams that come and go meanwhile may be missed, none is told twice. */
async function gather(file: DaemonFile): Promise<Gathered> {
  const streams: StreamView[] = [];
  let after: string | null = null;
  while (true) {
    const asked = await askDaemon(file, `/api/v1/streams?limit=${MAX_PAGE}${after === null ? '' : `&after=${after}`}`);
    if (asked.kind !== 'answered') return asked;
    if (!isReply(asked.content)) return { kind: 'trouble', detail: 'its answer is not understood (another version?)' };
    streams.push(...asked.content.streams);
    const next: string | null = asked.content.next;
    if (next === null) return { kind: 'reply', reply: { ...asked.content, streams } };
    if (after !== null && next <= after) return { kind: 'trouble', detail: 'its pages do not advance' };
    after = next;
  }
}

function isReply(content: unknown): content is StreamsReply {
  if (typeof content !== 'object' || content === null) return false;
  const { streams, next, totals, daemon } = content as Record<string, unknown>;
  const whole = typeof totals === 'object' && totals !== null && typeof daemon === 'object';
  return Array.isArray(streams) && whole && (next === null || typeof next === 'string');
}

function totalsLine({ totals }: StreamsReply): string {
  const states = Object.entries(totals.byState).filter(([, count]) => count > 0);
  const listed = states.map(([state, count]) => `${count} ${state}`).join(', ');
  const streams = totals.streams === 1 ? '1 stream' : `${totals.streams} streams`;
  return `${streams}${listed === '' ? '' : ` (${listed})`}, ${formatSize(totals.atRiskBytes)} at risk.`;
}

const phaseOf = ({ daemon }: StreamsReply): string =>
  plainText([daemon?.phase ?? '', ...(daemon?.reasons ?? [])].join('; '));
