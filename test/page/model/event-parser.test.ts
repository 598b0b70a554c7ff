// Server-sent events come in pieces of any size.

import { describe, expect, test } from 'vitest';
import { EventParser, MAX_EVENT_CHARS } from '../../../src/web/model/event-parser.ts';

const TEXT = 'event: hello\ndata: {"a":1}\n\n:\n\nevent: streams\r\ndata: [1,\r\ndata: 2]\r\n\r\ndata: plain\n\n';
const EVENTS = [
  { name: 'hello', data: '{"a":1}' },
  { name: 'streams', data: '[1,\n2]' },
  { name: 'message', data: 'plain' },
];

describe('events', () => {
  test('are the same however the text is cut', () => {
    for (let size = 1; size <= TEXT.length; size += 1) {
      const parser = new EventParser();
      const pieces = TEXT.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
      expect(pieces.flatMap((piece) => parser.take(piece))).toEqual(EVENTS);
    }
  });

  test('are not made of comments, nor of what has no end yet', () => {
    const parser = new EventParser();
    expect(parser.take(': still here\n\nevent: streams\ndata: [1]\n')).toEqual([]);
    expect(parser.take('\n')).toEqual([{ name: 'streams', data: '[1]' }]);
  });

  test('of a line separator in a file name are one', () => {
    expect(new EventParser().take('data: "a\u2028b"\n\n')).toEqual([{ name: 'message', data: '"a\u2028b"' }]);
  });

  test('without end are refused instead of kept', () => {
    const parser = new EventParser();
    const piece = 'x'.repeat(MAX_EVENT_CHARS / 4);
    parser.take('data: ');
    expect(() => {
      for (let count = 0; count < 5; count += 1) parser.take(piece);
    }).toThrow('without end');
  });
});
