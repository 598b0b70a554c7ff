import { describe, expect, test } from 'vitest';
import { StreamHistory } from '../../src/actors/stream-history.ts';
import { streamId } from '../../src/machines/ids.ts';

const id = (n: number) => streamId(n.toString(16).padStart(32, '0'));

describe('a history', () => {
  test('keeps the newest entries of a stream', () => {
    const history = new StreamHistory(3, 100);
    for (let n = 1; n <= 5; n += 1) history.note(id(1), 'state', `s${n}`, '', n);
    expect(history.entries(id(1)).map(({ name }) => name)).toEqual(['s3', 's4', 's5']);
  });

  test('of all streams is bounded: the one that was quiet the longest loses its oldest first', () => {
    const history = new StreamHistory(10, 4);
    for (const n of [1, 2]) for (const at of [1, 2]) history.note(id(n), 'state', `s${at}`, '', at);
    history.note(id(1), 'state', 's3', '', 3);
    expect(history.entries(id(2)).map(({ name }) => name)).toEqual(['s2']);
    history.note(id(3), 'state', 's1', '', 4);
    expect(history.entries(id(2))).toEqual([]);
    expect(history.entries(id(1)).map(({ name }) => name)).toEqual(['s1', 's2', 's3']);
    history.forget(id(1));
    for (let n = 10; n < 13; n += 1) history.note(id(n), 'state', 's', '', n);
    expect(history.entries(id(3))).toHaveLength(1);
  });

  test('says of what repeats how often and when last', () => {
    const history = new StreamHistory();
    for (let n = 1; n <= 3; n += 1) history.note(id(1), 'fact', 'file.observed', `${n} bytes`, n);
    history.note(id(1), 'fact', 'stream.due', '', 4);
    history.note(id(1), 'fact', 'stream.due', '', 5);
    expect(history.entries(id(1))).toEqual([
      { atMs: 3, kind: 'fact', name: 'file.observed', detail: '3 bytes (3 times)' },
      { atMs: 5, kind: 'fact', name: 'stream.due', detail: '(2 times)' },
    ]);
  });
});
