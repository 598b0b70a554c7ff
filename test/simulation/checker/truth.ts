// I3, truthful state: what is shown agrees with what is; a failure says why; nothing is told twice in different words. And no bug was
// noticed by the program itself.

import { setOf, statusOf } from '../../../src/machines/stream-status.ts';
import type { Evidence, Violation } from './evidence.ts';
import { type History, short } from './history.ts';

export function untruths(evidence: Evidence, history: History): Violation[] {
  return [...noticedBugs(evidence), ...silentFailures(history), ...registryDisagrees(evidence)].map((sentence) => ({
    invariant: 'I3',
    sentence,
  }));
}

function* noticedBugs({ events }: Evidence): Iterable<string> {
  for (const [at, event] of events.entries()) {
    if (event.kind === 'log' && event.message.startsWith('bug'))
      yield `${event.daemon} reports "${event.message}": ${event.detail} (event ${at})`;
    if (event.kind === 'daemon.ended' && event.how === 'broken') yield `${event.daemon} broke (event ${at})`;
    if (event.kind === 'stream' && event.failure === 'bug')
      yield `stream ${short(event.streamId)} ended in a bug (event ${at})`;
  }
}

function* silentFailures(history: History): Iterable<string> {
  for (const [id, moves] of history.moves)
    for (const { at, event } of moves)
      if (event.state.startsWith('failed.') && event.failure === null)
        yield `stream ${short(id)} failed and does not say why (event ${at})`;
}

/** When all is quiet, Redis shows what the journal holds. */
function* registryDisagrees({ registry, records, unfinished }: Evidence): Iterable<string> {
  if (!registry || unfinished.size > 0) return;
  const shown = new Map(registry.map((state) => [state.streamId, state]));
  for (const { streamId, state, memory } of records) {
    const status = statusOf(state, memory.failure);
    const there = shown.get(streamId);
    if (!there) yield `Redis does not show stream ${short(streamId)}, which is ${status}`;
    else if (there.status !== status)
      yield `Redis shows stream ${short(streamId)} as ${there.status}, but it is ${status}`;
    else if (there.sets.join() !== setOf(status))
      yield `Redis has stream ${short(streamId)} (${status}) in the sets [${there.sets.join()}], not in ${setOf(status)}`;
  }
}
