// One request and its reply, from the first header to the line in the log. Whatever is thrown on the way ends here.
//
// In order: read it, find its operation, ask for a fault, check the signature, execute, reply, log. An S3Error becomes its
// reply; ConnectionGone becomes no reply; anything else becomes InternalError and is named in the log.

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BucketStore } from './bucket-store.ts';
import { ConnectionGone, S3Error } from './errors.ts';
import { type FaultedCall, type FaultedReply, faultAfter, faultBefore } from './fault-effects.ts';
import type { FaultPlan, FaultRule } from './faults.ts';
import { OPERATIONS } from './operations.ts';
import { errorReply, type Reply, releaseReply, sendReply } from './reply.ts';
import { queryValue, RequestBody, readRequest, type S3Request } from './request.ts';
import type { LoggedRequest, RequestLog } from './request-log.ts';
import { checkHeaders, findOperation, type OperationName } from './router.ts';
import { type Credentials, checkSignature } from './sigv4.ts';

export type ExchangeContext = {
  readonly buckets: BucketStore;
  readonly credentials: Credentials;
  readonly minPartBytes: number;
  readonly now: () => number;
  readonly faults: FaultPlan;
  readonly log: RequestLog;
  /** Aborted when the server closes. */
  readonly closing: AbortSignal;
};

/** What is known of the request so far, for the log. */
type Progress = {
  request: S3Request | null;
  operation: OperationName | null;
  rule: FaultRule | null;
  code: string | null;
  defect: string | null;
};

/** @param awaitsContinue the client sends its body only when told to */
export async function exchange(
  context: ExchangeContext,
  message: IncomingMessage,
  response: ServerResponse,
  awaitsContinue: boolean,
): Promise<void> {
  const startedAtMs = context.now();
  const requestId = randomUUID();
  const body = new RequestBody(message, response, awaitsContinue);
  const progress: Progress = { request: null, operation: null, rule: null, code: null, defect: null };
  let status: number | null = null;
  let sentBytes = 0;
  let reply: Reply | null = null;
  try {
    const answer = await answerTo(context, progress, () => readRequest(requestId, message, body), response);
    reply = answer.reply;
    prepareResponse(response, requestId, body);
    sentBytes = await sendReply(response, reply, answer.cutAtBytes);
    status = reply.status;
  } catch (error) {
    if (!(error instanceof ConnectionGone)) progress.defect = String(error);
    response.destroy();
  } finally {
    if (reply !== null) releaseReply(reply);
    context.log.append(
      logEntry(
        progress,
        { requestId, method: message.method ?? '', status, sentBytes, startedAtMs, endedAtMs: context.now() },
        body,
      ),
    );
  }
}

async function answerTo(
  context: ExchangeContext,
  progress: Progress,
  read: () => S3Request,
  response: ServerResponse,
): Promise<FaultedReply> {
  try {
    const request = read();
    progress.request = request;
    const operation = findOperation(request);
    progress.operation = operation;
    const faulted = takeFault(context, request, operation, response);
    progress.rule = faulted?.rule ?? null;
    if (faulted !== null) await faultBefore(faulted);
    const reply = await execute(context, progress, request, operation);
    return faulted === null ? { reply, cutAtBytes: null } : await faultAfter(faulted, reply);
  } catch (error) {
    return { reply: replyToError(error, progress), cutAtBytes: null };
  }
}

/** Refusals are replies as well, and a fault may hit them. */
async function execute(
  context: ExchangeContext,
  progress: Progress,
  request: S3Request,
  operation: OperationName,
): Promise<Reply> {
  const { buckets, credentials, minPartBytes } = context;
  try {
    const nowMs = context.now();
    checkSignature(request, credentials, nowMs);
    checkHeaders(request);
    return await OPERATIONS[operation]({ request, buckets, region: credentials.region, minPartBytes, nowMs });
  } catch (error) {
    return replyToError(error, progress);
  }
}

/** @throws ConnectionGone, for which there is no reply */
function replyToError(error: unknown, progress: Progress): Reply {
  if (error instanceof ConnectionGone) throw error;
  const refusal = error instanceof S3Error ? error : new S3Error('InternalError');
  if (error !== refusal) progress.defect = String(error);
  progress.code = refusal.code;
  return errorReply(refusal, progress.request?.path ?? '', progress.request?.id ?? '');
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

function prepareResponse(response: ServerResponse, requestId: string, body: RequestBody): void {
  response.setHeader('server', 'dev-s3');
  response.setHeader('x-amz-request-id', requestId);
  // Never told to send its body, a client may or may not send it: the next bytes on this connection mean nothing.
  if (body.isAwaitingContinue && !body.isPulled) response.setHeader('connection', 'close');
}

function partNumberOf(request: S3Request): number | null {
  const text = queryValue(request, 'partNumber');
  return text === undefined ? null : Number(text);
}

function logEntry(
  { request, operation, rule, code, defect }: Progress,
  ended: Pick<LoggedRequest, 'requestId' | 'method' | 'status' | 'sentBytes' | 'startedAtMs' | 'endedAtMs'>,
  body: RequestBody,
): LoggedRequest {
  return {
    ...ended,
    operation,
    bucket: request?.bucket ?? '',
    key: request?.key ?? '',
    partNumber: request === null ? null : partNumberOf(request),
    uploadId: request === null ? null : (queryValue(request, 'uploadId') ?? null),
    code,
    defect,
    receivedBytes: body.receivedBytes,
    fault: rule?.fault ?? null,
  };
}
