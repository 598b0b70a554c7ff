// The table of metrics: name, type, labels with all their values, meaning. Base units as Prometheus wants them (seconds, bytes).
// Label values come from fixed lists only, never from a stream, path or key. `docs/metrics.md` is generated from this.

import { FAILURE_CODES } from '../machines/failure.ts';
import type { StreamStatus } from '../machines/stream-status.ts';
import type { GaugeReadings } from '../ports/gauges.ts';
import type { CounterName, DurationName } from '../ports/telemetry.ts';

/** Of the process, as every exporter names them. Not in the tables below: prometheus-metrics.ts reads them from the system. */
export const PROCESS_METRICS = [
  'process_start_time_seconds',
  'process_resident_memory_bytes',
  'process_cpu_seconds_total',
  'process_open_fds',
  'process_max_fds',
] as const;

/** A label value that is in no list: the list lacks it, which a test or a person should notice. */
export const OTHER = 'other';

export interface LabelRow {
  readonly name: string;
  readonly values: readonly string[];
}

interface Row {
  readonly name: string;
  readonly help: string;
  readonly label?: LabelRow;
}

export interface HistogramRow extends Row {
  /** Upper bounds, seconds. */
  readonly buckets: readonly number[];
}

export interface GaugeRow extends Row {
  readonly read: (readings: GaugeReadings) => number | Readonly<Record<string, number>>;
}

const ENDED_STATUSES = [
  'completed',
  'aborted_no_parts',
  'aborted_by_operator',
  'failed_source',
  'failed_s3_complete',
  'failed_conflict',
  'failed_finalization',
] as const satisfies readonly StreamStatus[];

const STATES = [
  'recovering',
  'active',
  'pending_completion',
  'finalizing',
  's3_completed',
  'aborted_no_parts',
  'failed',
] as const;

/** As the S3 adapter names its requests. */
const S3_OPERATIONS = [
  'CreateMultipartUpload',
  'UploadPart',
  'UploadPartCopy',
  'ListParts',
  'ListMultipartUploads',
  'CompleteMultipartUpload',
  'AbortMultipartUpload',
  'HeadObject',
  'PutObject',
  'GetObject',
  'DeleteObject',
] as const;

const NOTICE_OUTCOMES = ['webhook', 'command'].flatMap((to) =>
  ['delivered', 'failed', 'given_up', 'dropped'].map((outcome) => `${to}_${outcome}`),
);

const CODE: LabelRow = { name: 'code', values: [...FAILURE_CODES, OTHER] };

export const COUNTERS: Readonly<Record<CounterName, Row>> = {
  parts_uploaded: {
    name: 'tailrace_parts_uploaded_total',
    help: 'Parts that S3 acknowledged, repeated ones included.',
  },
  parts_resent: {
    name: 'tailrace_parts_resent_total',
    help: 'Of these, parts that S3 held already: they differed from the file, or S3 listed them wrongly.',
  },
  parts_failed: {
    name: 'tailrace_parts_failed_total',
    help: 'Attempts to send a part that failed.',
  },
  part_bytes_uploaded: { name: 'tailrace_part_uploaded_bytes_total', help: 'Bytes of those parts.' },
  part_bytes_copied: {
    name: 'tailrace_part_copied_bytes_total',
    help: 'Of these, bytes that S3 copied from the former object instead of getting them again.',
  },
  retries: {
    name: 'tailrace_retries_total',
    help: 'Work that failed and is tried again, by failure code.',
    label: CODE,
  },
  verify_differences: {
    name: 'tailrace_verify_different_parts_total',
    help: 'Parts that a verify pass found to differ from the file, so that they were sent again.',
  },
  streams_recovered: {
    name: 'tailrace_streams_recovered_total',
    help: 'Streams restored from the journal or registry.',
  },
  streams_ended: {
    name: 'tailrace_streams_ended_total',
    help: 'Streams that came to an end, by status.',
    label: { name: 'status', values: [...ENDED_STATUSES, OTHER] },
  },
  s3_requests: {
    name: 'tailrace_s3_requests_total',
    help: 'Requests to S3 by outcome: ok, or the failure code.',
    label: { name: 'outcome', values: ['ok', ...FAILURE_CODES, OTHER] },
  },
  notices: {
    name: 'tailrace_notices_total',
    help: 'Notices to webhook and command: delivered, failed (each attempt; tried again), given up after a day, or dropped because too many waited.',
    label: { name: 'outcome', values: [...NOTICE_OUTCOMES, OTHER] },
  },
  registry_saves: {
    name: 'tailrace_registry_saves_total',
    help: 'Records written to Redis, by answer.',
    label: { name: 'answer', values: ['saved', 'stale', 'gap', 'fenced', 'failed', OTHER] },
  },
};

