// Paths and what they answer. Looking reads the read model, the metrics and the operator; only POST changes something.
//
// `/healthz` says that the process is alive and its event loop turns: it never looks at S3, Redis or the streams.

import { MAX_PAGE } from '../read-model/read-model.ts';
import type { EventFeed } from './event-feed.ts';
import { DEFAULT_PAGE } from './http-limits.ts';
import type { PageFiles } from './page-files.ts';
import { errorReply, json, type LiveReply, type Reply, text } from './reply.ts';
import { type StreamSources, streamRoute } from './stream-routes.ts';

export interface RouteSources extends StreamSources {
  /** The registry of metrics in Prometheus' text format. */
  readonly metricsText: () => Promise<string>;
  readonly events: EventFeed;
  readonly page: PageFiles;
}

export interface Asked {
  readonly method: string;
  /** As it came: path and query. */
  readonly target: string;
  readonly ifNoneMatch: string | undefined;
}

/** Prometheus' text exposition format 0.0.4. */
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Where the page is not built. */
const INDEX = `tailrace carries growing files to S3 while they grow.

/healthz                       alive
/readyz                        watching, or why not
/metrics                       for Prometheus
/api/v1/streams                all streams (?limit= ?after= ?state=)
/api/v1/streams/{id}           one stream
/api/v1/streams/{id}/parts     its parts
/api/v1/streams/{id}/history   what happened to it lately
/api/v1/events                 what changes, as server-sent events

POST /api/v1/streams/{id}/finalize, retry, abort, forget
`;

type AnyReply = Reply | LiveReply;
type Route = (sources: RouteSources, query: URLSearchParams) => AnyReply | Promise<AnyReply>;

const ROUTES = new Map<string, Route>(
  Object.entries({
    '/healthz': () => json(200, { status: 'alive' }),
    '/readyz': ({ readModel }) => {
      const readiness = readModel.readiness();
      return json(readiness.ready ? 200 : 503, readiness);
    },
    '/metrics': async ({ metricsText }) => text(await metricsText(), METRICS_TYPE),
    '/api/v1/streams': listStreams,
    '/api/v1/events': ({ events }) => events.reply(),
  }),
);

export async function route(asked: Asked, sources: RouteSources): Promise<AnyReply> {
  const { method, target } = asked;
  // After the host, so that a target like //name is a path and no other host.
  const url = target.startsWith('/') ? URL.parse(`http://localhost${target}`) : null;
  if (!url) return errorReply(400, 'bad_request', 'The request target is no path.');
  const ofStream = streamRoute(url.pathname);
  const found = ofStream?.answer ?? ROUTES.get(url.pathname) ?? (await pageRoute(url.pathname, asked, sources));
  if (!found)
    return errorReply(404, 'not_found', 'There is nothing at this path. docs/http-api.md lists what there is.');
  const wanted = ofStream?.method ?? 'GET';
  if (method === wanted || (method === 'HEAD' && wanted === 'GET')) return found(sources, url.searchParams);
  const allowed = wanted === 'GET' ? 'GET, HEAD' : wanted;
  const reply = errorReply(405, 'method_not_allowed', `Only ${allowed} is answered here.`);
  return { ...reply, headers: { Allow: allowed } };
}

async function pageRoute(path: string, { ifNoneMatch }: Asked, { page }: RouteSources): Promise<Route | undefined> {
  const file = await page.at(path, ifNoneMatch);
  if (file) return () => file;
  return path === '/' ? () => text(INDEX) : undefined;
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
