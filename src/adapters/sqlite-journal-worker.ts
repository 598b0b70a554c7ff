// The journal's thread: opens the database, answers requests one after another, turns errors into failures.
//
// It owns the only connection. `locking_mode=EXCLUSIVE` keeps the lock from opening to closing, so a second process is refused, and a
// killed one's lock is given back by the kernel. A request never ends the thread: what goes wrong is answered, and a database that
// could not be opened is tried again with the next request, so that the journal works again when its folder does.
// If somebody removes the journal's file under the running daemon, SQLite would go on writing into a file without a name: it is
// noticed before each write, and what the open connection still holds is written to a new file.

import { chmodSync, closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { type Failure, failureOf } from '../machines/failure.ts';
import type { StreamId, UploadId } from '../machines/ids.ts';
import type { ObjectTarget } from '../machines/stream-record.ts';
import type { StreamSave } from '../ports/journal.ts';
import type { JournalReply, JournalRequest, JournalThreadData } from './sqlite-journal-messages.ts';
import { JournalRefusedError, migrate } from './sqlite-journal-schema.ts';
import { SqliteJournalStore } from './sqlite-journal-store.ts';

/** SQLite's primary result codes (https://www.sqlite.org/rescode.html), in words for people. */
const SQLITE_WORDS: Readonly<Record<number, string>> = {
  5: 'another process has the journal open',
  8: 'STATE_DIR is read-only',
  10: 'the disk of STATE_DIR reports an error, or is full',
  11: 'the journal is damaged: move it away to rebuild it from the files and S3',
  13: 'the disk of STATE_DIR is full',
  14: 'the journal cannot be opened',
  26: 'the file is no journal: move it away to rebuild it from the files and S3',
};

interface OpenJournal {
  readonly database: DatabaseSync;
  readonly store: SqliteJournalStore;
  readonly inode: bigint;
}

const { stateDir } = workerData as JournalThreadData;
const path = join(stateDir, 'journal.sqlite');
let opened: OpenJournal | null = null;

function open(): OpenJournal {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  // SQLite gives its side files the mode of the database file.
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
  const database = new DatabaseSync(path);
  try {
    // Before the first access in WAL mode: then no shared memory file is used, and no other process can come in between.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    migrate(database);
    return { database, store: new SqliteJournalStore(database), inode: statSync(path, { bigint: true }).ino };
  } catch (error) {
    database.close();
    throw error;
  }
}

function ready(): SqliteJournalStore {
  opened ??= open();
  if (isRemoved(opened)) opened = rescued(opened);
  return opened.store;
}

const isRemoved = ({ inode }: OpenJournal): boolean =>
  statSync(path, { bigint: true, throwIfNoEntry: false })?.ino !== inode;

/** Killed in the middle: no file, or a whole one of the moment before, as after any loss of STATE_DIR. */
function rescued(lost: OpenJournal): OpenJournal {
  if (existsSync(path))
    throw new JournalRefusedError('the journal was replaced by another file: restart to use that one');
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  lost.database.prepare('VACUUM INTO ?').run(path);
  const found = open();
  lost.database.close();
  return found;
}

function close(): null {
  if (!opened) return null;
  const { database } = opened;
  opened = null;
  // Closing checkpoints too; asking for it first makes a full disk show here and not be swallowed there.
  try {
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    database.close();
  }
  return null;
}

function perform({ operation, input }: JournalRequest): unknown {
  if (operation === 'close') return close();
  const store = ready();
  switch (operation) {
    case 'open':
      return null;
    case 'load':
      return store.load();
    case 'record':
      return store.record(input as StreamId);
    case 'rows': {
      const { id, uploadId } = input as { id: StreamId; uploadId: UploadId };
      return store.rows(id, uploadId);
    }
    case 'save':
      return store.save(input as readonly StreamSave[]);
    case 'reserveKey': {
      const { target, id } = input as { target: ObjectTarget; id: StreamId };
      return store.reserveKey(target, id);
    }
    case 'reservedKeys':
      return store.reservedKeys(input as StreamId);
    case 'forget':
      return store.forget(input as StreamId);
  }
}

function failureFrom(error: unknown): Failure {
  const { message, code, errcode } = error as { message?: string; code?: string; errcode?: number };
  if (error instanceof JournalRefusedError) return failureOf('journal_unavailable', `${path}: ${error.message}`);
  if (code === 'ERR_SQLITE_ERROR' && errcode !== undefined) {
    const words = SQLITE_WORDS[errcode & 0xff];
    return failureOf('journal_unavailable', `${path}: ${words ? `${words} (${message})` : message}`);
  }
  // Node's own file errors (ENOTDIR, EACCES, EROFS, ENOSPC) have a system call; anything else is ours.
  if (code !== undefined && 'syscall' in (error as object)) return failureOf('journal_unavailable', String(message));
  return failureOf('bug', `the journal failed: ${message ?? String(error)}`);
}

parentPort?.on('message', (request: JournalRequest) => {
  let reply: JournalReply;
  try {
    reply = { requestId: request.requestId, outcome: { ok: true, value: perform(request) } };
  } catch (error) {
    reply = { requestId: request.requestId, outcome: { ok: false, failure: failureFrom(error) } };
  }
  parentPort?.postMessage(reply);
});
