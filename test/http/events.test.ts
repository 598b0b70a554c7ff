import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { EventFeed } from '../../src/http/event-feed.ts';
import { MAX_EVENT_BACKLOG_BYTES, MAX_EVENT_CLIENTS, MAX_STREAMS_PER_EVENT } from '../../src/http/http-limits.ts';
import { send } from '../../src/http/reply.ts';
import { streamId } from '../../src/machines/ids.ts';
import { createReadModel } from '../../src/read-model/read-model.ts';
import { idOf, viewOf } from '../fixtures/stream-views.ts';
import { ask, eventually, get, listen, serve } from './served.ts';

describe('who listens to events', () => {
  test('hears hello first, with the daemon, the sums and the version', async () => {
    const { listener, readModel } = await serve();
    readModel.streamChanged(viewOf(1));
    const client = await listen(listener);
    await client.until('hello', () => client.events.length > 0);
    expect(client.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    expect(client.events[0]).toMatchObject({
      event: 'hello',
      data: { daemon: { phase: 'booting' }, totals: { streams: 1 }, version: '0.0.0' },
    });
  });

  test('hears what changes, gathered: a thousand changes of one stream are a few events, the last one tells the newest', async () => {
    const { listener, readModel } = await serve();
    const client = await listen(listener);
    for (let n = 1; n <= 1_000; n += 1) readModel.streamChanged(viewOf(1, { sizeBytes: n }));
    await client.until('the newest', () =>
      client.named('streams').some((streams) => (streams as { sizeBytes: number }[])[0]?.sizeBytes === 1_000),
    );
    expect(client.named('streams')).toMatchObject([[viewOf(1, { sizeBytes: 1_000 })]]);
    expect(client.named('totals')).toMatchObject([{ streams: 1, sizeBytes: 1_000 }]);
  });

  test('hears of the daemon, and of streams that were forgotten', async () => {
    const { listener, readModel } = await serve();
    readModel.streamChanged(viewOf(1));
    const client = await listen(listener);
    readModel.streamChanged(viewOf(1, { sizeBytes: 7 }));
    readModel.streamForgotten(streamId(idOf(1)));
    readModel.daemonChanged({ phase: 'running' });
    await client.until('all three', () => client.named('forgotten').length > 0 && client.named('daemon').length > 0);
    expect(client.named('forgotten')).toEqual([[idOf(1)]]);
    expect(client.named('daemon')).toMatchObject([{ phase: 'running' }]);
    expect(client.named('streams')).toEqual([]);
  });

  test('hears of many streams in turns, of each one', async () => {
    const { listener, readModel } = await serve();
    const client = await listen(listener);
    const count = MAX_STREAMS_PER_EVENT + 1;
    for (let n = 1; n <= count; n += 1) readModel.streamChanged(viewOf(n));
    await client.until('two turns', () => client.named('streams').length === 2);
    expect(client.named('streams').map((streams) => (streams as unknown[]).length)).toEqual([MAX_STREAMS_PER_EVENT, 1]);
  });

  test('does not hear the same sums and the same daemon again', async () => {
    const { listener, readModel } = await serve();
    const client = await listen(listener);
    readModel.streamChanged(viewOf(1));
    await client.until('the first', () => client.named('streams').length === 1);
    readModel.streamChanged(viewOf(1, { state: 'active.uploading' }));
    await client.until('the second', () => client.named('streams').length === 2);
    expect(client.named('totals')).toHaveLength(1);
    expect(client.named('daemon')).toHaveLength(1);
  });

  test('cannot be told an event that a file name forged', async () => {
    const { listener, readModel } = await serve();
    const client = await listen(listener);
    const path = '/r/a\n\nevent: forgotten\ndata: ["x"]\r\n\r\revent: daemon\rdata: {}\u2028\n\n.mp4';
    readModel.streamChanged(viewOf(1, { path, key: path }));
    await client.until('it', () => client.named('streams').length > 0 && client.named('totals').length > 0);
    expect(client.named('streams')).toMatchObject([[{ path }]]);
    expect(new Set(client.events.map((each) => each.event))).toEqual(new Set(['hello', 'streams', 'totals', 'daemon']));
    expect(client.raw).not.toContain('\r');
  });
});

describe('the feed', () => {
  test('costs nothing while nobody listens: the read model is not watched, nothing is kept', async () => {
    const readModel = createReadModel();
    let watchers = 0;
    const watched = {
      ...readModel,
      watch: (watching: Parameters<typeof readModel.watch>[0]) => {
        watchers += 1;
        const stop = readModel.watch(watching);
        return () => {
          watchers -= 1;
          stop();
        };
      },
    };
    const { listener } = await serve({ readModel: watched });
    expect(watchers).toBe(0);
    const [one, two] = [await listen(listener), await listen(listener)];
    await eventually('watched once', () => watchers === 1);
    one.leave();
    two.leave();
    await eventually('watched no more', () => watchers === 0);
    watched.streamChanged(viewOf(1));
    const again = await listen(listener);
    await again.until('hello', () => again.events.length > 0);
    expect(again.events[0]).toMatchObject({ event: 'hello', data: { totals: { streams: 1 } } });
  });

  test('serves a bounded number; the next is told to come later, and may when one has left', async () => {
    const { listener } = await serve();
    const clients = [];
    for (let n = 0; n < MAX_EVENT_CLIENTS; n += 1) clients.push(await listen(listener));
    const refused = await get(listener, '/api/v1/events');
    expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    expect(JSON.parse(refused.body).error.code).toBe('too_many_listeners');
    clients[0]?.leave();
    await eventually('a place is free', () =>
      listen(listener).then(
        () => true,
        () => false,
      ),
    );
  });

  test('cuts off who does not read', async () => {
    const readModel = createReadModel();
    const feed = new EventFeed({ readModel, version: '0.0.0' });
    const server = createServer((_, response) => send(response, feed.reply(), false));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const path = 'x'.repeat(MAX_EVENT_BACKLOG_BYTES);
    let n = 0;
    const growing = setInterval(() => readModel.streamChanged(viewOf(1, { path, sizeBytes: ++n })), 50);
    try {
      socket.on('error', () => {});
      socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await new Promise((heard) => socket.once('data', heard));
      socket.pause();
      expect(feed.size).toBe(1);
      await eventually('it is let go', () => feed.size === 0);
    } finally {
      clearInterval(growing);
      socket.destroy();
      feed.close();
      server.closeAllConnections();
      server.close();
    }
  });

  test('ends its connections when the listener closes', async () => {
    const { listener } = await serve();
    const client = await listen(listener);
    await listener.close();
    await client.until('its end', () => client.ended);
  });

  test('HEAD tells what it is and ends', async () => {
    const { listener } = await serve();
    const head = await ask({ host: '127.0.0.1', port: listener.port, path: '/api/v1/events', method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, headers: { 'content-type': 'text/event-stream; charset=utf-8' } });
  });
});
