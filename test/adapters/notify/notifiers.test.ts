// Webhook and command on real receivers: an HTTP server, and programs.

import { createHmac } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCommandNotifier } from '../../../src/adapters/command-notifier.ts';
import { createHttpNotifier } from '../../../src/adapters/http-notifier.ts';
import {
  HOSTILE,
  type NotifierBench,
  notifierContract,
  sampleNotice,
  TIMEOUT_MS,
} from '../../contracts/notifier.contract.ts';
import { until } from '../../system/harness/waiting.ts';

const never = new AbortController().signal;

interface Posted {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Receiver {
  readonly url: string;
  readonly posted: Posted[];
  answer: (response: ServerResponse) => void;
  close(): Promise<void>;
}

const taking = (response: ServerResponse) => void response.writeHead(204).end();

async function startReceiver(): Promise<Receiver> {
  const posted: Posted[] = [];
  const server: Server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text) => {
      body += text;
    });
    request.on('end', () => {
      posted.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers, body });
      receiver.answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const receiver: Receiver = {
    ...{ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, posted, answer: taking },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return receiver;
}

async function httpBench(): Promise<NotifierBench> {
  const receiver = await startReceiver();
  return {
    notifier: createHttpNotifier({ url: `${receiver.url}/hook`, secret: null, timeoutMs: TIMEOUT_MS }),
    receiver(does) {
      receiver.answer = {
        takes: taking,
        refuses: (it: ServerResponse) => void it.writeHead(503).end(),
        hangs: () => {},
      }[does];
    },
    leave: () => receiver.close(),
    taken: async () => receiver.posted.map(({ body }) => body),
    end: () => receiver.close(),
  };
}

/** What a program of the user may be: each line of stdin goes to a file. */
const DOES = {
  takes: 'cat >>"$FOLDER/taken"',
  refuses: 'echo "the disk is full" >&2; echo "for long" >&2; exit 3',
  hangs: 'sleep 300 & wait',
};

