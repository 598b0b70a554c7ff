// How this server behaves where S3's cousins differ: every difference is one switch, a provider is a set of them.
//
// AWS' own behaviour is the default. What is said of the others was measured by us or reported by users of theirs (the project's
// facts): Ceph RGW 16, Swift 2.30 with s3api, MinIO, R2. A switch can be set alone, so that a test can ask for one difference.
// A further difference is a row in AS_AWS and in WORDS, and one place that asks it.

export type Behaviour = {
  /** A Complete that comes again, with the same parts, after it succeeded. MinIO asks the conditions first even then. */
  readonly reComplete: 'success' | 'NoSuchUpload';
  /** The ETag in the answer to the first successful Complete; HEAD tells it in any case. */
  readonly firstCompleteEtag: 'told' | 'empty';
  readonly completeOfGone: 'NoSuchUpload' | 'InternalError';
  readonly listOfGone: 'NoSuchUpload' | 'NoSuchKey';
  /** ListParts of an upload that was completed. */
  readonly listAfterComplete: 'gone' | 'listed';
  /** Complete that leaves out parts that were uploaded. */
  readonly completeOfSome: 'accepted' | 'InvalidPart';
  readonly partOrder: 'InvalidPartOrder' | 'sorted';
  readonly minPartNumber: number;
  readonly maxPartNumber: number;
  /** R2: all parts but the last must have one length; told at Complete. */
  readonly partSizes: 'any' | 'equal';
  readonly maxObjectBytes: number;
  /** Of every listing; also when more are asked for. */
  readonly maxPageEntries: number;
  /** Whether x-amz-checksum-* is understood; else it is passed over, or the request refused by this name. */
  readonly checksums: 'verified' | 'ignored' | 'NotImplemented' | 'InvalidArgument';
  readonly checksumsInComplete: 'verified' | 'MalformedXML';
  /** x-amz-mp-object-size at Complete. */
  readonly objectSizeInComplete: 'verified' | 'ignored';
  readonly conditionalComplete: 'honoured' | 'ignored';
  readonly conditionalPut: 'honoured' | 'ignored' | 'NotImplemented';
  /** x-amz-copy-source-if-match: Swift compares it with an ETag of its own, which is never that of an object made of parts. */
  readonly copyCondition: 'honoured' | 'never holds for parts';
  /** Swift names no marker after a page of one entry, though more follow: who goes on from there gets the same page for ever. */
  readonly uploadMarkers: 'told' | 'missing after one entry';
  /** MinIO lists the uploads of one key, and none for what is only the beginning of a key. */
  readonly uploadsListedBy: 'prefix' | 'exact key';
  /** HEAD with partNumber. */
  readonly headOfPart: 'told' | 'MethodNotAllowed';
  /** Bodies in chunks (aws-chunked), as SDKs send streams by default. */
  readonly chunkedBodies: 'decoded' | 'MissingContentLength' | 'NotImplemented';
  /** Uploads older than this, counted from Create, are gone; null: they stay. */
  readonly maxUploadAgeMs: number | null;
  /** AbortDate in the answers to Create and ListParts, as AWS does for a lifecycle rule. */
  readonly abortDate: 'told' | 'untold';
};

const MIB = 2 ** 20;
const TIB = 2 ** 40;
const HOUR_MS = 3_600_000;

export const AS_AWS: Behaviour = {
  reComplete: 'success',
  firstCompleteEtag: 'told',
  completeOfGone: 'NoSuchUpload',
  listOfGone: 'NoSuchUpload',
  listAfterComplete: 'gone',
  completeOfSome: 'accepted',
  partOrder: 'InvalidPartOrder',
  minPartNumber: 1,
  maxPartNumber: 10_000,
  partSizes: 'any',
  // 10,000 parts of 5 GiB: 48.8 TiB.
  maxObjectBytes: 10_000 * 5 * 1024 * MIB,
  maxPageEntries: 1000,
  checksums: 'verified',
  checksumsInComplete: 'verified',
  objectSizeInComplete: 'verified',
  conditionalComplete: 'honoured',
  conditionalPut: 'honoured',
  copyCondition: 'honoured',
  uploadMarkers: 'told',
  uploadsListedBy: 'prefix',
  headOfPart: 'told',
  chunkedBodies: 'decoded',
  maxUploadAgeMs: null,
  abortDate: 'told',
};

/** Numbers beyond this are no part numbers anywhere. */
const MOST_PART_NUMBER = 100_000;

