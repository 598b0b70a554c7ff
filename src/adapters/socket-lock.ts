// A lock that the kernel gives back when its process dies, however it dies: an abstract unix socket on Linux. Whoever is refused connects
// and is told the holder's line.
//
// 1. It holds within one network namespace: containers with networks of their own, and other hosts, do not see each other's. There the
//    registry's lease decides.
// 2. Any local user may take an abstract name first. They gain nothing but our refusal, which names them.
// 3. Elsewhere (macOS) it is a socket file in the temporary folder. A dead holder's file is taken over when nobody answers behind it; two
//    who do that within the same moment may both believe to hold it. That is accepted: such machines are for development.
// 4. Holding a lock keeps no process alive.

import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failureOf } from '../machines/failure.ts';
import type { HeldLock, Lock } from '../ports/lock.ts';
import type { Outcome } from '../ports/outcome.ts';
import { errnoOf } from './fs-failure.ts';

/** A line for people: longer ones are cut, by who tells and by who hears. */
const MAX_HOLDER_CHARS = 200;
/** A holder answers at once, unless it is stopped or starved; it holds all the same. */
const MAX_ANSWER_MS = 2_000;
const SILENT_HOLDER = 'a process that does not answer';
/** Each round, a holder must have gone between our two steps. */
const MAX_ROUNDS = 5;
/** sun_path has 108 bytes on Linux, 104 on macOS, of which its temporary folder takes half. */
const MAX_ABSTRACT_NAME_CHARS = 90;
const MAX_FILE_NAME_CHARS = 32;

export type SocketLockPlace = 'abstract' | 'file';

export interface SocketLockOptions {
  readonly place?: SocketLockPlace;
  /** Where socket files go. */
  readonly folder?: string;
}

const REACH_CHARS = 12;

/**
 * Names the processes among which these locks hold: one boot of one kernel, one network namespace. Where that cannot be told it is
 * another word at each call: no two processes are then believed to keep each other apart.
 */
export function lockReach(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const reach = `${boot} ${readlinkSync('/proc/self/ns/net')}`;
    return createHash('sha256').update(reach).digest('hex').slice(0, REACH_CHARS);
  } catch {
    return randomUUID().slice(0, REACH_CHARS);
  }
}

type Acquired = { readonly held: true; readonly lock: HeldLock } | { readonly held: false; readonly holder: string };

export function createSocketLock(options: SocketLockOptions = {}): Lock {
  const place = options.place ?? (process.platform === 'linux' ? 'abstract' : 'file');
  const addressOf = (name: string): string =>
    place === 'abstract'
      ? `\0tailrace-${name.slice(0, MAX_ABSTRACT_NAME_CHARS)}`
      : join(options.folder ?? tmpdir(), `tailrace-${name.slice(0, MAX_FILE_NAME_CHARS)}.sock`);

  async function tryOnce(address: string, holder: string): Promise<Acquired | null> {
    const lock = await listenAt(address, holder);
    if (lock) return { held: true, lock };
    const answer = await askHolder(address);
    if (answer !== null) return { held: false, holder: answer };
    if (place === 'file') await removeStale(address);
    return null;
  }

  return {
    async acquire(name, holder): Promise<Outcome<Acquired>> {
      try {
        for (let round = 0; round < MAX_ROUNDS; round++) {
          const value = await tryOnce(addressOf(name), holder);
          if (value) return { ok: true, value };
        }
        return { ok: true, value: { held: false, holder: SILENT_HOLDER } };
      } catch (error) {
        const full = ['EMFILE', 'ENFILE'].includes(errnoOf(error) ?? '');
        return { ok: false, failure: failureOf(full ? 'source_open_files_limit' : 'lock_unavailable', String(error)) };
      }
    },
  };
}

/** Null: somebody has the address. */
function listenAt(address: string, holder: string): Promise<HeldLock | null> {
  return new Promise((resolve, reject) => {
    const asking = new Set<Socket>();
    const server = createServer((socket) => {
      asking.add(socket);
      socket.once('close', () => asking.delete(socket));
      tellHolder(socket, holder);
    });
    server.once('error', (error) => (errnoOf(error) === 'EADDRINUSE' ? resolve(null) : reject(error)));
    server.listen({ path: address }, () => {
      // An error of one connection (no descriptors left) is no end of the lock.
      server.on('error', () => undefined);
      server.unref();
      resolve({ release: () => closeServer(server, asking) });
    });
  });
}

function tellHolder(socket: Socket, holder: string): void {
  socket.unref();
  socket.on('error', () => socket.destroy());
  // Whoever does not read or hang up is not waited for.
  socket.setTimeout(MAX_ANSWER_MS, () => socket.destroy());
  socket.resume();
  socket.end(`${lineOf(holder)}\n`);
}

/** The holder's line; null when nobody is there (any more). */
function askHolder(address: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ path: address });
    let told = '';
    const finish = (answer: string | null): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const line = (): string => lineOf(told) || SILENT_HOLDER;
    const timer = setTimeout(() => finish(line()), MAX_ANSWER_MS);
    socket.setEncoding('utf8');
    socket.on('data', (text) => {
      told += text;
      if (told.includes('\n') || told.length > MAX_HOLDER_CHARS) finish(line());
    });
    socket.on('end', () => finish(line()));
    // EAGAIN: its queue is full of others who ask. Only "nobody there" frees the lock.
    socket.on('error', (error) => {
      finish(['ECONNREFUSED', 'ENOENT'].includes(errnoOf(error) ?? '') ? null : line());
    });
  });
}

const lineOf = (text: string): string => (text.split(/[\r\n]/)[0] ?? '').trim().slice(0, MAX_HOLDER_CHARS);

async function removeStale(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

const closeServer = (server: Server, asking: ReadonlySet<Socket>): Promise<void> =>
  new Promise((resolve) => {
    // Closing twice answers with an error, which is no news.
    server.close(() => resolve());
    for (const socket of asking) socket.destroy();
  });
