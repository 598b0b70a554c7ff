// What the command line needs of a running daemon. compose.ts makes it; verbs take `StartDaemon` and the readers as parameters
// and never know adapters.

import type { Writable } from 'node:stream';
import type { Config } from '../config/schema.ts';
import type { StoredRecord } from '../machines/stream-record.ts';
import type { Lock } from '../ports/lock.ts';
import type { Outcome } from '../ports/outcome.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { ReadModel } from '../read-model/read-model.ts';

export interface Daemon {
  /** Of the HTTP listener, for example `http://127.0.0.1:8000`, with the port that was really taken. */
  readonly address: string;
  /** The page's address with the token in its fragment: a secret, for a terminal alone. null: the page is not built. */
  readonly pageUrl: string | null;
  /** What it shows of its streams, as the API does. */
  readonly shown: Pick<ReadModel, 'list'>;
  /** A few lines for people, told once at start: what is watched, where objects go. No secrets. */
  describe(): readonly string[];
  /** Resolves when everything is closed. Never rejects: a bug ends with exit code 70. */
  readonly finished: Promise<{ readonly exitCode: number }>;
  /** First signal: take no new work, finish or park what runs within SHUTDOWN_GRACE_SECONDS. Idempotent. */
  drain(): void;
  /** Second signal: end now; what is in flight is sent again at the next start. Idempotent. */
  hurry(): void;
  /** The object's bytes, read back from the configured bucket (for `demo`). */
  readObject(key: string): Promise<Outcome<AsyncIterable<Uint8Array>>>;
}

export interface StartOptions {
  /** S3 endpoint inside STATE_DIR instead of a real one. */
  readonly embedded: boolean;
  /** End by itself when every stream is final. */
  readonly once: boolean;
  /** A listener on loopback that the Stately inspector can attach to. */
  readonly inspect?: boolean;
  /** The host's locks; another one only where a test runs two hosts on one machine. */
  readonly lock?: Lock;
  readonly telemetry?: Telemetry;
  /** Where the log goes instead of stderr. */
  readonly log?: Writable;
}

export type Started =
  | { readonly ok: true; readonly daemon: Daemon }
  | { readonly ok: false; readonly exitCode: number; readonly message: string };

export type StartDaemon = (config: Config, options: StartOptions) => Promise<Started>;

/** Reads the journal in `stateDir` under its lock: used while no daemon answers. `journal_unavailable`: there is none, or somebody has it open. */
export type ReadJournal = (stateDir: string) => Promise<Outcome<readonly StoredRecord[]>>;