export const PROVIDERS = {
  aws: AS_AWS,
  ceph: {
    ...AS_AWS,
    firstCompleteEtag: 'empty',
    completeOfGone: 'InternalError',
    listOfGone: 'NoSuchKey',
    completeOfSome: 'InvalidPart',
    partOrder: 'sorted',
    minPartNumber: 0,
    maxPartNumber: MOST_PART_NUMBER,
    checksums: 'ignored',
    objectSizeInComplete: 'ignored',
    conditionalComplete: 'ignored',
    chunkedBodies: 'MissingContentLength',
  },
  swift: {
    ...AS_AWS,
    listAfterComplete: 'listed',
    checksums: 'ignored',
    checksumsInComplete: 'MalformedXML',
    objectSizeInComplete: 'ignored',
    conditionalComplete: 'ignored',
    conditionalPut: 'NotImplemented',
    copyCondition: 'never holds for parts',
    uploadMarkers: 'missing after one entry',
    headOfPart: 'MethodNotAllowed',
    chunkedBodies: 'NotImplemented',
  },
  minio: {
    ...AS_AWS,
    reComplete: 'NoSuchUpload',
    maxObjectBytes: 5 * TIB,
    uploadsListedBy: 'exact key',
    maxUploadAgeMs: 24 * HOUR_MS,
    abortDate: 'untold',
  },
  r2: {
    ...AS_AWS,
    partSizes: 'equal',
    maxObjectBytes: 5 * TIB,
    checksums: 'NotImplemented',
    maxUploadAgeMs: 7 * 24 * HOUR_MS,
    abortDate: 'untold',
  },
} as const satisfies Record<string, Behaviour>;

export type ProviderName = keyof typeof PROVIDERS;

export function isProviderName(name: string): name is ProviderName {
  return Object.hasOwn(PROVIDERS, name);
}

/** What each switch may be set to: one of these words, or a number (with `null` where there may be none). */
const WORDS: Readonly<Record<keyof Behaviour, readonly string[] | 'count' | 'count or null'>> = {
  reComplete: ['success', 'NoSuchUpload'],
  firstCompleteEtag: ['told', 'empty'],
  completeOfGone: ['NoSuchUpload', 'InternalError'],
  listOfGone: ['NoSuchUpload', 'NoSuchKey'],
  listAfterComplete: ['gone', 'listed'],
  completeOfSome: ['accepted', 'InvalidPart'],
  partOrder: ['InvalidPartOrder', 'sorted'],
  minPartNumber: 'count',
  maxPartNumber: 'count',
  partSizes: ['any', 'equal'],
  maxObjectBytes: 'count',
  maxPageEntries: 'count',
  checksums: ['verified', 'ignored', 'NotImplemented', 'InvalidArgument'],
  checksumsInComplete: ['verified', 'MalformedXML'],
  objectSizeInComplete: ['verified', 'ignored'],
  conditionalComplete: ['honoured', 'ignored'],
  conditionalPut: ['honoured', 'ignored', 'NotImplemented'],
  copyCondition: ['honoured', 'never holds for parts'],
  uploadMarkers: ['told', 'missing after one entry'],
  uploadsListedBy: ['prefix', 'exact key'],
  headOfPart: ['told', 'MethodNotAllowed'],
  chunkedBodies: ['decoded', 'MissingContentLength', 'NotImplemented'],
  maxUploadAgeMs: 'count or null',
  abortDate: ['told', 'untold'],
};

/** `{"provider": "ceph", "reComplete": "NoSuchUpload"}`: a provider's behaviour, and what else is set. @throws TypeError that says what is wrong */
export function parseBehaviour(json: unknown, otherwise: Behaviour = AS_AWS): Behaviour {
  if (typeof json !== 'object' || json === null) throw new TypeError('a behaviour is an object');
  const { provider, ...switches } = json as Readonly<Record<string, unknown>>;
  if (provider !== undefined && !(typeof provider === 'string' && isProviderName(provider))) {
    throw new TypeError(`there is no provider ${JSON.stringify(provider)}: ${Object.keys(PROVIDERS).join(', ')}`);
  }
  for (const [name, value] of Object.entries(switches)) {
    if (!Object.hasOwn(WORDS, name)) throw new TypeError(`there is no switch ${name}`);
    const words = WORDS[name as keyof Behaviour];
    if (!fits(value, words)) throw new TypeError(`${name} cannot be ${JSON.stringify(value)}: ${String(words)}`);
  }
  return { ...(provider === undefined ? otherwise : PROVIDERS[provider]), ...(switches as Partial<Behaviour>) };
}

function fits(value: unknown, words: readonly string[] | 'count' | 'count or null'): boolean {
  if (typeof words !== 'string') return words.some((word) => word === value);
  if (value === null) return words === 'count or null';
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** `name=value` of a command line: numbers and null as such, everything else a word. */
export function parseSwitch(text: string): Readonly<Record<string, unknown>> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new TypeError(`${text} is no name=value`);
  const [name, value] = [text.slice(0, equals), text.slice(equals + 1)];
  return { [name]: value === 'null' ? null : /^\d+$/.test(value) ? Number(value) : value };
}
