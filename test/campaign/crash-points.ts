// The moments at which a daemon can be told to kill itself: before and after each effect of a stream, and before and after each call
// of a port that changes something or that decisions rest on. A list, so that a test can run all of them.

/** As effectsOf of src/actors/supervise.ts names them. */
export const EFFECTS = [
  'reconcile',
  'openUpload',
  'uploadParts',
  'checkWriter',
  'verifySource',
  'checkParts',
  'completeUpload',
  'probeObject',
  'proveObject',
  'abortUpload',
  'publishReceipt',
  'clearUploads',
  'disposeSource',
] as const;

/** Port -> its calls. */
export const CALLS = {
  store: [
    'probe',
    'createUpload',
    'uploadPart',
    'copyPart',
    'listParts',
    'listUploads',
    'completeUpload',
    'abortUpload',
    'headObject',
    'putObject',
  ],
  journal: ['load', 'reserveKey', 'save'],
  registry: ['acquireLease', 'load', 'save'],
  disposal: ['setAside', 'move', 'remove'],
} as const;

/** For example `effect.verifySource.before`, `store.uploadPart.after`, `journal.save.before`. */
export type CrashPoint = string;

const sides = (name: string): readonly CrashPoint[] => [`${name}.before`, `${name}.after`];

export const CRASH_POINTS: readonly CrashPoint[] = [
  ...EFFECTS.flatMap((name) => sides(`effect.${name}`)),
  ...Object.entries(CALLS).flatMap(([port, calls]) => calls.flatMap((call) => sides(`${port}.${call}`))),
];

/** How a daemon of the campaign is told, through its environment: the point, and how often it is passed before. */
export const CRASH_AT = 'CAMPAIGN_CRASH_AT';
export const CRASH_SKIP = 'CAMPAIGN_CRASH_SKIP';
/** Folder of the built program. */
export const PROGRAM = 'CAMPAIGN_PROGRAM';
