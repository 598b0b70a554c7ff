// The writers of the campaign: each kind does what some real program does to its file, at a pace and in sizes that its seed draws, and
// notes in the diary what the file is whenever it rests.

import { appendFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { content } from '../fixtures/writers/content.ts';
import { Recording } from '../fixtures/writers/recording.ts';
import type { Random } from '../simulation/random.ts';
import type { OwnerTest } from '../system/harness/owned-processes.ts';
import { pause } from '../system/harness/waiting.ts';
import type { Diary } from './diary.ts';

const MIB = 2 ** 20;

export interface Desk {
  readonly owner: OwnerTest;
  readonly diary: Diary;
  readonly random: Random;
  /** In the watched folder. */
  readonly path: string;
  /** 1: as the campaign does it; less: a shorter file, in less time. */
  readonly scale: number;
}

type Writer = (desk: Desk) => Promise<void>;

interface Session {
  readonly recording: Recording;
  size: number;
}

const seedOf = ({ random }: Desk): number => random.between(1, 2 ** 30);
const rest = ({ random, scale }: Desk): Promise<void> => pause(random.between(200, 5_000) * scale);

async function open(desk: Desk, flags = 'wx'): Promise<Session> {
  return { recording: await Recording.start(desk.owner, desk.path, { seed: seedOf(desk), flags }), size: 0 };
}

/** A few bursts with rests between; `after` each burst the writer may go back. */
async function burst(desk: Desk, session: Session, after: (begin: number) => Promise<void> = async () => {}) {
  const bursts = desk.random.between(3, 8);
  for (let n = 0; n < bursts; n += 1) {
    const begin = session.size;
    const bytes = Math.round(desk.random.between(MIB / 2, 5 * MIB) * desk.scale);
    await session.recording.append(bytes);
    session.size += bytes;
    await after(begin);
    await desk.diary.note(desk.path);
    await rest(desk);
  }
}

async function close(desk: Desk, { recording }: Session): Promise<void> {
  // Noted while nobody else may touch the file: with AFTER_COMPLETE it may be gone right after the close.
  await desk.diary.note(desk.path, { isFinal: true });
  await recording.close();
}

const append: Writer = async (desk) => {
  const session = await open(desk);
  await burst(desk, session);
  await close(desk, session);
};

/** mp4, wav: sizes in the header at the close. */
const headPatch: Writer = async (desk) => {
  const session = await open(desk);
  await burst(desk, session);
  await session.recording.overwrite(40, content(8, seedOf(desk)));
  await close(desk, session);
};

/** GStreamer's matroskamux: the size of each cluster when it is over. */
const clusterPatch: Writer = async (desk) => {
  const session = await open(desk);
  await burst(desk, session, (begin) => session.recording.overwrite(begin + 4, content(8, seedOf(desk))));
  await close(desk, session);
};

/** mp4 with faststart: everything moves back at the close. */
const wholeRewrite: Writer = async (desk) => {
  const session = await open(desk);
  await burst(desk, session);
  await session.recording.overwrite(0, content(session.size + 4_000, seedOf(desk)));
  await close(desk, session);
};

const truncateAndRegrow: Writer = async (desk) => {
  const session = await open(desk);
  await burst(desk, session);
  session.size = desk.random.chance(0.5) ? 0 : desk.random.between(0, session.size);
  await session.recording.truncate(session.size);
  await desk.diary.note(desk.path);
  await rest(desk);
  await burst(desk, session);
  await close(desk, session);
};

const renameWhileGrowing: Writer = async (desk) => {
  const session = await open(desk);
  await burst(desk, session);
  const path = desk.path.replace(/\.bin$/, '-renamed.bin');
  await rename(desk.path, path);
  const renamed = { ...desk, path };
  await desk.diary.note(path);
  await rest(desk);
  await burst(renamed, session);
  await close(renamed, session);
};

/** A new file is renamed over the first one's path, which has its object by then or not. */
const replace: Writer = async (desk) => {
  const session = await open(desk);
  await burst(desk, session);
  await close(desk, session);
  await pause(desk.random.between(0, 8_000) * desk.scale);
  const aside = join(dirname(desk.path), `.${seedOf(desk)}.tmp`);
  await writeFile(aside, content(desk.random.between(1, 6 * MIB), seedOf(desk)));
  await rename(aside, desk.path);
  await desk.diary.note(desk.path, { isFinal: true });
};

/** A camera that goes on with its file later, when it may be complete already. */
const pauseAndResume: Writer = async (desk) => {
  const session = await open(desk);
  await burst(desk, session);
  await close(desk, session);
  await pause(desk.random.between(2_000, 15_000) * desk.scale);
  const { recording } = await open(desk, 'r+');
  await burst(desk, { recording, size: session.size });
  await close(desk, { recording, size: 0 });
};

/** A tool that edits in place and sets the times back. */
const secretEdit: Writer = async (desk) => {
  const session = await open(desk);
  await burst(desk, session);
  await close(desk, session);
  await pause(desk.random.between(0, 10_000) * desk.scale);
  const { recording } = await open(desk, 'r+');
  const bytes = content(16, seedOf(desk));
  await recording.overwriteSecretly(desk.random.between(0, session.size - bytes.length), bytes);
  await close(desk, { recording, size: 0 });
};

/** The size first, the data later. */
const preallocate: Writer = async (desk) => {
  const session = await open(desk);
  const sizeBytes = Math.round(16 * MIB * desk.scale);
  await session.recording.truncate(sizeBytes);
  for (let offset = 0; offset < sizeBytes; offset += 2 * MIB) {
    await session.recording.overwrite(offset, content(Math.min(2 * MIB, sizeBytes - offset), seedOf(desk)));
    await desk.diary.note(desk.path);
    await rest(desk);
  }
  await close(desk, session);
};

/** A log: opened, a few lines, closed, again and again. */
const appendAndClose: Writer = async (desk) => {
  const lines = desk.random.between(3, 8);
  for (let n = 0; n < lines; n += 1) {
    await appendFile(desk.path, content(desk.random.between(10, MIB), seedOf(desk)));
    await desk.diary.note(desk.path, { isFinal: true });
    await rest(desk);
  }
};

const small: Writer = async (desk) => {
  const session = await open(desk);
  await session.recording.append(desk.random.pick([0, 1, 4_096, MIB, 5 * MIB, 10 * MIB]));
  await close(desk, session);
};

const unlinked: Writer = async (desk) => {
  const session = await open(desk);
  await burst(desk, session);
  await session.recording.close();
  await rm(desk.path, { force: true });
};

/** Those that hold the file open until they are done with it for good. */
const HELD = {
  append,
  headPatch,
  clusterPatch,
  wholeRewrite,
  truncateAndRegrow,
  renameWhileGrowing,
  preallocate,
  small,
};
export const WRITERS = { ...HELD, replace, pauseAndResume, secretEdit, appendAndClose, unlinked } satisfies Record<
  string,
  Writer
>;
export type WriterKind = keyof typeof WRITERS;

export const ALL_KINDS = Object.keys(WRITERS) as readonly WriterKind[];
/** With AFTER_COMPLETE a file that was let go is gone: nobody can come back to it. */
export const HELD_KINDS = Object.keys(HELD) as readonly WriterKind[];
