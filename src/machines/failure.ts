// The failure table: everything that can go wrong, once. Adapters translate their vendor's errors into a code of this table
// by name; machines decide by `kind` alone; people read `hint`. `docs/failures.md` is generated from it.
//
// A failure is data: it survives JSON, carries no secret and no vendor object.

/**
 * What a failure means for the stream:
 * - `transient`: the same work is tried again, for as long as it takes;
 * - `diverged`: S3 holds something else than the ledger says: look at the evidence again;
 * - `source_changed`: the file is not the one that was verified: the stream is active again;
 * - `source_gone`: the bytes cannot be read any more, by anyone;
 * - `refused`: a person can cure it (credentials, bucket, permission); the stream waits and tries again by itself;
 * - `conflict`: somebody else's object holds the key and the user asked not to touch it;
 * - `limit`: beyond what the provider can hold;
 * - `snapshot_unreadable`: a stored record of an unknown version or damaged: rebuilt from evidence;
 * - `bug`: must not happen; the stream stops, nothing is deleted.
 */
export type FailureKind =
  | 'transient'
  | 'diverged'
  | 'source_changed'
  | 'source_gone'
  | 'refused'
  | 'conflict'
  | 'limit'
  | 'snapshot_unreadable'
  | 'bug';

interface FailureRow {
  readonly kind: FailureKind;
  /** Who can cure it; `nobody needed` cures itself. */
  readonly cure: 'nobody needed' | 'operator' | 'bucket owner' | 'file owner' | 'developers';
  readonly hint: string;
}

