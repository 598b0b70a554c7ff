import { describe, expect, test } from 'vitest';
import { LiveLines } from '../../src/cli/live-lines.ts';
import { progressLines } from '../../src/cli/live-progress.ts';
import { completedView, failedView, viewOf } from '../fixtures/stream-views.ts';

const ESCAPE = '\u001b\\[';
const SEPARATORS = new RegExp(`(${ESCAPE}\\d*[AJ]|\\n)`);
const UP = new RegExp(`^${ESCAPE}(\\d+)A$`);

/** What stands on a terminal after all that was written: enough of one for what is used here. */
function onTerminal(written: readonly string[]): readonly string[] {
  const lines: string[] = [''];
  for (const piece of written.join('').split(SEPARATORS)) {
    const up = UP.exec(piece);
    if (up) lines.splice(Math.max(0, lines.length - 1 - Number(up[1])), lines.length, '');
    else if (piece === '\n') lines.push('');
    else if (!piece.startsWith('\u001b')) lines[lines.length - 1] += piece;
  }
  return lines;
}

describe('live lines', () => {
  test('stay below the log, and go without a trace', () => {
    const written: string[] = [];
    const live = new LiveLines(
      (text) => written.push(text),
      () => 40,
    );
    live.log('one\n');
    live.show(['a 1%', 'b 2%']);
    live.log('two\n');
    live.show(['a 50%']);
    live.asStream().write('three\n');
    expect(onTerminal(written)).toEqual(['one', 'two', 'three', 'a 50%', '']);
    live.show([]);
    expect(onTerminal(written)).toEqual(['one', 'two', 'three', '']);
  });

  test('write nothing when nothing changed, and never more than a line of the terminal', () => {
    const written: string[] = [];
    const live = new LiveLines(
      (text) => written.push(text),
      () => 10,
    );
    live.show(['x'.repeat(50)]);
    expect(onTerminal(written)).toEqual(['x'.repeat(9), '']);
    const before = written.length;
    live.show(['x'.repeat(50)]);
    expect(written.length).toBe(before);
  });
});

describe('progress', () => {
  test('shows what is on its way, the newest activity first; neither the finished nor the failed', () => {
    const lines = progressLines([
      viewOf(1, { lastActivityMs: 1 }),
      viewOf(2, { lastActivityMs: 2, sizeBytes: 200, sentBytes: 50 }),
      completedView(3),
      failedView(4),
    ]);
    expect(lines).toEqual([
      '  take-2.mp4               [###.........] 50 B of 200 B  active.waiting',
      '  take-1.mp4               [#######.....] 60 B of 100 B  active.waiting',
    ]);
  });

  test('is short, and a hostile name cannot speak to the terminal', () => {
    const many = Array.from({ length: 9 }, (_, n) => viewOf(n, { path: `/r/\u001b[2J\n${n}.mp4` }));
    const lines = progressLines(many);
    expect(lines).toHaveLength(6);
    expect(lines.at(-1)).toContain('and 4 more');
    expect(lines.join('')).not.toContain('\u001b');
    expect(progressLines([viewOf(1, { sizeBytes: 0, sentBytes: 0 })])[0]).toContain('[............] 0 B of 0 B');
  });
});
