// Paths and what they answer. Reads the read model and the metrics; changes nothing (changing verbs come later, as POST).
//
// `/healthz` says that the process is alive and its event loop turns: it never looks at S3, Redis or the streams.

import { MAX_PAGE, type ReadModel } from '../read-model/read-model.ts';
import { DEFAULT_PAGE } from './http-limits.ts';
import { errorReply, json, type Reply, text } from './reply.ts';

export interface RouteSources {
  readonly readModel: ReadModel;
  /** The registry of metrics in Prometheus' text format. */
  readonly metricsText: () => Promise<string>;
}

/** Prometheus' text exposition format 0.0.4. */
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
/** Ids have 32 digits; people paste the first eight. */
const SHORTEST_ID_CHARS = 4;

const INDEX = `tailrace carries growing files to S3 while they grow.

/healthz               alive
/readyz                watching, or why not
/metrics               for Prometheus
/api/v1/streams        all streams (?limit= ?after= ?state=)
/api/v1/streams/{id}   one stream
`;

type Route = (sources: RouteSources, query: URLSearchParams) => Reply | Promise<Reply>;

const ROUTES = new Map<string, Route>(
  Object.entries({
    '/': () => text(INDEX),
    '/healthz': () => json(200, { status: 'alive' }),
    '/readyz': ({ readModel }) => {
      const readiness = readModel.readiness();
      return json(readiness.ready ? 200 : 503, readiness);
    },
    '/metrics': async ({ metricsText }) => text(await metricsText(), METRICS_TYPE),
    '/api/v1/streams': listStreams,
  }),
);

const ONE_STREAM = /^\/api\/v1\/streams\/([^/]+)$/;

export async function route(method: string, target: string, sources: RouteSources): Promise<Reply> {
  const url = URL.parse(target, 'http://localhost');
  if (!url || !target.startsWith('/')) return errorReply(400, 'bad_request', 'The request target is no path.');
  const id = ONE_STREAM.exec(url.pathname)?.[1];
  const found = id === undefined ? ROUTES.get(url.pathname) : oneStream(id);
  if (!found) {
    return errorReply(404, 'not_found', 'There is nothing at this path. GET / lists what there is.');
  }
  if (method !== 'GET' && method !== 'HEAD') {
    const reply = errorReply(405, 'method_not_allowed', 'Only GET and HEAD are answered here.');
    return { ...reply, headers: { Allow: 'GET, HEAD' } };
  }
  return found(sources, url.searchParams);
}

function oneStream(id: string): Route {
  return ({ readModel }) => {
    if (!/^[0-9a-f]{1,32}$/.test(id) || id.length < SHORTEST_ID_CHARS) {
      return errorReply(400, 'bad_id', `A stream's id has 32 hex digits; its first ${SHORTEST_ID_CHARS} or more do.`);
    }
    const view = readModel.one(id);
    return view ? json(200, view) : errorReply(404, 'no_such_stream', 'No stream, or more than one, has this id.');
  };
}

const KNOWN_PARAMETERS = ['limit', 'after', 'state'];

function listStreams({ readModel }: RouteSources, query: URLSearchParams): Reply {
  const limit = query.get('limit') ?? String(DEFAULT_PAGE);
  const after = query.get('after');
  const state = query.get('state');
  const mistake =
    unknownParameter(query) ??
    (/^\d{1,4}$/.test(limit) && Number(limit) >= 1 && Number(limit) <= MAX_PAGE
      ? null
      : `limit must be a number from 1 to ${MAX_PAGE}.`) ??
    (after === null || /^[0-9a-f]{32}$/.test(after) ? null : 'after must be the id of a stream (32 hex digits).') ??
    (state === null || /^[a-z0-9_]{1,40}(\.[a-z0-9_]{1,40}){0,3}$/.test(state)
      ? null
      : 'state must be a dotted state.');
  if (mistake !== null) return errorReply(400, 'bad_query', mistake);
  const page = readModel.list({
    limit: Number(limit),
    ...(after === null ? {} : { after }),
    ...(state === null ? {} : { state }),
  });
  return json(200, { ...page, totals: readModel.totals(), daemon: readModel.daemon() });
}

function unknownParameter(query: URLSearchParams): string | null {
  const unknown = [...query.keys()].some((name) => !KNOWN_PARAMETERS.includes(name));
  return unknown ? `Known parameters: ${KNOWN_PARAMETERS.join(', ')}.` : null;
}