const FAILURE_TABLE = {
  s3_unavailable: {
    kind: 'transient',
    cure: 'nobody needed',
    hint: 'S3 does not answer (5xx, reset, DNS or time-out). Uploading goes on when it does.',
  },
  s3_throttled: {
    kind: 'transient',
    cure: 'nobody needed',
    hint: 'S3 asks to slow down. Uploading goes on more slowly.',
  },
  s3_malformed_reply: {
    kind: 'transient',
    cure: 'nobody needed',
    hint: 'The answer lacks required fields: a proxy or captive portal may stand between here and S3_ENDPOINT_URL.',
  },
  s3_clock_skew: {
    kind: 'transient',
    cure: 'operator',
    hint: 'The clock of this machine is more than 15 minutes off. Set it (NTP).',
  },
  s3_credentials_expired: {
    kind: 'transient',
    cure: 'operator',
    hint: 'The session token expired. Renew it; uploading goes on by itself.',
  },
  part_digest_mismatch: {
    kind: 'transient',
    cure: 'nobody needed',
    hint: 'The bytes that arrived were not the bytes sent. They are sent again.',
  },
  journal_unavailable: {
    kind: 'transient',
    cure: 'operator',
    hint: 'STATE_DIR cannot be written (full or read-only?). Nothing that cannot be undone happens until it can.',
  },
  registry_unavailable: {
    kind: 'transient',
    cure: 'operator',
    hint: 'Redis does not answer. Uploads go on; the registry is written when it is back.',
  },
  writer_check_unavailable: {
    kind: 'transient',
    cure: 'nobody needed',
    hint: '/proc could not be read. It is read again.',
  },

  upload_not_found: {
    kind: 'diverged',
    cure: 'nobody needed',
    hint: 'The upload is gone: completed, aborted or expired. The object is looked for; otherwise the file is sent again.',
  },
  part_invalid: {
    kind: 'diverged',
    cure: 'nobody needed',
    hint: 'S3 does not know a part as it was recorded. The parts are listed and the wrong ones sent again.',
  },
  part_too_small: {
    kind: 'diverged',
    cure: 'nobody needed',
    hint: 'S3 found a part below its minimum. The parts are listed and the wrong ones sent again.',
  },
  parts_refused: {
    kind: 'refused',
    cure: 'operator',
    hint: 'S3 does not put these parts together, although they are what was sent. If it wants parts of one size (Cloudflare R2), set PART_PLAN=uniform: the file is sent again in such parts.',
  },
  upload_conflicted: {
    kind: 'diverged',
    cure: 'nobody needed',
    hint: 'S3 does not complete this upload, because another request for its key went on beside it. The file is sent again in another upload.',
  },
  precondition_failed: {
    kind: 'diverged',
    cure: 'nobody needed',
    hint: 'An object appeared at the key meanwhile. It is looked at before anything else is done.',
  },
  object_not_found: {
    kind: 'diverged',
    cure: 'nobody needed',
    hint: 'The completed object is not there any more. The file is sent again.',
  },
  object_mismatch: {
    kind: 'diverged',
    cure: 'nobody needed',
    hint: 'The object is not what was uploaded. The file is sent again.',
  },

  source_changed: {
    kind: 'source_changed',
    cure: 'nobody needed',
    hint: 'The file changed while it was verified. The stream is active again.',
  },
  source_gone: {
    kind: 'source_gone',
    cure: 'file owner',
    hint: 'The file was removed before all its bytes were uploaded, and no descriptor holds it. What was uploaded is kept: see the upload id.',
  },
  source_permission_denied: {
    kind: 'refused',
    cure: 'file owner',
    hint: 'The file may not be read by this user. Give tailrace read permission (chmod, group).',
  },
  source_read_error: {
    kind: 'refused',
    cure: 'operator',
    hint: 'Reading the file failed (EIO, ESTALE). Check the disk or the network file system.',
  },
  source_in_use: {
    kind: 'transient',
    cure: 'file owner',
    hint: 'A program holds the file open for writing: it is not removed or moved before that has closed it.',
  },
  writer_unknown: {
    kind: 'transient',
    cure: 'nobody needed',
    hint: 'Not every process may be looked into: the file is removed or moved when it did not change for STREAM_TIMEOUT_UNKNOWN_SECONDS.',
  },
  source_disposal_refused: {
    kind: 'refused',
    cure: 'operator',
    hint: 'The source file could not be removed or moved (permission, or a folder on another file system). Its object is safe.',
  },
  source_open_files_limit: {
    kind: 'refused',
    cure: 'operator',
    hint: 'No more files can be opened. Raise the limit (ulimit -n, LimitNOFILE).',
  },

  s3_access_denied: {
    kind: 'refused',
    cure: 'bucket owner',
    hint: 'S3 refuses access. The policy needs s3:PutObject, s3:GetObject, s3:ListBucket, s3:ListBucketMultipartUploads, s3:ListMultipartUploadParts and s3:AbortMultipartUpload, and s3:DeleteObject below .tailrace-probe/.',
  },
  s3_credentials_wrong: {
    kind: 'refused',
    cure: 'operator',
    hint: 'S3 does not know these credentials. Check S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY.',
  },
  s3_no_such_bucket: {
    kind: 'refused',
    cure: 'operator',
    hint: 'The bucket does not exist. Create it, or set S3_BUCKET_NAME.',
  },
  s3_request_refused: {
    kind: 'refused',
    cure: 'operator',
    hint: 'S3 refuses the request as such. The message says why; check S3_ENDPOINT_URL and S3_REGION_NAME.',
  },
  lease_unconfirmed: {
    kind: 'transient',
    cure: 'operator',
    hint: 'With STANDBY another host may carry the folder while Redis does not answer: parts go up, and nothing is completed or aborted until the lease is renewed.',
  },
  lease_lost: { kind: 'refused', cure: 'operator', hint: 'Another daemon runs for this folder. Stop one of them.' },

  foreign_object: {
    kind: 'conflict',
    cure: 'operator',
    hint: "Somebody else's object holds the key, and S3_ON_EXISTING=fail. Move it away, or choose rename or overwrite.",
  },
  file_too_large: {
    kind: 'limit',
    cure: 'operator',
    hint: 'The file is larger than the provider can hold in one object.',
  },
  key_too_long: {
    kind: 'limit',
    cure: 'operator',
    hint: 'The object key is longer than 1,024 bytes. Shorten S3_KEY_PREFIX or the path.',
  },
  snapshot_unreadable: {
    kind: 'snapshot_unreadable',
    cure: 'nobody needed',
    hint: 'The stored record cannot be read by this version. The stream is rebuilt from the file and S3.',
  },
  lock_unavailable: {
    kind: 'refused',
    cure: 'operator',
    hint: 'The lock of the folder on this host cannot be taken. The message says why; on macOS check the temporary folder.',
  },
  bug: { kind: 'bug', cure: 'developers', hint: 'A bug in tailrace. Nothing was deleted. Please report the log line.' },
} as const satisfies Record<string, FailureRow>;

export type FailureCode = keyof typeof FAILURE_TABLE;

/** One failure: a row of the table and what was seen. `detail` is one line for people, without secrets, at most `MAX_DETAIL_CHARS`. */
export interface Failure {
  readonly code: FailureCode;
  readonly detail: string;
  /** The server's own wish (Retry-After), in ms from the answer. */
  readonly retryAfterMs?: number;
  /** False when the request may have been executed though no answer came. */
  readonly answered?: boolean;
  /** The state whose work failed, noted by the machine when it parks or ends the stream. */
  readonly during?: string;
  /** What was owed before, where the stream failed while it recovered. */
  readonly owed?: string;
}

/** A detail is shown in logs, pages and hashes: long enough for an S3 message, short enough for a row. */
const MAX_DETAIL_CHARS = 300;

export const FAILURE_CODES = Object.keys(FAILURE_TABLE) as readonly FailureCode[];

export const failureRow = (code: FailureCode): FailureRow => FAILURE_TABLE[code];

export const kindOf = (failure: Failure): FailureKind => FAILURE_TABLE[failure.code].kind;

export function failureOf(code: FailureCode, detail: string, more: Omit<Failure, 'code' | 'detail'> = {}): Failure {
  const oneLine = detail.replace(/\s+/g, ' ').trim();
  return {
    code,
    detail: oneLine.length > MAX_DETAIL_CHARS ? `${oneLine.slice(0, MAX_DETAIL_CHARS - 1)}…` : oneLine,
    ...more,
  };
}
