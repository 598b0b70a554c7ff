// Bodies that a proxy, a load balancer or a server in trouble sends: S3's errors, pages for people, and the seven ways in which a
// 200 is no success.

import type { ProxiedOperation, Recognized } from './operations.ts';
import type { Edit, WrongBody } from './plan.ts';

const PROLOG = '<?xml version="1.0" encoding="UTF-8"?>\n';
/** AWS keeps the connection alive by blanks while it completes. */
const BLANKS = ' \n'.repeat(20);

export const errorBody = (code: string): string =>
  `${PROLOG}<Error><Code>${code}</Code><Message>The fault proxy answers so.</Message><RequestId>1</RequestId><HostId>2</HostId></Error>`;

export const HTML_PAGE =
  '<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Welcome to the network</h1></body></html>\n';

const ROOT: Readonly<Partial<Record<ProxiedOperation, string>>> = {
  CreateMultipartUpload: 'InitiateMultipartUploadResult',
  ListParts: 'ListPartsResult',
  CompleteMultipartUpload: 'CompleteMultipartUploadResult',
  ListMultipartUploads: 'ListMultipartUploadsResult',
};

export function wrongBody(body: WrongBody, { operation }: Recognized): string {
  switch (body) {
    case 'error after blanks':
      return `${BLANKS}${errorBody('InternalError')}`;
    case 'error with a newline at its end':
      return `${errorBody('InternalError')}\n`;
    case 'error cut short':
      return errorBody('InternalError').slice(0, -20);
    case 'nothing':
      return '';
    case 'an HTML page':
      return HTML_PAGE;
    case 'another root element':
      return `${PROLOG}<CopyObjectResult><ETag>"0"</ETag></CopyObjectResult>`;
    case 'the result without its fields': {
      const root = ROOT[operation] ?? 'Result';
      return `${PROLOG}<${root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></${root}>`;
    }
  }
}

export interface WholeReply {
  readonly status: number;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export function edited(reply: WholeReply, edit: Edit): WholeReply {
  switch (edit) {
    case 'without its ETag':
      return { ...reply, rawHeaders: withHeaders(reply.rawHeaders, (name, value) => (name === 'etag' ? null : value)) };
    case 'with another checksum':
      return {
        ...reply,
        rawHeaders: withHeaders(reply.rawHeaders, (name, value) =>
          name === 'x-amz-checksum-crc32' ? 'AAAAAA==' : value,
        ),
      };
    case 'without a part':
      return withText(reply, (text) => text.replace(/<Part>(?:(?!<\/Part>).)*<\/Part>/s, ''));
    case 'with the first page for ever':
      // Whatever marker was given: the same parts, more to come, and the marker where it was.
      return withText(reply, (text) =>
        text
          .replace(/<IsTruncated>false/, '<IsTruncated>true')
          .replace(/<NextPartNumberMarker>\d+/, '<NextPartNumberMarker>1'),
      );
    case 'with nothing listed':
      return withText(reply, (text) => text.replace(/<Upload>.*<\/Upload>/s, ''));
  }
}

function withHeaders(
  rawHeaders: readonly string[],
  edit: (name: string, value: string) => string | null,
): readonly string[] {
  const kept: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = rawHeaders.slice(at, at + 2);
    const now = edit(name.toLowerCase(), value);
    if (now !== null) kept.push(name, now);
  }
  return kept;
}

function withText(reply: WholeReply, edit: (text: string) => string): WholeReply {
  const body = Buffer.from(edit(reply.body.toString('utf8')));
  const rawHeaders = withHeaders(reply.rawHeaders, (name, value) =>
    name === 'content-length' ? String(body.length) : value,
  );
  return { ...reply, rawHeaders, body };
}
