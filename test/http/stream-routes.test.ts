import { describe, expect, test } from 'vitest';
import { scriptedOperator } from '../fixtures/scripted-operator.ts';
import { idOf, viewOf } from '../fixtures/stream-views.ts';
import { ask, get, type Served, serve, TOKEN } from './served.ts';

const post = ({ listener }: Served, path: string) =>
  ask({
    ...{ host: '127.0.0.1', port: listener.port, method: 'POST' },
    path: `/api/v1/streams/${path}`,
    headers: { Authorization: `Bearer ${TOKEN}` },
  });

async function served(operator = scriptedOperator()): Promise<Served> {
  const all = await serve({ operator });
  all.readModel.streamChanged(viewOf(0x11));
  all.readModel.streamChanged(viewOf(0x12));
  return all;
}

describe('one stream', () => {
  test('has parts and a history', async () => {
    const { listener } = await served();
    const parts = JSON.parse((await get(listener, `/api/v1/streams/${idOf(0x11)}/parts`)).body);
    expect(parts).toMatchObject({ streamId: idOf(0x11), generation: 1, parts: [{ state: 'sent' }, { etag: null }] });
    const history = JSON.parse((await get(listener, '/api/v1/streams/00000011/history')).body);
    expect(history).toMatchObject({ streamId: idOf(0x11), entries: [{ kind: 'fact' }, { kind: 'state' }] });
  });

  test('is not there: 404; its id is not one: 400; another word: 404', async () => {
    const all = await served();
    expect((await get(all.listener, '/api/v1/streams/ffff/parts')).status).toBe(404);
    expect((await get(all.listener, '/api/v1/streams/0000001/history')).status).toBe(404);
    expect((await get(all.listener, '/api/v1/streams/xyz/parts')).status).toBe(400);
    expect((await get(all.listener, `/api/v1/streams/${idOf(0x11)}/constructor`)).status).toBe(404);
    expect((await get(all.listener, `/api/v1/streams/${idOf(0x11)}/parts/1`)).status).toBe(404);
    expect((await post(all, 'ffff/abort')).status).toBe(404);
    expect((await post(all, '0000001/abort')).status).toBe(404);
    expect((await post(all, `${idOf(0x11)}/parts`)).status).toBe(405);
  });
});

describe('a wish', () => {
  test('that the state refuses is 409 with the reason', async () => {
    const refused = { accepted: false, why: 'refused', reason: 'It is finalizing.completing.' } as const;
    const all = await served(scriptedOperator({ wished: refused, forgotten: refused }));
    for (const verb of ['finalize', 'retry', 'abort', 'forget']) {
      const answer = await post(all, `${idOf(0x11)}/${verb}`);
      expect(answer.status).toBe(409);
      expect(JSON.parse(answer.body)).toEqual({ error: { code: 'refused', message: refused.reason } });
    }
  });

  test('that nobody hears now is 503', async () => {
    const later = { accepted: false, why: 'unavailable', reason: 'The daemon is ending.' } as const;
    const all = await served(scriptedOperator({ wished: later, forgotten: later }));
    expect((await post(all, `${idOf(0x11)}/abort`)).status).toBe(503);
    expect((await post(all, `${idOf(0x11)}/forget`)).status).toBe(503);
  });

  test('to forget names what it leaves in S3', async () => {
    const left = [{ target: { bucket: 'b', key: 'k' }, uploadId: 'u1' as never, parts: 3 }];
    const all = await served(scriptedOperator({ forgotten: { accepted: true, leftUploads: left } }));
    const answer = await post(all, `${idOf(0x11)}/forget`);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toEqual({ accepted: true, leftUploads: left });
  });
});
