// What counts as an answer, decided on the raw reply before the SDK interprets it.
//
// Needed because the SDK resolves a 200 whose body is `<Error>` and ends in a newline, takes an HTML page for an empty
// list, and a proxy's 404 page for absence. Here: a success has exactly the body that its operation has (the right root
// element, whole; or none), anything else is an UnreadableReply; an `<Error>` under any status is a RefusedReply by name.

import type { S3Client } from '@aws-sdk/client-s3';

/** What a client's `middlewareStack.use` takes. */
export type S3Middleware = Parameters<S3Client['middlewareStack']['use']>[0];

/** S3 answered, and refused. `s3Name` is null when the body named no error (HEAD, or a proxy's page). */
export class RefusedReply extends Error {
  readonly status: number;
  readonly s3Name: string | null;
  readonly s3Message: string;
  readonly headers: Readonly<Record<string, string>>;
  /** True for a reply that had a body which is not S3's. */
  readonly foreignBody: boolean;
  /** For the SDK: it corrects its clock by these. */
  readonly ServerTime: string | undefined;
  readonly $response: RawReply;
  readonly $metadata: { readonly httpStatusCode: number };

  constructor(reply: RawReply, error: NamedError | null, foreignBody: boolean) {
    super(error?.message ?? `HTTP ${reply.statusCode}`);
    this.name = error?.name ?? 'UnnamedRefusal';
    this.status = reply.statusCode;
    this.s3Name = error?.name ?? null;
    this.s3Message = error?.message ?? '';
    this.headers = reply.headers;
    this.foreignBody = foreignBody;
    this.ServerTime = error?.serverTime;
    this.$response = { statusCode: reply.statusCode, headers: reply.headers, body: undefined };
    this.$metadata = { httpStatusCode: reply.statusCode };
  }
}

/** Something answered that is not an answer of S3 to this request. The request may have been executed. */
export class UnreadableReply extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'UnreadableReply';
  }
}

interface RawReply {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  body?: unknown;
}

interface NamedError {
  readonly name: string;
  readonly message: string;
  readonly serverTime: string | undefined;
}

/** Root element of the body, `''` for none, null for an object's bytes. HEAD has none by protocol. */
const EXPECTED_BODY: Readonly<Record<string, string | null>> = {
  CreateMultipartUploadCommand: 'InitiateMultipartUploadResult',
  UploadPartCommand: '',
  UploadPartCopyCommand: 'CopyPartResult',
  ListPartsCommand: 'ListPartsResult',
  ListMultipartUploadsCommand: 'ListMultipartUploadsResult',
  CompleteMultipartUploadCommand: 'CompleteMultipartUploadResult',
  AbortMultipartUploadCommand: '',
  HeadObjectCommand: '',
  PutObjectCommand: '',
  GetObjectCommand: null,
  DeleteObjectCommand: '',
};

/** A page of 1,000 entries with keys of 1,024 bytes, URL-encoded, stays below this. */
const MAX_REPLY_BYTES = 8 * 1024 * 1024;
/** A detail shows at most 300 characters; no S3 error body is longer than this. */
const MAX_ERROR_BYTES = 64 * 1024;

/** Puts the check next to the wire, below everything that the SDK does to a reply. */
export const strictReplies: S3Middleware = {
  applyToStack: (stack) => {
    stack.add(
      (next, context) => async (args) => {
        const result = await next(args);
        await checkReply(result.response as RawReply, context.commandName ?? '');
        return result;
      },
      { step: 'deserialize', priority: 'low', name: 'tailraceStrictReplies' },
    );
  },
};

async function checkReply(reply: RawReply, command: string): Promise<void> {
  if (reply.statusCode < 200 || reply.statusCode >= 300) throw await refusalIn(reply);
  const expected = EXPECTED_BODY[command];
  if (expected === null) return;
  if (expected === undefined) throw new Error(`no rule for the reply of ${command}`);
  const bytes = await collect(reply.body, MAX_REPLY_BYTES);
  reply.body = bytes;
  const text = textOf(bytes);
  if (expected === '') {
    if (text !== '') throw refusalWithin(reply, text) ?? new UnreadableReply('a body where S3 sends none');
    return;
  }
  const refusal = refusalWithin(reply, text);
  if (refusal) throw refusal;
  if (!isWhole(text, expected)) throw new UnreadableReply(`the body is no whole <${expected}>`);
}

async function refusalIn(reply: RawReply): Promise<RefusedReply> {
  const text = textOf(await collect(reply.body, MAX_ERROR_BYTES));
  // A cut error body still names its error.
  const error = rootOf(text) === 'Error' ? errorIn(text) : null;
  return new RefusedReply(reply, error, text !== '' && error === null);
}

/** The error that a reply with status 200 carries, if it is whole. */
function refusalWithin(reply: RawReply, text: string): RefusedReply | null {
  if (!isWhole(text, 'Error')) return null;
  const error = errorIn(text);
  return error && new RefusedReply(reply, error, false);
}

async function collect(body: unknown, maxBytes: number): Promise<Uint8Array> {
  if (body === undefined || body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > maxBytes) throw new UnreadableReply(`a body of more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8').trim();

/** Name of the root element, after a prolog and comments (S3 keeps connections alive by blanks between them). */
const ROOT = /^(?:\s|<\?[^>]*\?>|<!--[\s\S]*?-->)*<([A-Za-z_][\w.-]*)[\s/>]/;
const rootOf = (text: string): string | null => ROOT.exec(text)?.[1] ?? null;

const isWhole = (text: string, root: string): boolean => rootOf(text) === root && text.endsWith(`</${root}>`);

function errorIn(text: string): NamedError | null {
  const name = elementIn(text, 'Code');
  if (!name) return null;
  return { name, message: elementIn(text, 'Message') ?? '', serverTime: elementIn(text, 'ServerTime') };
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

function elementIn(text: string, element: string): string | undefined {
  const found = new RegExp(`<${element}>([^<]*)</${element}>`).exec(text)?.[1];
  return found?.trim().replace(/&(lt|gt|quot|apos|amp);/g, (whole, name: string) => ENTITIES[name] ?? whole);
}
