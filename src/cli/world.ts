// What a verb needs of the process that it runs in, so that it never touches globals: data goes to `out`, talk to `talk`.

import type { Environment } from '../config/sources.ts';
import type { ReadJournal, StartDaemon } from './daemon.ts';
import type { EndSignal } from './exit-codes.ts';
import type { Tools } from './tools.ts';

/** What compose.ts offers; loaded only by the verbs that need it. */
export interface Compose {
  readonly startDaemon: StartDaemon;
  readonly readJournal: ReadJournal;
}

export interface Screen {
  readonly rows: number;
  readonly columns: number;
}

export interface World {
  readonly env: Environment;
  readonly cwd: string;
  /** Data, to stdout. */
  readonly out: (text: string) => void;
  /** Talk, to stderr. */
  readonly talk: (text: string) => void;
  /** Talk is read by a person at a terminal. */
  readonly terminal: boolean;
  /** Size of the terminal to which data goes, as it is now; null: it goes to a file or another program. */
  readonly screen: () => Screen | null;
  /** Calls back at each signal that asks to end, until the returned function is called. */
  readonly onSignal: (listener: (signal: EndSignal) => void) => () => void;
  readonly compose: () => Promise<Compose>;
  /** Loaded only by the verbs that work beside a daemon. */
  readonly tools: () => Promise<Tools>;
  /** One line from the person at the terminal; null: nobody is there to be asked. */
  readonly ask: (question: string) => Promise<string | null>;
}

/** A line of talk beside the log: plain at a terminal, else a line of JSON like those of the log. */
export function say(world: World, line: string): void {
  if (world.terminal) world.talk(`${line}\n`);
  else world.talk(`${JSON.stringify({ level: 'info', time: new Date().toISOString(), msg: line })}\n`);
}
