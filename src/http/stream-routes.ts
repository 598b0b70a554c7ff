// What is asked of one stream, and what is wished for it. Ids may be given by their first digits where these are unique.

import type { StreamId } from '../machines/ids.ts';
import type { Operator, Refusal, Wish } from '../ports/operator.ts';
import type { StreamView } from '../ports/stream-view.ts';
import type { ReadModel } from '../read-model/read-model.ts';
import { errorReply, json, type Reply } from './reply.ts';

/** Ids have 32 digits; people paste the first eight. */
const SHORTEST_ID_CHARS = 4;

export interface StreamSources {
  readonly readModel: ReadModel;
  readonly operator: Operator;
}

export interface StreamRoute {
  readonly method: 'GET' | 'POST';
  readonly answer: (view: StreamView, operator: Operator) => Reply | Promise<Reply>;
}

const wishRoute = (wish: Wish): StreamRoute => ({
  method: 'POST',
  answer: ({ id }, operator) => {
    const wished = operator.wish(id, wish);
    return wished.accepted ? json(202, wished) : refusalReply(wished);
  },
});

/** By the word after the id. */
const STREAM_ROUTES: Readonly<Record<string, StreamRoute>> = {
  '': { method: 'GET', answer: (view) => json(200, view) },
  parts: { method: 'GET', answer: ({ id }, operator) => partsReply(id, operator) },
  history: {
    method: 'GET',
    answer: ({ id }, operator) => json(200, { streamId: id, entries: operator.history(id) }),
  },
  finalize: wishRoute('finalize'),
  retry: wishRoute('retry'),
  abort: wishRoute('abort'),
  forget: { method: 'POST', answer: ({ id }, operator) => forgetReply(id, operator) },
};

const ONE_STREAM = /^\/api\/v1\/streams\/([^/]+)(?:\/([a-z]+))?$/;

export interface FoundStreamRoute {
  readonly method: StreamRoute['method'];
  readonly answer: (sources: StreamSources) => Reply | Promise<Reply>;
}

/** undefined: no path of a stream. */
export function streamRoute(path: string): FoundStreamRoute | undefined {
  const [, id, word = ''] = ONE_STREAM.exec(path) ?? [];
  const found = id !== undefined && Object.hasOwn(STREAM_ROUTES, word) ? STREAM_ROUTES[word] : undefined;
  if (id === undefined || !found) return undefined;
  return {
    method: found.method,
    answer: ({ readModel, operator }) => {
      if (!/^[0-9a-f]{1,32}$/.test(id) || id.length < SHORTEST_ID_CHARS)
        return errorReply(400, 'bad_id', `A stream's id has 32 hex digits; its first ${SHORTEST_ID_CHARS} or more do.`);
      const view = readModel.one(id);
      if (!view) return errorReply(404, 'no_such_stream', 'No stream, or more than one, has this id.');
      return found.answer(view, operator);
    },
  };
}

async function partsReply(id: StreamId, operator: Operator): Promise<Reply> {
  const parts = await operator.parts(id);
  return parts.ok ? json(200, parts.value) : errorReply(503, parts.failure.code, parts.failure.detail);
}

async function forgetReply(id: StreamId, operator: Operator): Promise<Reply> {
  const forgotten = await operator.forget(id);
  return forgotten.accepted ? json(200, forgotten) : refusalReply(forgotten);
}

const refusalReply = ({ why, reason }: Refusal): Reply => errorReply(why === 'refused' ? 409 : 503, why, reason);