async function commandBench(): Promise<NotifierBench> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tailrace-notify-')));
  const program = join(folder, 'on-final');
  const receiver: NotifierBench['receiver'] = (does) => {
    writeFileSync(program, `#!/bin/sh\nFOLDER=${folder}\n${DOES[does]}\n`);
    chmodSync(program, 0o755);
  };
  receiver('takes');
  return {
    notifier: createCommandNotifier({ program, timeoutMs: TIMEOUT_MS }),
    receiver,
    leave: async () => rmSync(program),
    taken: async () => readFileSync(join(folder, 'taken'), 'utf8').trim().split('\n'),
    end: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

notifierContract('webhook', httpBench);
notifierContract('command', commandBench);

describe('webhook', () => {
  let receiver: Receiver;
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(() => receiver.close());
  const webhook = (url = receiver.url, secret: string | null = null) =>
    createHttpNotifier({ url, secret, timeoutMs: 2_000 });

  it('is a POST of JSON that names itself, whatever the names are', async () => {
    await webhook(`${receiver.url}/a/b?c=d`).notify(sampleNotice({ path: HOSTILE }), never);
    const [posted] = receiver.posted;
    expect(posted).toMatchObject({
      ...{ method: 'POST', path: '/a/b?c=d' },
      headers: { 'content-type': 'application/json', 'webhook-id': 'stream-1-completed', 'user-agent': 'tailrace' },
    });
    expect(posted?.headers).not.toHaveProperty('webhook-signature');
    expect(Math.abs(Number(posted?.headers['webhook-timestamp']) - Date.now() / 1_000)).toBeLessThan(60);
  });

  it.each([
    ['a plain secret', 'open sesame', Buffer.from('open sesame')],
    ['one of Standard Webhooks', `whsec_${Buffer.from('binary\0key').toString('base64')}`, Buffer.from('binary\0key')],
  ])('is signed with %s', async (_what, secret, key) => {
    await webhook(receiver.url, secret).notify(sampleNotice(), never);
    const [posted] = receiver.posted;
    if (!posted) throw new Error('nothing came');
    const { headers, body } = posted;
    const signedText = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
    expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', key).update(signedText).digest('base64')}`);
  });

  it('sends user and password of the URL as basic authentication', async () => {
    const url = receiver.url.replace('http://', 'http://me:s%40cret@');
    expect(await webhook(url).notify(sampleNotice(), never)).toEqual({ delivered: true });
    expect(receiver.posted[0]?.headers.authorization).toBe(`Basic ${Buffer.from('me:s@cret').toString('base64')}`);
  });

  it('follows no redirect', async () => {
    const other = await startReceiver();
    receiver.answer = (response) => void response.writeHead(307, { location: other.url }).end();
    expect(await webhook().notify(sampleNotice(), never)).toMatchObject({
      detail: expect.stringContaining('answered 307'),
    });
    expect(other.posted).toEqual([]);
    await other.close();
  });

  it('reads no endless answer, and tells no secret of its URL', async () => {
    receiver.answer = (response) => {
      response.writeHead(200);
      const more = () => response.write('x'.repeat(100_000), () => setImmediate(more));
      more();
      response.on('error', () => {});
    };
    expect(await webhook().notify(sampleNotice(), never)).toEqual({ delivered: true });
    await receiver.close();
    const secretUrl = `${receiver.url.replace('http://', 'http://me:password@')}/token-in-path?token=in-query`;
    const failed = await webhook(secretUrl, 'signing-secret').notify(sampleNotice(), never);
    expect(JSON.stringify(failed)).not.toMatch(/password|token|signing/);
    expect(failed).toMatchObject({ delivered: false, detail: expect.stringContaining('ECONNREFUSED') });
  });
});

describe('command', () => {
  let folder: string;
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'tailrace-notify-')));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const path = (name: string) => join(folder, name);
  function command(...lines: string[]) {
    writeFileSync(path('on-final'), ['#!/bin/sh', `cd ${folder}`, ...lines, ''].join('\n'));
    chmodSync(path('on-final'), 0o755);
    return createCommandNotifier({ program: path('on-final'), timeoutMs: 5_000 });
  }

  it('gets no argument, a few variables, and none of our secrets', async () => {
    process.env['S3_SECRET_ACCESS_KEY'] = 'very-secret';
    try {
      const notifier = command('echo $# >count', 'printf "%s" "$TAILRACE_FILE" >file', 'env >env');
      expect(await notifier.notify(sampleNotice({ path: HOSTILE }), never)).toEqual({ delivered: true });
    } finally {
      delete process.env['S3_SECRET_ACCESS_KEY'];
    }
    expect(readFileSync(path('count'), 'utf8').trim()).toBe('0');
    expect(readFileSync(path('file'), 'utf8')).toBe(HOSTILE);
    const variables = readFileSync(path('env'), 'utf8');
    expect(variables).toMatch(/^TAILRACE_STATUS=completed$/m);
    expect(variables).toMatch(/^TAILRACE_KEY=take\.mkv$/m);
    expect(variables).not.toContain('very-secret');
    expect(readdirSync(folder).sort()).toEqual(['count', 'env', 'file', 'on-final']);
  });

  it('need not read what it gets, nor be a shell script', async () => {
    expect(await command('exec <&-', 'exit 0').notify(sampleNotice(), never)).toEqual({ delivered: true });
    const plain = createCommandNotifier({ program: 'true', timeoutMs: 5_000 });
    expect(await plain.notify(sampleNotice(), never)).toEqual({ delivered: true });
  });

  it('tells its complaint in one line, or what killed it', async () => {
    expect(await command('echo "no \\033[31mroom\nhere" >&2', 'exit 3').notify(sampleNotice(), never)).toEqual({
      delivered: false,
      detail: expect.stringMatching(/^it ended with 3: no .*room.*here$/),
    });
    expect(await command('kill -KILL $$').notify(sampleNotice(), never)).toMatchObject({
      detail: 'it was ended by SIGKILL',
    });
  });

  it('may leave work behind that goes on, and is not waited for', async () => {
    const notifier = command('(while [ ! -e go ]; do sleep 0.02; done; echo late >&2; echo done >late) &', 'exit 0');
    expect(await notifier.notify(sampleNotice(), never)).toEqual({ delivered: true });
    expect(existsSync(path('late'))).toBe(false);
    writeFileSync(path('go'), '');
    await until('it has gone on', () => (existsSync(path('late')) ? true : null));
  });
});
