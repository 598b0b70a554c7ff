// One request and its reply, from the first header to the line in the log. Whatever is thrown on the way ends here.
//
// In order: read it, find its operation, ask for a fault, check the signature, execute, reply, log. An S3Error becomes its
// reply; ConnectionGone becomes no reply; anything else becomes InternalError and is named in the log.

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Behaviour } from './behaviour.ts';
import type { BucketStore } from './bucket-store.ts';
import { ConnectionGone, S3Error } from './errors.ts';
import { type FaultedCall, type FaultedReply, faultAfter, faultBefore } from './fault-effects.ts';
import type { FaultPlan } from './faults.ts';
import { understoodRequest } from './header-rules.ts';
import { OPERATIONS } from './operations.ts';
import { errorReply, type Reply, releaseReply, sendReply } from './reply.ts';
import { queryValue, RequestBody, readRequest, type S3Request } from './request.ts';
import type { LoggedRequest, RequestLog } from './request-log.ts';
import { findOperation, type OperationName } from './router.ts';
import { type Credentials, checkSignature } from './sigv4.ts';

export type ExchangeContext = {
  readonly buckets: BucketStore;
  readonly credentials: Credentials;
  readonly minPartBytes: number;
  /** Can be changed while the server runs. */
  behaviour: Behaviour;
  readonly now: () => number;
  readonly faults: FaultPlan;
  readonly log: RequestLog;
  /** Aborted when the server closes. */
  readonly closing: AbortSignal;
};

/** What is known so far; the log's entry, while it is still growing. */
type Progress = { -readonly [Field in keyof LoggedRequest]: LoggedRequest[Field] };

/** @param awaitsContinue the client sends its body only when told to */
export async function exchange(
  context: ExchangeContext,
  message: IncomingMessage,
  response: ServerResponse,
  awaitsContinue: boolean,
): Promise<void> {
  const body = new RequestBody(message, response, awaitsContinue);
  const progress = beginProgress(message, context.now());
  let reply: Reply | null = null;
  try {
    const answer = await answerTo(context, progress, () => readRequest(message, body), response);
    reply = answer.reply;
    progress.receivedBytes = body.receivedBytes;
    progress.status = reply.status;
    context.log.append(progress);
    setCommonHeaders(response, progress.requestId, context.now());
    await sendReply(response, reply, answer.cutAtBytes, (count) => {
      progress.sentBytes += count;
    });
  } catch (error) {
    response.destroy();
    if (!(error instanceof ConnectionGone)) progress.defect = String(error);
    progress.receivedBytes = body.receivedBytes;
    progress.status = null;
    if (reply === null) context.log.append(progress);
  } finally {
    progress.endedAtMs = context.now();
    body.discardRest();
    if (reply !== null) releaseReply(reply);
  }
}

/** @throws ConnectionGone, for which there is no reply */
async function answerTo(
  context: ExchangeContext,
  progress: Progress,
  read: () => S3Request,
  response: ServerResponse,
): Promise<FaultedReply> {
  let path = '';
  const refuse = (error: unknown) => replyToError(error, path, progress);
  try {
    const request = read();
    path = request.path;
    noteRequest(progress, request);
    const operation = findOperation(request);
    progress.operation = operation;
    const faulted = takeFault(context, request, operation, response);
    progress.fault = faulted?.rule.fault ?? null;
    if (faulted !== null) await faultBefore(faulted);
    // A refusal is a reply as well, and a fault may hit it.
    const reply = await execute(context, request, operation).catch(refuse);
    progress.etag = storedEtag(request, reply);
    return faulted === null ? { reply, cutAtBytes: null } : await faultAfter(faulted, reply);
  } catch (error) {
    return { reply: refuse(error), cutAtBytes: null };
  }
}

async function execute(context: ExchangeContext, request: S3Request, operation: OperationName): Promise<Reply> {
  const { buckets, credentials, minPartBytes, behaviour } = context;
  const nowMs = context.now();
  const signing = checkSignature(request, credentials, nowMs);
  const understood = understoodRequest(request, operation, behaviour);
  await endOldUploads(context, request.bucket, nowMs);
  const { region } = credentials;
  return OPERATIONS[operation]({ request: understood, buckets, region, signing, behaviour, minPartBytes, nowMs });
}

/** An upload is gone for the first request that comes after its time; between requests nobody could tell. */
async function endOldUploads({ buckets, behaviour }: ExchangeContext, bucket: string, nowMs: number): Promise<void> {
  const { maxUploadAgeMs } = behaviour;
  if (maxUploadAgeMs === null || !buckets.has(bucket)) return;
  await buckets.get(bucket).endUploads(({ initiatedAtMs }) => initiatedAtMs + maxUploadAgeMs <= nowMs);
}

/** @throws ConnectionGone, for which there is no reply */
function replyToError(error: unknown, path: string, progress: Progress): Reply {
  if (error instanceof ConnectionGone) throw error;
  const refusal = error instanceof S3Error ? error : new S3Error('InternalError');
  if (error !== refusal) progress.defect = String(error);
  progress.code = refusal.code;
  return errorReply(refusal, path, progress.requestId);
}

function takeFault(
  context: ExchangeContext,
  request: S3Request,
  operation: OperationName,
  response: ServerResponse,
): FaultedCall | null {
  const rule = context.faults.take({ operation, key: request.key, partNumber: partNumberOf(request) });
  if (rule === null) return null;
  const left = new AbortController();
  response.once('close', () => left.abort());
  const gone = AbortSignal.any([left.signal, context.closing]);
  return { rule, request, gone, reset: () => void response.req.socket.resetAndDestroy() };
}

function setCommonHeaders(response: ServerResponse, requestId: string, nowMs: number): void {
  response.setHeader('server', 'dev-s3');
  // By the clock that judges signatures: clients correct theirs by this header.
  response.setHeader('date', new Date(nowMs).toUTCString());
  response.setHeader('x-amz-request-id', requestId);
}

function partNumberOf(request: S3Request): number | null {
  const text = queryValue(request, 'partNumber');
  return text === undefined ? null : Number(text);
}

const storedEtag = ({ method }: S3Request, { status, headers }: Reply): string | null =>
  method === 'PUT' && status === 200 && typeof headers['etag'] === 'string'
    ? headers['etag'].replaceAll('"', '')
    : null;

function beginProgress(message: IncomingMessage, startedAtMs: number): Progress {
  return {
    requestId: randomUUID(),
    operation: null,
    method: message.method ?? '',
    bucket: '',
    key: '',
    partNumber: null,
    uploadId: null,
    status: null,
    code: null,
    defect: null,
    etag: null,
    receivedBytes: 0,
    sentBytes: 0,
    fault: null,
    startedAtMs,
    endedAtMs: null,
  };
}

function noteRequest(progress: Progress, request: S3Request): void {
  progress.bucket = request.bucket;
  progress.key = request.key;
  progress.partNumber = partNumberOf(request);
  progress.uploadId = queryValue(request, 'uploadId') ?? null;
}
