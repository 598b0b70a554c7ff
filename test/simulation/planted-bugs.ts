// Bugs, planted one at a time by swapping ports or effects of the simulated daemon: each is a mistake that a program like this one
// was seen to make somewhere. The checker must find each; a checker that finds none of them proves nothing.

import { openUpload } from '../../src/actors/effects/open-upload.ts';
import type { World } from '../../src/actors/world.ts';
import type { Failure } from '../../src/machines/failure.ts';
import type { Hasher } from '../../src/ports/hasher.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import type { Outcome } from '../../src/ports/outcome.ts';
import type { Invariant } from './checker/evidence.ts';
import type { Swaps } from './daemon.ts';
import { type Adapt, cursed, editing, often, withoutLosses, writing } from './planted-company.ts';
import {
  askOnce,
  believeTheRecord,
  checkNothing,
  forgetTheFreeze,
  proveNothing,
  removeAtOnce,
  skipTheVerifyPass,
} from './planted-effects.ts';
import type { Effects } from './stream-machine.ts';

export interface PlantedBug {
  readonly name: string;
  readonly swaps: Swaps;
  /**
   * What is found to be broken, at the latest by seed number `withinSeeds`, counted from 1: some three times where it is found now, because
   * every change of the program shifts what a seed does.
   */
  readonly breaks: Invariant;
  readonly withinSeeds: number;
  readonly adapt?: Adapt;
}

const withEffects = (effects: (world: World) => Partial<Effects>): Swaps => ({ effects });

const withStore = (change: (store: ObjectStore) => Partial<ObjectStore>): Swaps => ({
  ports: (ports) => ({ ...ports, store: { ...ports.store, ...change(ports.store) } }),
});

const failedAs = (outcome: Outcome<unknown>, code: Failure['code']): boolean =>
  !outcome.ok && outcome.failure.code === code;

const withoutEtags = (world: World): World => ({ ...world, hasher: { ...world.hasher, multipartEtag: () => null } });

