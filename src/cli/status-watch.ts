// `tailrace status --watch`: the table, drawn anew when something changes; or, with --json, one line for each event. Goes on until
// it is interrupted; a daemon that ends is waited for.

import { readDaemonFile } from '../http/daemon-file.ts';
import { jsonLine, plainText } from '../plain-text.ts';
import type { StreamView } from '../ports/stream-view.ts';
import type { DaemonView } from '../ports/views.ts';
import type { Totals } from '../read-model/read-model.ts';
import { type DaemonEvent, listenToDaemon } from './daemon-events.ts';
import { EXIT } from './exit-codes.ts';
import { phaseOf, statusTable, totalsLine, troubleLines } from './status-table.ts';
import { gatherStreams } from './streams-reply.ts';
import type { Screen, World } from './world.ts';

/** Between two looks for a daemon that is not there. */
const LOOK_AGAIN_MS = 1_000;
/** Ages grow, also when nothing changes. */
const REDRAW_EVERY_MS = 1_000;
/** The sums, and what is left out. */
const LINES_BELOW = 2;

export async function watchStatus(stateDir: string, json: boolean, world: World): Promise<number> {
  if (!json && world.screen() === null) {
    world.talk('--watch draws on a terminal; where there is none, give --json too.\n');
    return EXIT.usage;
  }
  const stopped = new AbortController();
  const stopListening = world.onSignal(() => stopped.abort());
  const watched = new Watched(world, json);
  try {
    while (!stopped.signal.aborted) {
      const wasThere = await watched.follow(stateDir, stopped.signal);
      if (stopped.signal.aborted) break;
      if (!wasThere && !watched.hasShown) {
        world.talk(
          `No daemon runs for ${plainText(stateDir)}: there is nothing to watch. Start it with \`tailrace run\`.\n`,
        );
        return EXIT.unavailable;
      }
      if (wasThere) world.talk('The daemon is gone; waiting for it.\n');
      await pause(LOOK_AGAIN_MS, stopped.signal);
    }
    return EXIT.ok;
  } finally {
    stopListening();
  }
}

class Watched {
  readonly #world: World;
  readonly #json: boolean;
  readonly #streams = new Map<string, StreamView>();
  #totals: Totals | null = null;
  #daemon: DaemonView | null = null;
  /** Events that come while the list is asked for: newer than it. */
  #early: DaemonEvent[] | null = null;
  hasShown = false;

  constructor(world: World, json: boolean) {
    this.#world = world;
    this.#json = json;
  }

  /** True: a daemon was there. */
  async follow(stateDir: string, signal: AbortSignal): Promise<boolean> {
    const file = await readDaemonFile(stateDir);
    if (file === null) return false;
    const unusable = new AbortController();
    const redrawing = this.#json ? null : setInterval(() => this.#draw(), REDRAW_EVERY_MS);
    const hear = (events: readonly DaemonEvent[]): void => {
      if (this.#early) this.#early.push(...events);
      else this.#take(events);
    };
    try {
      return await listenToDaemon(
        file,
        (events) => {
          // Whatever came before is known no more: hello is the first.
          if (events[0]?.event === 'hello') {
            this.#early = [];
            void gatherStreams(file).then((gathered) => {
              if (gathered.kind !== 'reply') {
                unusable.abort();
                return;
              }
              this.#streams.clear();
              const early = this.#early ?? [];
              this.#early = null;
              this.#take([{ event: 'list', data: gathered.reply }, ...early]);
            });
          }
          hear(events);
        },
        AbortSignal.any([signal, unusable.signal]),
      );
    } finally {
      if (redrawing) clearInterval(redrawing);
    }
  }

  #take(events: readonly DaemonEvent[]): void {
    for (const each of events) {
      if (each.event === 'hello') continue;
      if (this.#json) this.#world.out(jsonLine(each));
      this.#apply(each);
    }
    this.hasShown = true;
    if (!this.#json) this.#draw();
  }

  #apply({ event, data }: DaemonEvent): void {
    if (event === 'list') {
      const list = data as { streams: readonly StreamView[]; totals: Totals; daemon: DaemonView };
      for (const view of list.streams) this.#streams.set(view.id, view);
      this.#totals = list.totals;
      this.#daemon = list.daemon;
    } else if (event === 'streams') for (const view of data as readonly StreamView[]) this.#streams.set(view.id, view);
    else if (event === 'forgotten') for (const id of data as readonly string[]) this.#streams.delete(id);
    else if (event === 'totals') this.#totals = data as Totals;
    else if (event === 'daemon') this.#daemon = data as DaemonView;
  }

  #draw(): void {
    const screen = this.#world.screen();
    if (!screen || !this.#totals) return;
    const lines = statusTable([...this.#streams.values()], Date.now())
      .trimEnd()
      .split('\n');
    const daemon = `Daemon ${plainText(this.#daemon?.instance ?? '')}: ${phaseOf(this.#daemon)}.`;
    const sums = `${totalsLine(this.#totals)} ${daemon} ${troubleLines(this.#daemon).replaceAll('\n', ' ')}`.trimEnd();
    this.#world.out(onScreen(lines, sums, screen));
  }
}

/** From the upper left corner on, over what was there; whatever does not fit is counted. */
function onScreen(lines: readonly string[], sums: string, { rows, columns }: Screen): string {
  const room = Math.max(1, rows - LINES_BELOW - 1);
  const hidden = lines.length - room;
  const shown = [...lines.slice(0, room), ...(hidden > 0 ? [`... and ${hidden} more lines`] : []), sums];
  return `\u001b[H${shown.map((line) => `${line.slice(0, columns)}\u001b[K\n`).join('')}\u001b[J`;
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      done();
    });
  });
