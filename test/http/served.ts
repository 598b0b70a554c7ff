// The real listener of a test, and clients with real sockets. All of it ends with the test.

import { mkdtempSync, rmSync } from 'node:fs';
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { type HttpListener, type HttpOptions, startHttp } from '../../src/http/listener.ts';
import { NO_PAGE } from '../../src/http/page-files.ts';
import { createReadModel, type ReadModel } from '../../src/read-model/read-model.ts';
import { scriptedOperator } from '../fixtures/scripted-operator.ts';

const DEADLINE_MS = 10_000;
export const TOKEN = 'right-token-right-token-right-token-right-t';

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

export function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tailrace-http-'));
  ends.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export interface Served {
  readonly listener: HttpListener;
  readonly readModel: ReadModel;
}

export async function serve(more: Partial<HttpOptions> = {}): Promise<Served> {
  const readModel = createReadModel();
  const options: HttpOptions = {
    address: '127.0.0.1',
    port: 0,
    readModel,
    metricsText: async () => 'up 1\n',
    operator: scriptedOperator(),
    page: NO_PAGE,
    version: '0.0.0',
    door: { loopback: true, token: TOKEN },
    ...more,
  };
  const begun = await startHttp(options);
  if (!begun.ok) throw new Error(begun.detail);
  ends.push(() => begun.listener.close());
  return { listener: begun.listener, readModel: more.readModel ?? readModel };
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

export function ask(options: RequestOptions, body?: string): Promise<Answer> {
  return new Promise((done, failed) => {
    const asking = request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => done({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    asking.on('error', failed);
    asking.end(body);
  });
}

export const get = (listener: HttpListener, path: string, headers: Record<string, string> = {}) =>
  ask({ host: '127.0.0.1', port: listener.port, path, headers });

export interface Heard {
  readonly event: string;
  readonly data: unknown;
}

/** A client of `/api/v1/events` that reads until it is told to stop. */
export class Listening {
  readonly events: Heard[] = [];
  readonly headers: IncomingMessage['headers'];
  raw = '';
  ended = false;
  readonly #response: IncomingMessage;

  constructor(response: IncomingMessage) {
    this.headers = response.headers;
    this.#response = response;
    let rest = '';
    response.setEncoding('utf8').on('data', (chunk: string) => {
      this.raw += chunk;
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) this.#take(block);
    });
    response.on('error', () => {});
    response.on('close', () => {
      this.ended = true;
    });
  }

  /** As the standard says: lines of `event` and `data`, the others are comments. */
  #take(block: string): void {
    const lines = block.split(/\r\n|\r|\n/);
    const of = (field: string) =>
      lines.filter((line) => line.startsWith(`${field}: `)).map((line) => line.slice(field.length + 2));
    if (of('data').length > 0)
      this.events.push({ event: of('event').at(-1) ?? '', data: JSON.parse(of('data').join('\n')) });
  }

  named(event: string): readonly unknown[] {
    return this.events.filter((each) => each.event === event).map((each) => each.data);
  }

  async until(what: string, isSo: () => boolean): Promise<void> {
    await eventually(`${what}; heard: ${this.raw.slice(-2_000)}`, isSo);
  }

  leave(): void {
    this.#response.destroy();
  }

  pause(): void {
    this.#response.pause();
  }
}

export function listen(listener: HttpListener): Promise<Listening> {
  return new Promise((done, failed) => {
    const where = { host: '127.0.0.1', port: listener.port, path: '/api/v1/events', agent: false };
    const asking = request(where, (response) => {
      const listening = new Listening(response);
      ends.push(() => listening.leave());
      if (response.statusCode === 200) done(listening);
      else failed(new Error(`answered ${response.statusCode}`));
    });
    asking.on('error', failed);
    asking.end();
  });
}

export async function eventually(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = Date.now() + DEADLINE_MS;
  while (!(await isSo())) {
    if (Date.now() > deadlineMs) throw new Error(`never: ${what}`);
    await new Promise((again) => setTimeout(again, 10));
  }
}
