// What the memory registry reads of all streams at once: the same answers as the real one's.

import { readStored } from '../../src/adapters/stored-record.ts';
import type { StreamId } from '../../src/machines/ids.ts';
import type { StoredRecord } from '../../src/machines/stream-record.ts';
import type { IsNews } from '../../src/ports/registry.ts';
import type { MemoryRedis } from './memory-registry.ts';

const FINAL_SETS = ['streams:completed', 'streams:aborted'];

type Read = Pick<MemoryRedis, 'sets' | 'metas' | 'snapshots'>;

export function loaded({ sets, metas, snapshots }: Read, isNews: IsNews) {
  const records: StoredRecord[] = [];
  const unreadable: StreamId[] = [];
  for (const [set, members] of sets) {
    for (const id of members) {
      const { rev, fence, final_record: final } = metas.get(id) ?? {};
      const text = snapshots.get(id);
      const isOver = text === undefined && FINAL_SETS.includes(set);
      if (isOver && (final === undefined || !isNews(id, { rev: Number(rev), fence: Number(fence) }))) continue;
      const stored = readStored(text ?? final ?? '');
      if (stored?.record.streamId === id) records.push(stored);
      else unreadable.push(id);
    }
  }
  return { records, unreadable };
}

export function straysIn({ sets, metas }: Read, folder: string, isKnown: (id: StreamId) => boolean): StreamId[] {
  const final = FINAL_SETS.flatMap((name) => [...(sets.get(name) ?? [])]);
  return final.filter((id) => !isKnown(id) && metas.get(id)?.['original_path']?.startsWith(`${folder}/`) === true);
}
