// What we tell: log lines and counters. Fields are an allow-list of plain values; never an error object, a configuration or a
// secret. Telling never fails and never waits.

export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Telemetry {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A named counter of `metrics`; label values come from fixed lists only. */
  count(name: CounterName, by?: number, label?: string): void;
  observe(name: DurationName, ms: number, label?: string): void;
}

export type CounterName =
  | 'parts_uploaded'
  | 'part_bytes_uploaded'
  | 'part_bytes_copied'
  | 'parts_resent'
  | 'parts_failed'
  | 'retries'
  | 'verify_differences'
  | 'streams_recovered'
  | 'streams_ended'
  | 'notices'
  | 's3_requests'
  | 'registry_saves';
export type DurationName =
  | 's3_request'
  | 'journal_save'
  | 'verify_pass'
  | 'stale_scan'
  | 'sweep'
  | 'writer_look'
  | 'tick_delay';
