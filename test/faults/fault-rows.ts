// The faults that tailrace has to survive, as data: what happens, what it must do, and which invariants that keeps. A test covers a
// row by beginning its title with the row's number: `F33 503 SlowDown ...`. docs/reliability.md shows each row with its tests;
// a row without one fails test/project/reliability.test.ts. A number is never given to another fault.

export type Invariant = keyof typeof INVARIANTS;

export const INVARIANTS = {
  I1: 'no byte is lost',
  I2: 'no byte is wrong: the object is the file at the freeze',
  I3: 'what is told is true',
  I4: 'one object for one stream, and nobody else’s is overwritten',
  I5: 'no upload is left that nobody lists',
  I6: 'one writer of a stream’s state',
  I7: 'everything has a limit',
  I8: 'it ends when the faults end',
  I9: 'the source is not harmed',
} as const;

export interface FaultRow {
  readonly id: number;
  readonly fault: string;
  readonly right: string;
  readonly keeps: readonly Invariant[];
}

type Words = readonly [id: number, fault: string, right: string, ...keeps: Invariant[]];

const DEATH: readonly Words[] = [
  [
    1,
    'Killed when Create took place and its upload id is not recorded',
    'The key was reserved before; after the start the uploads of exactly this key are listed: the one with the file’s parts is gone on with, empty ones of ours are ended',
    'I5',
    'I8',
  ],
  [2, 'Killed with half a part sent', 'The part is not listed: it alone is sent again', 'I1', 'I7'],
  [
    3,
    'Killed when a part has arrived and is not recorded',
    'The listed part is compared with the file and taken: nothing is sent again',
    'I7',
  ],
  [
    4,
    'Killed when finalizing is recorded and Complete is not sent',
    'Finalizing goes on, all its looks included',
    'I8',
  ],
  [
    5,
    'Killed while Complete is on its way',
    'HEAD, then the list of parts; no second Complete while the first may still take place',
    'I2',
    'I3',
  ],
  [
    6,
    'Killed when Complete took place and that is not recorded',
    'The object proves it; nothing is aborted, nothing is sent again',
    'I3',
    'I4',
  ],
  [7, 'Killed between the proof and the receipt', 'The receipt is published, under the same name', 'I8'],
  [8, 'Killed while it recovers, again and again', 'Recovering only looks: it can be repeated for ever', 'I1', 'I8'],
  [9, 'Killed during an abort', 'The wish to abort was recorded: it is repeated until nothing is listed', 'I5'],
  [10, 'A second daemon for the same folder', 'It refuses, or waits and takes over when the first is gone', 'I4', 'I6'],
  [
    11,
    'A daemon is stopped past its lease and goes on',
    'It does nothing final before it asked for the lease again; what it saves is refused',
    'I2',
    'I6',
  ],
  [
    12,
    'SIGTERM with parts in flight',
    'What is in flight may end within the grace, then it is cut off; no new Complete',
    'I7',
    'I8',
  ],
];