const FAST = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5];
const REQUEST = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const PASS = [0.1, 1, 10, 60, 300, 1_800];

export const HISTOGRAMS: Readonly<Record<DurationName, HistogramRow>> = {
  s3_request: {
    name: 'tailrace_s3_request_duration_seconds',
    help: 'Time from asking S3 to its answer or failure, by operation.',
    label: { name: 'operation', values: [...S3_OPERATIONS, OTHER] },
    buckets: REQUEST,
  },
  journal_save: { name: 'tailrace_journal_save_duration_seconds', help: 'Time of one durable save.', buckets: FAST },
  verify_pass: {
    name: 'tailrace_verify_pass_duration_seconds',
    help: 'Time to re-read and hash a file.',
    buckets: PASS,
  },
  stale_scan: {
    name: 'tailrace_stale_scan_duration_seconds',
    help: 'Time of one scan for idle streams.',
    buckets: FAST,
  },
  sweep: {
    name: 'tailrace_sweep_duration_seconds',
    help: 'Time of one walk through the watched folders.',
    buckets: PASS,
  },
  writer_look: {
    name: 'tailrace_writer_look_duration_seconds',
    help: 'Time of one look for writers in /proc.',
    buckets: FAST,
  },
  tick_delay: {
    name: 'tailrace_tick_delay_seconds',
    help: 'How late the tick of each second came: the lag of the event loop.',
    buckets: FAST,
  },
};

export const GAUGES: readonly GaugeRow[] = [
  {
    name: 'tailrace_streams',
    help: 'Streams in sight by state; of the finished ones the newest 1,000.',
    label: { name: 'state', values: STATES },
    read: (now) => now.streamsByState,
  },
  {
    name: 'tailrace_at_risk_bytes',
    help: 'Bytes of files that S3 does not hold yet, over all streams.',
    read: (now) => now.atRiskBytes,
  },
  {
    name: 'tailrace_at_risk_largest_bytes',
    help: 'The same for the stream that has most of them.',
    read: (now) => now.largestAtRiskBytes,
  },
  {
    name: 'tailrace_oldest_unsent_byte_age_seconds',
    help: 'Age of the oldest byte that S3 does not hold yet; 0 when it holds all.',
    read: (now) => now.oldestUnsentAgeMs / 1_000,
  },
  {
    name: 'tailrace_stale_scan_age_seconds',
    help: 'Time since the last scan for idle streams.',
    read: (now) => now.staleScanAgeMs / 1_000,
  },
  {
    name: 'tailrace_sweep_age_seconds',
    help: 'Time since the last walk through the watched folders.',
    read: (now) => now.sweepAgeMs / 1_000,
  },
  {
    name: 'tailrace_supervisor_tick_age_seconds',
    help: 'Time since the supervisor last had a tick: it has one each second while it runs.',
    read: (now) => now.tickAgeMs / 1_000,
  },
  { name: 'tailrace_parts_in_flight', help: 'Parts being sent now.', read: (now) => now.partsInFlight },
  {
    name: 'tailrace_open_uploads',
    help: 'Multipart uploads that streams carry on now.',
    read: (now) => now.openUploads,
  },
  {
    name: 'tailrace_left_uploads',
    help: 'Unfinished uploads with parts that no stream carries on; they stay until `abort` or `gc`.',
    read: (now) => now.leftUploads,
  },
  {
    name: 'tailrace_held_bytes',
    help: 'Bytes of deleted files that only the open descriptors of tailrace keep.',
    read: (now) => now.heldBytes,
  },
  {
    name: 'tailrace_ready',
    help: '1 while it watches and carries, as /readyz says.',
    read: (now) => Number(now.ready),
  },
  {
    name: 'tailrace_standby',
    help: '1 while it waits for the lease of another daemon, which carries.',
    read: (now) => Number(now.standby),
  },
  {
    name: 'tailrace_object_store_reachable',
    help: '0 while S3 does not answer, and when it refused what it was asked at the start.',
    read: (now) => Number(now.objectStoreReachable),
  },
  {
    name: 'tailrace_journal_writable',
    help: '0 while STATE_DIR cannot be written: nothing that cannot be undone happens then.',
    read: (now) => Number(now.journalWritable),
  },
  {
    name: 'tailrace_registry_reachable',
    help: '0 when Redis is configured and does not answer.',
    read: (now) => Number(now.registryReachable),
  },
];
