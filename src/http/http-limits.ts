// Limits of the listener. It serves a few people, a metrics scraper and the command line on this machine: generous for them,
// small enough that no client can hold the daemon's memory or sockets.

/** Scrapers, pages and commands keep a handful of connections. */
export const MAX_CONNECTIONS = 128;
/** Our requests have short headers; browsers on localhost may carry cookies of other programs. */
export const MAX_HEADER_BYTES = 16 * 1024;
/** The longest of our URLs has about 150 characters. */
export const MAX_URL_CHARS = 1_024;
/** A request that takes longer to arrive on loopback is not honest. */
export const REQUEST_TIMEOUT_MS = 10_000;
/** Longer than the usual 15 s between scrapes is of no use, shorter costs a connection each. */
export const KEEP_ALIVE_TIMEOUT_MS = 20_000;
/** A reply that nobody reads is given up. */
export const SOCKET_IDLE_TIMEOUT_MS = 60_000;
/** A connection serves this many requests and is then closed, so that none lives for ever. */
export const MAX_REQUESTS_PER_SOCKET = 1_000;
/** `?limit=` when not given. */
export const DEFAULT_PAGE = 100;
/** Linux: the path of a unix socket has at most 107 bytes. */
export const MAX_SOCKET_PATH_BYTES = 107;

/** Who listens to events: a few open pages and commands. */
export const MAX_EVENT_CLIENTS = 32;
/** A person sees no difference to "at once"; a file that grows ten times a second costs four events. */
export const EVENTS_EVERY_MS = 250;
/** Streams told at a time, about 500 KB: the others follow, in the order in which they changed. */
export const MAX_STREAMS_PER_EVENT = 500;
/** Some ten full events: who is that far behind gets more from a new start than from all of it. */
export const MAX_EVENT_BACKLOG_BYTES = 4 * 1024 * 1024;
/** Proxies close what is silent for 30 to 60 s. */
export const EVENT_COMMENT_EVERY_MS = 15_000;

/** The page has a few dozen files. */
export const MAX_PAGE_FILES = 1_000;
