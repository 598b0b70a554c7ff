// Many requests at once: a turn for each, and connections that are used again.

import { afterEach, describe, expect, test, vi } from 'vitest';
import { got } from '../../contracts/object-store-fixture.ts';
import { type RawServer, startRawServer, xml } from './raw-server.ts';
import { SENDS } from './requests.ts';

describe('many requests', () => {
  let current: RawServer | undefined;
  afterEach(() => current?.close());

  async function rawServer(options: Parameters<typeof startRawServer>[0] = {}): Promise<RawServer> {
    current = await startRawServer(options);
    return current;
  }

  test('many requests at once wait for their turn, in order, and none is counted as a failed connection', async () => {
    const server = await rawServer({ timeouts: { connectMs: 400 } });
    const underWay = new Set<object>();
    let most = 0;
    server.answer = () => (response) => {
      underWay.add(response);
      most = Math.max(most, underWay.size);
      setTimeout(() => {
        underWay.delete(response);
        response.writeHead(404, { 'content-length': 0 }).end();
      }, 50);
    };
    // 1,000 requests of 50 ms through 64 slots: over 700 ms, longer than a connection may take.
    const outcomes = await Promise.all(Array.from({ length: 1000 }, () => SENDS.headObject(server.store)));
    expect(outcomes.filter((outcome) => !outcome.ok)).toEqual([]);
    expect(most).toBe(64);
    expect(server.connections()).toBeLessThanOrEqual(64);
  });

  test('a request that waits for its turn can be given up, and gives up no turn', async () => {
    const server = await rawServer({ timeouts: { requestMs: 5_000 } });
    const held: (() => void)[] = [];
    server.answer = () => (response) => void held.push(() => response.writeHead(404).end());
    const busy = Array.from({ length: 64 }, () => SENDS.headObject(server.store));
    const caller = new AbortController();
    const waiting = SENDS.completeUpload(server.store, { signal: caller.signal });
    const behind = SENDS.headObject(server.store);
    await vi.waitFor(() => expect(held).toHaveLength(64));
    caller.abort();
    const givenUp = await waiting;
    expect(givenUp).toMatchObject({ ok: false, failure: { code: 's3_unavailable' } });
    // It never left.
    if (!givenUp.ok) expect(givenUp.failure.answered).toBeUndefined();
    expect(server.seen).toHaveLength(64);
    for (const answer of held.splice(0)) answer();
    await vi.waitFor(() => expect(held).toHaveLength(1));
    for (const answer of held.splice(0)) answer();
    for (const outcome of await Promise.all([...busy, behind])) expect(outcome.ok).toBe(true);
    // All turns are there again.
    const later = Array.from({ length: 64 }, () => SENDS.headObject(server.store));
    await vi.waitFor(() => expect(held).toHaveLength(64));
    for (const answer of held.splice(0)) answer();
    await Promise.all(later);
  });

  test('connections are used again', async () => {
    const server = await rawServer();
    server.answer = () => xml('<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>');
    for (let i = 0; i < 20; i += 1) got(await SENDS.createUpload(server.store));
    expect(server.connections()).toBe(1);
  });

  test('what is told of S3: that it does not answer, and that it answers again, refusals included; what we give up says nothing', async () => {
    const told: boolean[] = [];
    const server = await rawServer({ onReachable: (isReachable) => void told.push(isReachable) });
    const ask = () => SENDS.headObject(server.store);
    server.answer = () => (response) => void response.writeHead(404).end();
    for (let n = 0; n < 3; n += 1) await ask();
    server.answer = () => (response) => void response.destroy();
    for (let n = 0; n < 3; n += 1) await ask();
    server.answer = () => (response) => void response.writeHead(403).end();
    for (let n = 0; n < 3; n += 1) await ask();
    server.answer = () => () => {};
    const caller = new AbortController();
    const waiting = SENDS.headObject(server.store, { signal: caller.signal });
    setTimeout(() => caller.abort(), 100);
    await waiting;
    expect(told).toEqual([true, false, true]);
  });
});
