// Every limit of the small S3 server, in one place, each with its reason.
//
// Where AWS publishes a limit, this is that number; where it does not, the number bounds what one client can make this
// process hold. Only MIN_PART_BYTES can be changed from outside (by an option), so that tests can use small parts; what providers set
// differently is in behaviour.ts.

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** AWS: a key is at most 1,024 bytes of UTF-8. */
export const MAX_KEY_BYTES = 1024;

/** AWS: every part but the last has at least 5 MiB. */
export const MIN_PART_BYTES = 5 * MIB;

/** AWS: one part, and one PutObject, is at most 5 GiB. */
export const MAX_BODY_BYTES = 5 * GIB;

/** AWS: names and values of user metadata are 2 KB together. */
export const MAX_USER_METADATA_BYTES = 2 * KIB;

/** AWS: a signature older or younger than this is refused. */
export const MAX_CLOCK_SKEW_MS = 15 * 60_000;

/** A signed chunk is held until its signature was checked. SDKs send 64 KiB to 1 MiB. */
export const MAX_CHUNK_BYTES = 16 * MIB;

/** A chunk's length and signature, or a trailer with a checksum: far below this. */
export const MAX_CHUNK_LINE_BYTES = 4 * KIB;

/** One checksum and one signature are all that SDKs send. */
export const MAX_TRAILER_LINES = 16;

/** XML bodies are held in memory: a Complete of 10,000 parts with SHA-256 sums is 2 MiB. */
export const MAX_XML_BYTES = 8 * MIB;

/** Completed uploads whose Complete may be repeated, per bucket; the oldest is forgotten first. */
export const MAX_FINISHED_UPLOADS = 10_000;

/** The request log is a ring: a test reads it long before this many requests, a demo runs for days. */
export const MAX_LOGGED_REQUESTS = 10_000;

/** Fault rules held at once, and the size of the JSON that brings them. */
export const MAX_FAULT_RULES = 1000;
export const MAX_ADMIN_BYTES = MIB;

/**
 * A socket on which nothing moves is closed; long enough for a slow disk to sync a part of 5 GiB. There is no limit on a
 * whole request: those 5 GiB may take hours to arrive.
 */
export const IDLE_SOCKET_MS = 5 * 60_000;

/** Longer than the 5 s of Node's default, so that clients with idle connections do not meet a closing socket. */
export const KEEP_ALIVE_MS = 65_000;

/** Headers are a few KiB: who needs longer than this is not a client of ours. */
export const HEADERS_MS = 60_000;