/** XXH64 is computed, and says nothing. */
const crc32Only = (hasher: Hasher): Hasher => ({
  ...hasher,
  start(options) {
    const hash = hasher.start(options);
    return { update: (bytes) => hash.update(bytes), digest: () => ({ ...hash.digest(), xxh64: '0'.repeat(16) }) };
  },
});

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'the verify pass is skipped',
    swaps: withEffects((world) => ({ verifySource: skipTheVerifyPass(world) })),
    breaks: 'I2',
    withinSeeds: 40,
  },
  {
    name: 'the ledger is believed over ListParts',
    // Wherever it is compared: one of the two alone is made good by the other, when the stream was parked and looks again.
    swaps: withEffects((world) => ({ checkParts: checkNothing(world), reconcile: believeTheRecord(world) })),
    breaks: 'I8',
    withinSeeds: 20,
    adapt: cursed({ operation: 'uploadPart', fate: 'forgotten', often: 300 }),
  },
  {
    name: 'the fence of a lease is dropped',
    swaps: {
      savedInRegistry: (save, redis) => {
        const { folderId } = save.lease;
        const now = redis.leases.get(folderId);
        return now ? { ...save, lease: { folderId, holder: now.holder, fence: now.fence } } : save;
      },
    },
    breaks: 'I6',
    withinSeeds: 60,
    adapt: often([4, 'kill'], [8, 'registry_weather']),
  },
  {
    name: 'NoSuchUpload means done',
    swaps: {
      effects: (world) => ({ proveObject: proveNothing(world) }),
      chart: (machine) =>
        machine.provide({
          guards: {
            objectIsOurs: ({ context, event }) =>
              event.type === 'stream.reconciled' && event.evidence.upload === 'gone' && context.memory.freeze !== null,
            objectFoundOurs: ({ event }) => event.type === 'object.probed' && event.upload === 'gone',
          },
        }),
    },
    breaks: 'I2',
    withinSeeds: 40,
  },
  {
    name: '403 means absent',
    swaps: withStore((store) => ({
      headObject: async (target, options) => {
        const head = await store.headObject(target, options);
        return failedAs(head, 's3_access_denied') ? { ok: true, value: null } : head;
      },
      listParts: async (request, options) => {
        const listed = await store.listParts(request, options);
        if (!listed.ok && listed.failure.code === 's3_access_denied')
          return { ok: false, failure: { ...listed.failure, code: 'upload_not_found' } };
        return listed;
      },
    })),
    breaks: 'I5',
    withinSeeds: 60,
    adapt: cursed({ operation: 'listParts', fate: 'denied', often: 300 }),
  },
  {
    name: 'Complete does not wait for parts that may still arrive',
    swaps: withStore((store) => ({
      uploadPart: async (request, options) => {
        const sent = await store.uploadPart(request, options);
        return sent.ok ? sent : { ok: false, failure: { ...sent.failure, answered: true } };
      },
    })),
    breaks: 'I2',
    withinSeeds: 30,
    adapt: cursed({ operation: 'uploadPart', fate: 'late', often: 300 }),
  },
  {
    name: 'Complete without an answer is sent again at once',
    swaps: withStore((store) => ({
      completeUpload: async (request, options) => {
        const sent = await store.completeUpload(request, options);
        return !sent.ok && sent.failure.answered === false ? await store.completeUpload(request, options) : sent;
      },
    })),
    breaks: 'I2',
    withinSeeds: 20,
    adapt: cursed({ operation: 'completeUpload', fate: 'late', often: 600 }),
  },
  {
    name: 'parts that S3 does not have are left out of Complete',
    swaps: {
      ...withStore((store) => ({
        completeUpload: async (request, options) => {
          const listed = await store.listParts(request, options);
          const there = new Map(listed.ok ? listed.value.parts.map((part) => [part.partNumber, part]) : []);
          const parts = request.parts.filter((part) => there.get(part.partNumber)?.etag === part.etag);
          const sizeBytes = parts.reduce((sum, { partNumber: n }) => sum + (there.get(n)?.sizeBytes ?? 0), 0);
          return await store.completeUpload({ ...request, parts, sizeBytes }, options);
        },
      })),
      ...withEffects((world) => ({ checkParts: checkNothing(world) })),
    },
    breaks: 'I2',
    withinSeeds: 20,
    adapt: cursed({ operation: 'uploadPart', fate: 'forgotten', often: 100 }),
  },
  {
    name: 'a failed Complete aborts the upload',
    swaps: withStore((store) => ({
      completeUpload: async (request, options) => {
        const sent = await store.completeUpload(request, options);
        if (!sent.ok) await store.abortUpload(request);
        return sent;
      },
    })),
    breaks: 'I1',
    withinSeeds: 30,
  },
  {
    name: 'ranges are compared by CRC32 alone',
    swaps: { ports: (ports) => ({ ...ports, hasher: crc32Only(ports.hasher) }) },
    breaks: 'I2',
    withinSeeds: 40,
  },
  {
    name: 'the freeze is forgotten while parts are sent again',
    swaps: withEffects((world) => ({ verifySource: forgetTheFreeze(world) })),
    breaks: 'I2',
    withinSeeds: 40,
    adapt: (scenario) => ({
      ...editing(scenario),
      ambushes: 500,
      actions: [
        [1, 'write'],
        [1, 'long_pause'],
      ],
    }),
  },
  {
    name: 'a lost upload is answered by one HEAD',
    // What is found at the key is not compared with the file either (as where ETags are no MD5s), which would heal it.
    swaps: withEffects((world) => ({ probeObject: askOnce(world), openUpload: openUpload(withoutEtags(world)) })),
    breaks: 'I4',
    withinSeeds: 400,
    adapt: (scenario) =>
      withoutLosses({
        ...cursed({ operation: 'completeUpload', fate: 'late', often: 600 })(scenario),
        s3LatencyMs: [100, 900],
      }),
  },
  {
    name: 'the record is believed after a restart',
    swaps: withEffects((world) => ({ reconcile: believeTheRecord(world) })),
    breaks: 'I8',
    withinSeeds: 10,
  },
  {
    name: 'nothing waits for the journal',
    swaps: {
      world: (world) => {
        world.writeAhead.settled = () => Promise.resolve();
      },
    },
    breaks: 'I7',
    withinSeeds: 20,
  },
  {
    name: 'any stream may have any key',
    swaps: {
      ports: (ports) => ({
        ...ports,
        journal: {
          ...ports.journal,
          reserveKey: async (target, id) => {
            const reserved = await ports.journal.reserveKey(target, id);
            return reserved.ok ? { ok: true, value: { granted: true, existed: reserved.value.existed } } : reserved;
          },
        },
      }),
    },
    breaks: 'I5',
    withinSeeds: 60,
    adapt: writing([10, 'append'], [3, 'rename'], [3, 'replace'], [3, 'close']),
  },
  {
    name: 'writers are not asked for',
    swaps: {
      ports: (ports) => ({
        ...ports,
        writers: {
          look: async (files) => ({ ok: true, value: new Map(files.map((file) => [file.streamId, 'none'])) }),
        },
      }),
    },
    breaks: 'I2',
    withinSeeds: 20,
  },
  {
    name: 'empty uploads are left behind',
    swaps: withStore(() => ({ abortUpload: async () => ({ ok: true, value: null }) })),
    breaks: 'I5',
    withinSeeds: 40,
  },
  {
    name: 'work that failed is tried again without a pause',
    swaps: { chart: (machine) => machine.provide({ actions: { backOff: () => {} } }) },
    breaks: 'I7',
    withinSeeds: 40,
    adapt: cursed(
      { operation: 'headObject', fate: 'refused', often: 900 },
      { operation: 'listParts', fate: 'refused', often: 900 },
    ),
  },
  {
    name: 'Redis is told the status of before',
    swaps: {
      ports: (ports) => ({
        ...ports,
        registry: ports.registry && {
          ...ports.registry,
          save: async (save) =>
            (await ports.registry?.save({ ...save, status: save.final ? 's3_completed' : save.status })) ?? {
              ok: true,
              value: { answer: 'saved' },
            },
        },
      }),
    },
    breaks: 'I3',
    withinSeeds: 10,
  },
  {
    name: 'a source is removed without another look at it',
    swaps: withEffects((world) => ({ disposeSource: removeAtOnce(world) })),
    breaks: 'I9',
    withinSeeds: 40,
    adapt: (scenario) => ({
      ...editing(scenario),
      ambushes: 500,
      actions: [
        [1, 'write'],
        [1, 'long_pause'],
      ],
      settings: { ...scenario.settings, afterComplete: { kind: 'delete' } },
    }),
  },
];