const AMBIGUITY: readonly Words[] = [
  [
    13,
    'Complete took place, its answer was lost, the repetition is told NoSuchUpload',
    'HEAD: the object is ours, so it is done',
    'I3',
  ],
  [
    14,
    'The upload is gone: expired, or somebody aborted it',
    'HEAD finds nothing of ours: the next generation, from the file',
    'I1',
    'I3',
  ],
  [
    15,
    '200 with an error in its body, in all its forms',
    'Success needs the fields of a success; all else is a doubt, and is looked at',
    'I3',
  ],
  [16, '200 with PreconditionFailed in its body', 'Told by the name of the error, not by its status', 'I4'],
  [17, '412 because our own first Complete has won', 'HEAD: ours is done, a foreign one is passed by', 'I3', 'I4'],
  [18, '409 ConditionalRequestConflict', 'Looked at first; then completed again, or sent anew', 'I4', 'I8'],
  [
    19,
    'InvalidPart: a part was overwritten or is missing',
    'The parts are listed and compared; what is wrong is sent again',
    'I2',
  ],
  [20, 'EntityTooSmall', 'The plan makes it impossible; if told all the same, nothing is thrown away', 'I8'],
  [21, 'Wrong order, doubles, ten thousand parts', 'Complete has each part once, in order', 'I2'],
  [22, 'A part is acknowledged without ETag or with another checksum', 'It was not uploaded', 'I2'],
  [
    23,
    'A part is acknowledged and never listed',
    'The full list is compared before Complete; the part is sent again',
    'I1',
  ],
  [
    24,
    'Two attempts of one part, the older one lands last',
    'Same bytes harm nothing; others are found by their ETag',
    'I2',
  ],
  [25, 'An abort beside parts on their way', 'It waits for them, and is repeated until nothing is listed', 'I5'],
  [26, 'Complete beside a part on its way', 'Never: Complete waits until none can arrive any more', 'I2'],
  [27, 'Two Completes at once', 'One at a time; a doubt is waited out', 'I1'],
  [28, 'Create’s answer is lost', 'The upload that nobody asked for is found by the key and ended', 'I5'],
  [
    29,
    'A list of parts on many pages, or one whose marker does not advance',
    'Read to its end; one that goes round is no list',
    'I1',
  ],
  [30, 'Uploads cannot be listed', 'Nothing depends on it: a new upload from the file', 'I5', 'I8'],
  [31, '403 to HEAD instead of 404', 'Unknown, never absent: waits and says so', 'I1', 'I3'],
  [32, 'Somebody in between answers 200 with a page', 'No answer: tried again', 'I1'],
];

const AVAILABILITY: readonly Words[] = [
  [33, '503 SlowDown', 'Waits longer each time, and as long as it is told to; no stream fails', 'I7', 'I8'],
  [34, '500, 502, 504, resets, hours without S3', 'Patience without an end: the file is the buffer', 'I1', 'I7'],
  [
    35,
    'The connection is open and nothing moves',
    'Time-outs that grow with the size of a part, then a new connection',
    'I8',
  ],
  [36, 'The line is slower than the recorder', 'The backlog is shown; nothing is given up', 'I7'],
  [37, 'Credentials expire on the way', 'Tried again; nothing is aborted', 'I1'],
  [38, 'The clock is off', 'Corrected by what the server says, or told and tried again', 'I8'],
  [39, 'AccessDenied to one request only', 'Waits, says who can cure it, goes on by itself', 'I3'],
  [40, 'The bucket is gone', 'Waits; no generation is begun blindly', 'I1'],
  [
    41,
    'The provider’s maximum age of an upload comes near',
    'A second upload is filled from the file and takes over; nothing partial is completed',
    'I1',
    'I3',
  ],
  [42, 'A provider refuses a checksum header', 'Found out at the start; the provider’s own way is used', 'I8'],
  [43, 'A provider demands equal parts', 'The uniform plan', 'I8'],
  [
    44,
    'A versioned bucket, where each Complete makes a version',
    'One Complete, conditional where the server can',
    'I4',
  ],
  [
    45,
    'The object is deleted or overwritten before it is proven',
    'Sent again from the file, beside what is foreign',
    'I3',
  ],
];

const REDIS: readonly Words[] = [
  [46, 'Redis is away at the start', 'Works from the journal and says so; Redis is written when it comes', 'I6', 'I8'],
  [47, 'Redis is away for hours', 'Nothing stops; the newest record of each stream is written afterwards', 'I1', 'I8'],
  [
    48,
    'Redis, the journal, or both are lost',
    'Each is written again from the other; without both, from file and S3',
    'I1',
    'I5',
  ],
  [49, 'Redis is older than the journal', 'The higher fence and revision count; evidence decides', 'I2', 'I3', 'I6'],
  [50, 'A record says more than S3 has', 'S3 is right: sent again', 'I1', 'I3'],
  [51, 'A command is executed and its answer lost', 'Each save is a compare-and-set: told twice, done once', 'I6'],
  [52, 'A command arrives late', 'Nothing is queued; a late save of before is refused', 'I6'],
  [53, 'MISCONF, OOM, READONLY, LOADING, NOAUTH, NOSCRIPT', 'Passing troubles: nothing is lost', 'I8'],
  [54, 'A save that is half there', 'One atomic step each; what is missing is written again', 'I3'],
  [55, 'A record of another version, or damaged', 'Told, kept, and rebuilt from file and S3', 'I8'],
  [56, 'A record without a living stream', 'Each record that is not final gets its stream at the start', 'I8'],
  [
    57,
    'The lease is lost under a Complete',
    'The object is found by the next owner; the former one cannot save',
    'I3',
    'I6',
  ],
];

