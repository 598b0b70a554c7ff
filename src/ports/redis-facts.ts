// What a Redis server says of itself, for `doctor`: whether it can be relied on as the registry.

export interface RedisFacts {
  readonly version: string;
  readonly cluster: boolean;
  readonly role: string;
  readonly aof: boolean;
  /** A save policy is set: snapshots at intervals. Null: we may not ask. */
  readonly snapshots: boolean | null;
  /** The last append to the AOF, or the last snapshot, failed. */
  readonly persistenceFails: boolean;
  /** Null: the server does not say. */
  readonly evictionPolicy: string | null;
  readonly maxMemoryBytes: number | null;
  /** Why scripts cannot be run; null: they can. */
  readonly scriptsRefused: string | null;
}