const FILES: readonly Words[] = [
  [
    58,
    'The head is rewritten after it was sent',
    'The verify pass finds it; the part is sent again under its number',
    'I2',
  ],
  [59, 'Edits that change neither size nor times nor CRC32', 'Two hashes of the bytes decide, not times', 'I2'],
  [
    60,
    'Cut shorter and grown again',
    'The next generation under a key of its own; what was cut off is kept and listed',
    'I1',
    'I2',
  ],
  [
    61,
    'Renamed while it uploads',
    'The same stream, with the key under which it began; another file at its path is another stream',
    'I1',
    'I4',
  ],
  [
    62,
    'Unlinked while it uploads',
    'Arrives through the descriptor that is held; without one, failed with its parts kept',
    'I1',
    'I3',
  ],
  [
    63,
    'Another file at the same path, or with the same inode, after a time without a daemon',
    'Another stream',
    'I2',
    'I4',
  ],
  [
    64,
    'Bytes change between hashing and sending',
    'The hash is of the very bytes that were sent, or the attempt is void',
    'I2',
  ],
  [
    65,
    'The writer goes on just when it was taken to be done',
    'The freeze is asked for again until Complete is sent and after the proof; late bytes are the next generation',
    'I1',
    'I2',
  ],
  [66, 'Events of the watcher are lost', 'The sweep finds what grew; events are hints', 'I8'],
  [67, 'An empty file, a small one, one of exactly some parts', 'Nothing; one part; no empty tail', 'I2', 'I3'],
  [68, 'Ten thousand parts come near', 'A second upload with larger parts takes over', 'I1', 'I8'],
  [69, 'The file cannot be read, the disk of the journal is full', 'Waits and says so; uploads go on', 'I1', 'I8'],
  [70, 'The wall clock jumps', 'Idle time is measured by a clock that does not', 'I3'],
  [71, 'A file has its size before its data', 'Parts wait for data; the verify pass is the net', 'I2'],
  [
    72,
    'Nothing is remembered of a stream that is quiet',
    'Given up as empty only if the file, the upload and the object are',
    'I1',
    'I3',
  ],
];

const REVIEW: readonly Words[] = [
  [
    73,
    'Part 1 is patched while part 3 is sent again after a verify pass',
    'The freeze must still hold after it; else the stream is active again',
    'I2',
  ],
  [
    74,
    'Hours between the verify pass and Complete, and the file is edited meanwhile',
    'The stat is asked for behind the barrier, right before Complete',
    'I2',
  ],
  [
    75,
    'No object at HEAD, then the pending Complete commits, then the upload is gone',
    'HEAD once more: now it is conclusive',
    'I3',
  ],
  [76, 'Two living streams want one key', 'It is reserved; the second gets a name of its own', 'I4'],
  [
    77,
    'A foreign object between our HEAD and our Complete',
    'Complete is conditional; what S3_ON_EXISTING says follows',
    'I4',
  ],
  [
    78,
    'Devices are numbered anew, or the folder is on another disk',
    'No id holds a device number; an object that is the file is adopted',
    'I4',
  ],
  [
    79,
    'Another recording is renamed over the path between the proof and the removal of the source',
    'Set aside, looked at, then removed; else put back',
    'I9',
  ],
  [
    80,
    'A save with one part waits, and a newer one with the next part replaces it',
    'Rows are merged, snapshots are replaced',
    'I3',
  ],
];

export const FAULT_GROUPS: readonly { readonly name: string; readonly rows: readonly FaultRow[] }[] = [
  ['Death of the process', DEATH],
  ['What S3 did or did not do', AMBIGUITY],
  ['S3 and what lies before it', AVAILABILITY],
  ['Redis and the journal', REDIS],
  ['The file and its writer', FILES],
  ['Found in review', REVIEW],
].map(([name, rows]) => ({
  name: name as string,
  rows: (rows as readonly Words[]).map(([id, fault, right, ...keeps]) => ({ id, fault, right, keeps })),
}));
